"""A delivery, its attempts and the log of them."""

from datetime import datetime, timedelta
from typing import Self

from pydantic import BaseModel, Field

from hookwright.health import Release
from hookwright.ids import Name
from hookwright.models.event import EventInput
from hookwright.outcomes import DeliveryState, Outcome, Trigger
from hookwright.times import Timestamp

LONGEST_ATTEMPT = timedelta(seconds=90)
"""The longest timeout of an endpoint (60 s), plus time to read the endpoint, to report to it and to
record the attempt."""


class Timing(BaseModel):
    """How long the phases of an attempt took, in milliseconds.

    Null: the phase did not happen (an open connection was used), or did not end. `connect_ms` is
    without the name's resolution; `first_byte_ms` is from the request's last byte to the headers of
    the response.
    """

    dns_ms: int | None = None
    connect_ms: int | None = None
    tls_ms: int | None = None
    first_byte_ms: int | None = None


class Attempt(BaseModel):
    """The record of one signed POST. `duration_ms` covers the whole attempt.

    `request_headers` are those that were sent, at most 2 KiB, in lower case; the values of the
    signature and of the endpoint's own headers are redacted. Empty: no headers were sent.
    `response_headers` are those of the answer, in the same form; cookies are redacted. `url` is
    where the request went.

    `request_body` is the beginning of the body that was sent, and `request_bytes` the size of the
    whole body. Both are null if nothing was sent. In a `DeliveryLog`, a null `request_body` beside
    `request_bytes` has a meaning of its own (`hookwright/models/kept_attempts.py`).
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
    url: str = ""
    response_headers: dict[str, str] = {}
    request_body: str | None = None
    request_bytes: int | None = None


class DeliveryInput(BaseModel):
    """The argument of the `Delivery` workflow. It never holds a URL, a secret or a contract.

    Each attempt reads those from the endpoint, so a change takes effect at the next retry.
    `endpoint_version` is the oldest version of the endpoint that the first attempt may use. Held
    deliveries are released in the order of `accepted_at`. `unfiltered`: the endpoint's filter cost
    too much at fan-out, so each attempt evaluates it again before the POST.
    """

    event: EventInput
    happened_at: Timestamp
    accepted_at: Timestamp | None = None
    endpoint_id: Name
    endpoint_version: int
    unfiltered: bool = False


class EndpointTestInput(BaseModel):
    """The argument of the `EndpointTest` workflow: a test event for one endpoint."""

    event: EventInput
    endpoint_id: Name


class DeliveryLog(BaseModel):
    """Every attempt so far, and the state of the delivery after them.

    `steps` is how many steps of the retry table are used. The next attempt is due at `due_at`, and
    Temporal waits `retry_in_seconds` for it; `trigger` is its cause. `release` is set from the
    release of a held delivery until its attempt is reported, `held_since` from the hold until then.
    `held_because` says in words why its endpoint did not want it yet when it was held last. `holds`
    is how often it was held. `unreported`: the last attempt was made, but its endpoint may
    not have the report yet; if the worker is killed then, the POST is not repeated. `queued`: it
    waits for a turn in its endpoint's queue. `turn` is the number of the attempt that the queue has
    given it a turn for, or 0. `slow`: the next attempts are made in the slow lane, because the
    endpoint is slow or failing, or because too many are under way to endpoints of which nobody
    knows. `untried`: the first attempt was left to the retries, so until then nothing needs to be
    shown. `begun_on`: the own task queue of the worker that has made the first POST and waits for
    its reply, which takes long.
    """

    state: DeliveryState = DeliveryState.PENDING
    attempts: list[Attempt] = []
    steps: int = 0
    due_at: Timestamp | None = None
    retry_in_seconds: float = 0.0
    trigger: Trigger = Trigger.SCHEDULE
    release: Release | None = None
    held_since: Timestamp | None = None
    held_because: str = Field(default="", exclude_if=lambda because: not because)
    holds: int = 0
    unreported: bool = False
    queued: bool = Field(default=False, exclude_if=lambda queued: not queued)
    turn: int = Field(default=0, exclude_if=lambda turn: not turn)
    slow: bool = Field(default=False, exclude_if=lambda slow: not slow)
    untried: bool = Field(default=False, exclude_if=lambda untried: not untried)
    begun_on: str = Field(default="", exclude_if=lambda begun_on: not begun_on)

    @property
    def next_number(self) -> int:
        """The number of the next attempt."""
        return self.attempts[-1].number + 1 if self.attempts else 1

    @property
    def counted_as_held(self) -> bool:
        """Whether the endpoint counts this delivery as held, as far as this log knows."""
        return self.state is DeliveryState.HELD or self.release is not None

    @property
    def retry_in(self) -> timedelta:
        """How long Temporal waits for the next attempt, after the last one."""
        return timedelta(seconds=self.retry_in_seconds)

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
        """Whether the next attempt uses no step of the retry table.

        It uses none if it is a probe, or if a person asked for it before it was due.
        """
        if self.next_trigger is Trigger.MANUAL:
            return self.release is not None or self.due_at is not None
        return self.next_trigger is Trigger.PROBE

    def held_once_more(self, now: datetime) -> Self:
        """Return the log of a delivery that is held from now on, or still is."""
        return self.model_copy(
            update={"held_since": self.held_since or now, "holds": self.holds + 1}
        )

    def released(self, release: Release | None) -> Self:
        """Return the log of a held delivery that is attempted at once, beside prompt ones."""
        return self.model_copy(
            update={
                "state": DeliveryState.PENDING,
                "retry_in_seconds": 0.0,
                "release": release,
                "held_because": "",
                "slow": False,
            }
        )

    def left_to_retry(self, *, slow: bool) -> Self:
        """Return the log of a delivery whose first attempt is left to the retries."""
        return self.model_copy(update={"slow": slow, "untried": True})

    def in_slow_lane(self) -> Self:
        """Return the log of a delivery that goes on in the slow lane, if it goes on."""
        goes_on = self.state is DeliveryState.PENDING and not self.queued
        return self.model_copy(update={"slow": True}) if goes_on else self


class AttemptInput(BaseModel):
    """The argument of the activities that attempt a delivery, with its log so far."""

    delivery: DeliveryInput
    log: DeliveryLog


class EndedInput(BaseModel):
    """A delivery that ended in `state` without a further attempt, and its log before that."""

    delivery: DeliveryInput
    log: DeliveryLog
    state: DeliveryState
