"""An endpoint: its configuration, its secrets and the rest of its workflow's state."""

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from hookwright.contracts import MAX_TIMEOUT_SECONDS, DeactivationRule, Retry
from hookwright.health import Health
from hookwright.ids import Name
from hookwright.models.event import Route
from hookwright.models.fields import Channels, Expression, Metadata
from hookwright.outcomes import EndpointStatus
from hookwright.security import MAX_URL_LENGTH, ClientIdentity
from hookwright.subscription import EventTypePattern
from hookwright.times import Timestamp

MAX_LIVE_SECRETS = 10


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


class Secret(BaseModel):
    """A signing secret. A secret that was rotated out still signs until it expires."""

    value: str
    expires_at: Timestamp | None = None


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

    def live_secrets(self, now: datetime) -> list[str]:
        """Return the secrets that have not expired, the current one first."""
        return [
            secret.value
            for secret in self.secrets
            if secret.expires_at is None or secret.expires_at > now
        ]

    def rotated(self, value: str, grace: timedelta, now: datetime) -> list[Secret]:
        """Return the secrets after a rotation. The older ones sign during the grace period."""
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
        """Return the state without internal parts, for the memo and the answers to updates."""
        return self.model_copy(update={"health": self.health.public()})

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
        )


class EndpointDeleteUpdate(BaseModel):
    """The argument of an endpoint's update `delete`.

    `with_tenant`: the tenant itself is being deleted. It has emptied its route table and cancels
    the deliveries of all its endpoints, so the endpoint does neither.
    """

    with_tenant: bool = False
