"""The language of the domain: tenant, endpoint, event, delivery, attempt.

These models are also what Temporal stores, so fields are never renamed, and a new one has a
default: an old history must still be read.
"""

import json
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue

from hookwright.client_identity import ClientIdentity
from hookwright.deactivation import DeactivationRule
from hookwright.destinations import MAX_URL_LENGTH
from hookwright.expressions import check_expression
from hookwright.headers import check_headers
from hookwright.health import Health
from hookwright.ids import Channel, EventType, Name
from hookwright.outcomes import DeliveryState, EndpointStatus, Outcome, Trigger
from hookwright.reports import Release
from hookwright.schedule import Retry
from hookwright.subscription import EventTypePattern
from hookwright.tiers import Tier
from hookwright.times import Timestamp

MAX_LIVE_SECRETS = 10
MAX_METADATA_BYTES = 4096
MAX_CHANNELS = 10
DEFAULT_HOLD_SECONDS, MAX_HOLD_SECONDS = 7 * 86_400, 30 * 86_400


def _check_metadata(metadata: dict[str, str]) -> dict[str, str]:
    if sum(len(key.encode()) + len(value.encode()) for key, value in metadata.items()) > (
        MAX_METADATA_BYTES
    ):
        raise ValueError(f"metadata holds at most {MAX_METADATA_BYTES} bytes")
    return metadata


def _check_finite(value: JsonValue) -> JsonValue:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        raise ValueError("a number beyond a double (1e999) or NaN; send it as a string") from None
    return value


def _check_any_headers(headers: dict[str, str]) -> dict[str, str]:
    return check_headers(headers, reserved=())


CustomHeaders = Annotated[dict[str, str], AfterValidator(_check_any_headers)]
EventData = Annotated[JsonValue, AfterValidator(_check_finite)]
Metadata = Annotated[dict[str, str], AfterValidator(_check_metadata)]
Expression = Annotated[str, AfterValidator(check_expression)]
EventTypeChecks = Literal["off", "warn", "enforce"]
"""What a publish does with data that does not fit its type's schema: let it pass, warn, refuse."""

Channels = Annotated[list[Channel], Field(max_length=MAX_CHANNELS)]


class EventInput(BaseModel):
    """One thing that happened, addressed to one tenant: the argument of the `Event` workflow.

    `extra` holds what the tenant's contract puts beside the data. `endpoint_id` narrows it to one
    endpoint, `channels` to those that listen to one of them, or to all. `created_at` is when it
    happened; a service that starts the workflow itself may leave it out, and the start counts.
    Nothing is delivered before `deliver_at`. `operational` marks what Hookwright itself tells of an
    endpoint's health: an endpoint gets it only by naming the type, and nothing is told of it.
    """

    model_config = ConfigDict(extra="forbid")

    tenant_id: Name
    id: Name
    type: EventType
    data: EventData
    extra: dict[Name, EventData] = {}
    endpoint_id: Name | None = None
    channels: Channels = []
    created_at: Timestamp | None = None
    deliver_at: Timestamp | None = None
    operational: bool = False


class Route(BaseModel):
    """What a tenant's route table knows of one endpoint: enough to match an event against it.

    Its filter was checked when it was entered; to parse all of a table again would take seconds.
    """

    endpoint_id: Name
    version: int
    event_types: list[EventTypePattern]
    channels: Channels = []
    filter: str | None = None


class FanOut(BaseModel):
    """How far an event's fan-out has come: the endpoints that have their delivery."""

    endpoint_ids: list[Name] = []
    complete: bool = False


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


class TrialInput(BaseModel):
    """The argument of the `Trial` workflow: a test event for one endpoint."""

    event: EventInput
    endpoint_id: Name


class DeliveryLog(BaseModel):
    """Every attempt so far and where that leaves the delivery.

    `steps` of the retry table are used up; the next is due at `due_at`, for which Temporal was told
    to wait `retry_in_seconds`. `trigger` is what causes the next attempt. `release` is set from
    when a held delivery is let go until its attempt is told, `held_since` while it waits and until
    then; it was held `holds` times. `untold`: the last attempt was made, and its endpoint may not
    know of it yet; a worker that is killed then must not make it again.
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
    untold: bool = False

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
    def beside_schedule(self) -> bool:
        """Whether the next attempt uses no step: a probe, or a person's wish before it is due."""
        if self.next_trigger is Trigger.MANUAL:
            return self.release is not None or self.due_at is not None
        return self.next_trigger is Trigger.PROBE


class TenantSettings(BaseModel):
    """What an operator sets for a tenant. Tokens issued before `tokens_not_before` are revoked."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(default="", max_length=200)
    contract: Name | None = None
    metadata: Metadata = {}
    event_type_checks: EventTypeChecks = "off"
    hold_for_seconds: float = Field(
        default=DEFAULT_HOLD_SECONDS, ge=1, le=MAX_HOLD_SECONDS, allow_inf_nan=False
    )
    tier: Tier = Tier.FREE
    tokens_not_before: Timestamp | None = None


class TenantView(BaseModel):
    """A tenant as its memo shows it, and as the API answers. The routes stand beside it."""

    id: Name
    name: str
    contract: Name | None
    metadata: Metadata
    event_type_checks: EventTypeChecks = "off"
    hold_for_seconds: float = DEFAULT_HOLD_SECONDS
    tier: Tier = Tier.FREE
    tokens_not_before: Timestamp | None = None
    created_at: Timestamp
    updated_at: Timestamp


class EndpointConfig(BaseModel):
    """What a tenant's developer sets for an endpoint."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(max_length=MAX_URL_LENGTH)
    event_types: list[EventTypePattern] = Field(default=["*"], min_length=1, max_length=50)
    description: str = Field(default="", max_length=1024)
    metadata: Metadata = {}
    contract: Name | None = None
    channels: Channels = []
    filter: Expression | None = None
    payload_template: Expression | None = None
    retry: Retry | None = None
    timeout_seconds: float | None = Field(default=None, ge=1, le=60)
    deactivation: DeactivationRule | None = None
    drain_per_second: float = Field(default=10.0, ge=0.1, le=1_000, allow_inf_nan=False)


class Secret(BaseModel):
    """A signing secret; a rotated one still signs until it expires."""

    value: str
    expires_at: Timestamp | None = None


class EndpointState(BaseModel):
    """All that an `Endpoint` workflow carries, and what its (encrypted) memo copies."""

    tenant_id: Name
    endpoint_id: Name
    version: int = 0
    health: Health = Health()
    config: EndpointConfig | None = None
    secrets: list[Secret] = []
    headers: dict[str, str] = {}
    client_identity: ClientIdentity | None = None
    created_by: str = ""
    created_at: Timestamp | None = None
    updated_at: Timestamp | None = None
    deleted: bool = False

    def live_secrets(self, now: datetime) -> list[str]:
        """Return the secrets that sign now, the current one first."""
        return [
            secret.value
            for secret in self.secrets
            if secret.expires_at is None or secret.expires_at > now
        ]

    def rotated(self, value: str, grace: timedelta, now: datetime) -> list[Secret]:
        """Return the secrets after a rotation: the older ones still sign during the grace."""
        until = now + grace
        older = [
            Secret(value=old.value, expires_at=min(old.expires_at or until, until))
            for old in self.secrets
            if grace and (old.expires_at is None or old.expires_at > now)
        ]
        return [Secret(value=value), *older[: MAX_LIVE_SECRETS - 1]]

    @property
    def status(self) -> EndpointStatus:
        """Whether deliveries are attempted."""
        return self.health.status

    def public(self) -> "EndpointState":
        """Return what the memo shows, and updates answer."""
        return self.model_copy(update={"health": self.health.public()})

    @property
    def active_config(self) -> EndpointConfig:
        """The configuration, which every endpoint has from its creation on."""
        if self.config is None:
            raise ValueError(f"endpoint {self.endpoint_id} was never created")
        return self.config

    def route(self) -> Route:
        """Return what the tenant's route table must know of this endpoint."""
        return Route(
            endpoint_id=self.endpoint_id,
            version=self.version,
            event_types=self.active_config.event_types,
            channels=self.active_config.channels,
            filter=self.active_config.filter,
        )
