"""A delivery, its attempts, and the log that they leave."""

from datetime import timedelta

from pydantic import BaseModel

from hookwright.health import Release
from hookwright.ids import Name
from hookwright.models.event import EventInput
from hookwright.outcomes import DeliveryState, Outcome, Trigger
from hookwright.times import Timestamp

LONGEST_ATTEMPT = timedelta(seconds=90)
"""The longest timeout that an endpoint may have, 60 s, and room to read the endpoint, report to it
and record the attempt."""


class Timing(BaseModel):
    """How long the phases of an attempt took, in milliseconds.

    Null: it did not happen (the connection was there already), or did not end. `connect_ms` is
    without the name's resolution, `first_byte_ms` from the request's last byte to the reply's head.
    """

    dns_ms: int | None = None
    connect_ms: int | None = None
    tls_ms: int | None = None
    first_byte_ms: int | None = None


class Attempt(BaseModel):
    """The record of one signed POST. `duration_ms` is all of it.

    `request_headers` are those that were sent, at most 2 KiB, in lower case; the signature and the
    endpoint's own headers without their values. Empty: it never came to that.
    """

    number: int
    started_at: Timestamp
    duration_ms: int
    outcome: Outcome
    status_code: int | None
    response_body: str | None
    error: str | None
    trigger: Trigger = Trigger.SCHEDULE
    timing: Timing = Timing()
    request_headers: dict[str, str] = {}


class DeliveryInput(BaseModel):
    """The argument of the `Delivery` workflow: never a URL, a secret or a contract.

    Those are read at each attempt, so that the very next retry uses what was changed.
    `endpoint_version` is the oldest version of the endpoint that the first attempt may use.
    `accepted_at` is the event's place in the queue, should the delivery be held. `unfiltered`: the
    endpoint's filter cost too much at fan-out, so each attempt asks it again before it is made.
    """

    event: EventInput
    happened_at: Timestamp
    accepted_at: Timestamp | None = None
    endpoint_id: Name
    endpoint_version: int
    unfiltered: bool = False


class EndpointTestInput(BaseModel):
    """The argument of the `Trial` workflow: a test event for one endpoint."""

    event: EventInput
    endpoint_id: Name


class DeliveryLog(BaseModel):
    """Every attempt so far and where that leaves the delivery.

    `steps` of the retry table are used up; the next is due at `due_at`, for which Temporal was told
    to wait `retry_in_seconds`. `trigger` is what causes the next attempt. `release` is set from
    the release of a held delivery until its attempt is reported, `held_since` from when it is held
    until then; it was held `holds` times. `unreported`: the last attempt was made, and its endpoint
    may not know of it yet. If the worker is killed then, the attempt is not made again.
    """

    state: DeliveryState = DeliveryState.PENDING
    attempts: list[Attempt] = []
    steps: int = 0
    due_at: Timestamp | None = None
    retry_in_seconds: float = 0.0
    trigger: Trigger = Trigger.SCHEDULE
    release: Release | None = None
    held_since: Timestamp | None = None
    holds: int = 0
    unreported: bool = False

    @property
    def next_number(self) -> int:
        """The number of the next attempt."""
        return self.attempts[-1].number + 1 if self.attempts else 1

    @property
    def counted_as_held(self) -> bool:
        """Whether its endpoint counts it as held, as far as this log knows."""
        return self.state is DeliveryState.HELD or self.release is not None

    @property
    def next_trigger(self) -> Trigger:
        """What causes the next attempt."""
        match self.release:
            case Release.PROBE:
                return Trigger.PROBE
            case Release.MANUAL:
                return Trigger.MANUAL
            case _:
                return self.trigger

    @property
    def off_schedule(self) -> bool:
        """Whether the next attempt uses no step: a probe, or a person's wish before it is due."""
        if self.next_trigger is Trigger.MANUAL:
            return self.release is not None or self.due_at is not None
        return self.next_trigger is Trigger.PROBE


class AttemptInput(BaseModel):
    """The argument of the activities that attempt a delivery: the log says what was done so far."""

    delivery: DeliveryInput
    log: DeliveryLog


class EndedInput(BaseModel):
    """A delivery that has ended in this state without a further attempt; the log is of before."""

    delivery: DeliveryInput
    log: DeliveryLog
    state: DeliveryState
