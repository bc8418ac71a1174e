"""What workers report to an endpoint of its deliveries."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from hookwright.contracts import MAX_RETRY_AFTER_SECONDS, DeactivationRule
from hookwright.health.latencies import MAX_COUNT, Latencies
from hookwright.ids import EventType, Name
from hookwright.outcomes import DeliveryState, Outcome
from hookwright.times import Timestamp

MAX_REPORTS = 1_000
"""In one signal: some 300 KB, where Temporal takes 2 MiB."""

Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")]
"""Endpoints remember thousands of these: they are short, and need no escapes in JSON."""


class Release(StrEnum):
    """How a held delivery was let go.

    To see whether the receiver is back, because it is, or because a person wants it.
    """

    PROBE = "probe"
    DRAIN = "drain"
    MANUAL = "manual"


class Report(BaseModel):
    """One thing that became of a delivery: an attempt, or that it was parked, or ended parked.

    `key` is the same when a killed worker's work is repeated and comes to the same. `outcome` and
    `duration_ms` are None where nothing was sent; `retry_after` is what the receiver asked for, in
    seconds, if the contract honours it. `is_held` says whether the delivery waits from now on;
    `was_held` what its log says of before, which counts where the endpoint has not heard of this
    `delivery` (one run of it) lately. `final`: its workflow ends with this, and an attempt still
    under way changes nothing any more.
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
    """The argument of the signal `report`: many reports in one, and the rule that holds.

    `delivered` counts attempts that need no report of their own, the last of them at
    `last_delivered_at`; `latencies` says how long they took.
    """

    rule: DeactivationRule | None = None
    reports: list[Report] = Field(default=[], max_length=MAX_REPORTS)
    delivered: int = Field(default=0, ge=0, le=MAX_COUNT)
    latencies: Latencies = []
    last_delivered_at: Timestamp | None = None
