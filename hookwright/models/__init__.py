"""What Hookwright speaks of and Temporal stores: tenant, endpoint, event, delivery, recovery."""

from hookwright.models.delivery import Attempt, DeliveryInput, DeliveryLog, Timing, TrialInput
from hookwright.models.endpoint import EndpointConfig, EndpointDelete, EndpointState, Secret
from hookwright.models.event import EventInput, FanOut, Route
from hookwright.models.fields import Channels, CustomHeaders, EventData, EventTypeChecks, Metadata
from hookwright.models.kept_attempts import kept
from hookwright.models.recovery import (
    MAX_PER_SECOND,
    Lost,
    RecoveryInput,
    RecoveryProgress,
    RecoveryView,
)
from hookwright.models.tenant import TenantSettings, TenantView, Tier

__all__ = [
    "MAX_PER_SECOND",
    "Attempt",
    "Channels",
    "CustomHeaders",
    "DeliveryInput",
    "DeliveryLog",
    "EndpointConfig",
    "EndpointDelete",
    "EndpointState",
    "EventData",
    "EventInput",
    "EventTypeChecks",
    "FanOut",
    "Lost",
    "Metadata",
    "RecoveryInput",
    "RecoveryProgress",
    "RecoveryView",
    "Route",
    "Secret",
    "TenantSettings",
    "TenantView",
    "Tier",
    "Timing",
    "TrialInput",
    "kept",
]
