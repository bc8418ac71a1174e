"""When an endpoint is switched off: the rules, as data of a contract or of an endpoint."""

from enum import StrEnum
from http import HTTPStatus
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

DAY_SECONDS = 86_400


class DisabledReason(StrEnum):
    """Which rule switched an endpoint off."""

    EXHAUSTED = "exhausted"
    FAILING_TOO_LONG = "failing_too_long"
    FAILURE_RATE = "failure_rate"
    GONE = "gone"
    BLOCKED_DESTINATION = "blocked_destination"


class FailureRate(BaseModel):
    """A share of failed attempts in the last hour or day, out of at least so many attempts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    share: float = Field(gt=0, le=1)
    over: Literal["hour", "day"] = "hour"
    at_least: int = Field(default=20, ge=1, le=1_000_000)


class DeactivationRule(BaseModel):
    """What switches an endpoint off; what is left out does not.

    `exhausted_in_a_row`: so many deliveries ran out of attempts, and none was delivered between.
    `failing_for_seconds`: failures for so long without one success. `gone`: it answered 410. A
    blocked destination switches it off in any case.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    exhausted_in_a_row: int | None = Field(default=None, ge=1, le=1_000)
    failing_for_seconds: float | None = Field(
        default=None, ge=1, le=30 * DAY_SECONDS, allow_inf_nan=False
    )
    failure_rate: FailureRate | None = None
    gone: bool = False

    def is_gone(self, status_code: int | None) -> bool:
        """Tell whether an answer says that the endpoint is no more."""
        return self.gone and status_code == HTTPStatus.GONE
