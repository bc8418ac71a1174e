"""Reports: what workers send to an endpoint about its deliveries."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from hookwright.contracts import MAX_RETRY_AFTER_SECONDS, DeactivationRule
from hookwright.health.latencies import MAX_COUNT, Latencies
from hookwright.ids import EventType, Name
from hookwright.outcomes import DeliveryState, Outcome
from hookwright.times import Timestamp

MAX_REPORTS = 1_000
"""The most reports in one signal: about 300 KB, where Temporal accepts 2 MiB."""

Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")]
"""A short text that needs no escapes in JSON, because endpoints remember thousands of them."""


MAX_REPORTED_ERROR = 200
"""Characters of an attempt's error that its endpoint shows as its last one."""


class Release(StrEnum):
    """Why a held delivery was released.

    `probe`: to check whether the receiver works again. `drain`: it works again. `manual`: a person
    asked for it.
    """

    PROBE = "probe"
    DRAIN = "drain"
    MANUAL = "manual"


class Report(BaseModel):
    """One change of a delivery: it was attempted or held, or it ended while it was held.

    `key` is the same if a killed worker's work is repeated with the same result. `outcome` and
    `duration_ms` are None if nothing was sent; `retry_after` is in seconds, and set only if the
    contract honours it. `is_held`: the delivery is held from now on. `was_held`: its log says that
    it was held before, which counts only if the endpoint does not remember this `delivery` (one
    run of the workflow). `final`: the workflow ends with this report, so later ones change nothing.
    """

    key: Key
    delivery: Key | None = None
    event_id: Name
    event_type: EventType
    at: Timestamp
    attempts: int = Field(default=0, ge=0)
    outcome: Outcome | None = None
    duration_ms: int | None = Field(default=None, ge=0, le=MAX_COUNT)
    status_code: int | None = None
    error: str | None = Field(default=None, max_length=MAX_REPORTED_ERROR)
    retry_after: float | None = Field(
        default=None, ge=0, le=MAX_RETRY_AFTER_SECONDS, allow_inf_nan=False
    )
    was_held: bool = False
    is_held: bool = False
    probe: bool = False
    ended: DeliveryState | None = None
    final: bool = False
    operational: bool = False


class Reports(BaseModel):
    """The argument of the signal `report`: many reports, and the deactivation rule that applies.

    `delivered` counts successes that need no report of their own, the last of them at
    `last_delivered_at`; `latencies` is the histogram of how long they took.
    """

    rule: DeactivationRule | None = None
    reports: list[Report] = Field(default=[], max_length=MAX_REPORTS)
    delivered: int = Field(default=0, ge=0, le=MAX_COUNT)
    latencies: Latencies = []
    last_delivered_at: Timestamp | None = None

    @property
    def successes(self) -> int:
        """How many successes have a report of their own."""
        return sum(report.outcome is Outcome.DELIVERED for report in self.reports)
