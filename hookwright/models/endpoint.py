"""An endpoint: its configuration, its secrets and the rest of its workflow's state."""

from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from hookwright.audit import AskedBy, AuditTrail
from hookwright.contracts import MAX_TIMEOUT_SECONDS, DeactivationRule, Retry
from hookwright.health import Health, Release
from hookwright.ids import Name
from hookwright.models.delivery import DeliveryLog
from hookwright.models.event import Route
from hookwright.models.fields import Channels, Expression, Metadata
from hookwright.outcomes import EndpointStatus, Trigger
from hookwright.queueing import MAX_RATE, MIN_RATE, GiveUp, Ordering, QueueRules
from hookwright.security import MAX_URL_LENGTH, ClientIdentity
from hookwright.subscription import EventTypePattern
from hookwright.times import Timestamp

MAX_LIVE_SECRETS = 10
SignWith = Literal["new", "previous"]
"""Which secret signs until the grace of a rotation ends, where a header has room for one."""


class EndpointConfig(BaseModel):
    """The settings of an endpoint that a tenant's developer chooses."""

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
    timeout_seconds: float | None = Field(default=None, ge=1, le=MAX_TIMEOUT_SECONDS)
    deactivation: DeactivationRule | None = None
    drain_per_second: float = Field(default=10.0, ge=0.1, le=1_000, allow_inf_nan=False)
    rate_limit_per_second: float | None = Field(
        default=None, ge=MIN_RATE, le=MAX_RATE, allow_inf_nan=False
    )
    ordering: Ordering = "none"
    on_give_up: GiveUp = "skip"


class Secret(BaseModel):
    """A signing secret. A secret that was rotated out still signs until it expires.

    A secret that signs from a later time on waits until then: an older one signs alone.
    """

    value: str
    expires_at: Timestamp | None = None
    signs_from: Timestamp | None = None
    created_at: Timestamp | None = None

    def is_live(self, now: datetime) -> bool:
        """Return whether it signs at this time."""
        begun = self.signs_from is None or self.signs_from <= now
        return begun and (self.expires_at is None or self.expires_at > now)


class EndpointState(BaseModel):
    """The whole state of an `Endpoint` workflow. Its (encrypted) memo holds a copy."""

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
    audit: AuditTrail = AuditTrail()

    def live_secrets(self, now: datetime) -> list[str]:
        """Return the secrets that sign, the newest first.

        If those that should sign were dropped, because there are too many, the newest signs early.
        """
        live = [secret.value for secret in self.secrets if secret.is_live(now)]
        return live or [secret.value for secret in self.secrets[:1]]

    def rotated(
        self, value: str, grace: timedelta, now: datetime, sign_with: SignWith = "new"
    ) -> list[Secret]:
        """Return the secrets after a rotation. The older ones sign during the grace period.

        With `sign_with="previous"` the new one does not sign before they have expired. A repeat
        with the same value changes nothing but shortens the grace.
        """
        until = now + grace
        older = [
            old.model_copy(update={"expires_at": min(old.expires_at or until, until)})
            for old in self.secrets
            if grace and old.value != value and (old.expires_at is None or old.expires_at > now)
        ]
        kept = older[: MAX_LIVE_SECRETS - 1]
        waits = sign_with == "previous" and any(old.is_live(now) for old in kept)
        signs_from = max(old.expires_at or until for old in kept) if waits else None
        return [Secret(value=value, signs_from=signs_from, created_at=now), *kept]

    @property
    def status(self) -> EndpointStatus:
        """Whether deliveries are attempted."""
        return self.health.status

    @property
    def queue_rules(self) -> QueueRules:
        """What this version of the endpoint asks of its queue."""
        return QueueRules(
            version=self.version,
            per_second=self.active_config.rate_limit_per_second,
            in_order=self.active_config.ordering == "fifo",
            hold_on_give_up=self.active_config.on_give_up == "hold",
        )

    def needs_turn(self, log: DeliveryLog) -> bool:
        """Return whether the next attempt has to wait for its turn in the queue.

        A rate limit asks for a turn before each attempt, and an order before the first one: the
        delivery keeps its turn until it ends, also while it is held. Probes, and what a person asks
        for, go at once.
        """
        if log.release is Release.PROBE or log.next_trigger is Trigger.MANUAL:
            return False
        rules = self.queue_rules
        if rules.in_order and (log.release or not rules.per_second):
            return not log.release and not log.turn
        return rules.per_second is not None and log.turn != log.next_number

    def admits(self, log: DeliveryLog) -> bool:
        """Return whether the next attempt may be made now; otherwise the delivery is held.

        One that has had its turn in the queue is not held because others are being released: the
        queue keeps their pace.
        """
        return self.health.admits(log.release) or (log.turn > 0 and self.health.is_open)

    def public(self) -> "EndpointState":
        """Return the state without internal parts, for the memo and the answers to updates."""
        return self.model_copy(update={"health": self.health.public(), "audit": AuditTrail()})

    def audited_fields(self) -> dict[str, Any]:
        """Return the fields whose changes the audit trail tells. `differences` hides secrets."""
        config = self.config or EndpointConfig(url="")
        return {
            **config.model_dump(mode="json"),
            "url": config.url or None,
            "headers": self.headers,
            "client_certificate": self.client_identity and self.client_identity.certificate,
            "secret": self.secrets[0].value if self.secrets else None,
        }

    @property
    def active_config(self) -> EndpointConfig:
        """The configuration. Every endpoint has one once it is created."""
        if self.config is None:
            raise ValueError(f"endpoint {self.endpoint_id} was never created")
        return self.config

    def route(self) -> Route:
        """Return this endpoint's entry for the tenant's route table."""
        return Route(
            endpoint_id=self.endpoint_id,
            version=self.version,
            event_types=self.active_config.event_types,
            channels=self.active_config.channels,
            filter=self.active_config.filter,
            ordered=self.queue_rules.in_order,
        )


class EndpointDeleteUpdate(AskedBy):
    """The argument of an endpoint's update `delete`.

    `with_tenant`: the tenant itself is being deleted. It has emptied its route table and cancels
    the deliveries of all its endpoints, so the endpoint does neither.
    """

    with_tenant: bool = False
