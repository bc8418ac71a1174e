"""When an endpoint is disabled: the rule, as data of a contract or of an endpoint."""

from enum import StrEnum
from http import HTTPStatus
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

DAY_SECONDS = 86_400


class DisabledReason(StrEnum):
    """Which part of the rule disabled an endpoint."""

    EXHAUSTED = "exhausted"
    FAILING_TOO_LONG = "failing_too_long"
    FAILURE_RATE = "failure_rate"
    GONE = "gone"
    BLOCKED_DESTINATION = "blocked_destination"


class FailureRate(BaseModel):
    """A share of failed attempts in the last hour or day, if there were `at_least` attempts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    share: float = Field(gt=0, le=1)
    over: Literal["hour", "day"] = "hour"
    at_least: int = Field(default=20, ge=1, le=1_000_000)


class DeactivationRule(BaseModel):
    """What disables an endpoint. A part that is left out never disables it.

    `exhausted_in_a_row`: this many deliveries ran out of attempts, with no success in between.
    `failing_for_seconds`: there were failures for this long, without a success. `gone`: the
    receiver answered 410. A blocked destination disables an endpoint in any case.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    exhausted_in_a_row: int | None = Field(default=None, ge=1, le=1_000)
    failing_for_seconds: float | None = Field(
        default=None, ge=1, le=30 * DAY_SECONDS, allow_inf_nan=False
    )
    failure_rate: FailureRate | None = None
    gone: bool = False

    def is_gone(self, status_code: int | None) -> bool:
        """Return whether a status says, under this rule, that the endpoint is gone for ever."""
        return self.gone and status_code == HTTPStatus.GONE
