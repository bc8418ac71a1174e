"""A tenant and its settings."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from hookwright.ids import Name
from hookwright.models.fields import EventTypeChecks, Metadata
from hookwright.models.notify import NotifySettings, NotifyView
from hookwright.times import Timestamp, WrittenTimestamp

DEFAULT_HOLD_SECONDS, MAX_HOLD_SECONDS = 7 * 86_400, 30 * 86_400


class Tier(StrEnum):
    """The plan of a tenant. The API's rate limits depend on it."""

    FREE = "free"
    PRO = "pro"
    ENTERPRISE = "enterprise"


class TenantSettings(BaseModel):
    """The settings of a tenant that an operator chooses.

    Tokens issued before `tokens_not_before` are revoked. `notify` is who is told about endpoints.
    """

    model_config = ConfigDict(extra="forbid")

    name: str = Field(default="", max_length=200)
    contract: Name | None = None
    metadata: Metadata = {}
    event_type_checks: EventTypeChecks = "off"
    hold_for_seconds: float = Field(
        default=DEFAULT_HOLD_SECONDS, ge=1, le=MAX_HOLD_SECONDS, allow_inf_nan=False
    )
    tier: Tier = Tier.FREE
    tokens_not_before: WrittenTimestamp | None = None
    notify: NotifySettings | None = None

    def audited_fields(self) -> dict[str, Any]:
        """Return the fields whose changes the audit trail tells. `differences` hides secrets."""
        notify = self.notify or NotifySettings()
        return {
            **self.model_dump(mode="json", exclude={"notify"}),
            "notify.emails": notify.emails,
            "notify.slack_url": notify.slack_url,
        }


class TenantView(BaseModel):
    """A tenant as its memo and the API show it. The memo holds the routes separately.

    It also holds `NotifySettings` separately, because they have a secret that the API never shows.
    """

    id: Name
    name: str
    contract: Name | None
    metadata: Metadata
    event_type_checks: EventTypeChecks = "off"
    hold_for_seconds: float = DEFAULT_HOLD_SECONDS
    tier: Tier = Tier.FREE
    tokens_not_before: Timestamp | None = None
    notify: NotifyView | None = None
    created_at: Timestamp
    updated_at: Timestamp

    @classmethod
    def of(
        cls,
        tenant_id: str,
        settings: TenantSettings,
        created_at: datetime,
        updated_at: datetime,
    ) -> "TenantView":
        """Return the view of a tenant with these settings, without their secrets."""
        return cls(
            id=tenant_id,
            **settings.model_dump(exclude={"notify"}),
            notify=settings.notify.view() if settings.notify else None,
            created_at=created_at,
            updated_at=updated_at,
        )
