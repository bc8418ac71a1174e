"""The models that Temporal stores: tenant, endpoint, event, delivery and recovery."""

from hookwright.models.delivery import (
    LONGEST_ATTEMPT,
    Attempt,
    AttemptInput,
    DeliveryInput,
    DeliveryLog,
    EndedInput,
    EndpointTestInput,
    Timing,
)
from hookwright.models.endpoint import (
    EndpointConfig,
    EndpointDeleteUpdate,
    EndpointState,
    Secret,
    SignWith,
)
from hookwright.models.endpoint_duties import (
    DeliveryScope,
    EndpointRef,
    NoticesInput,
    ProbeInput,
    ReleaseInput,
    TenantEndpoints,
)
from hookwright.models.event import EventInput, FanOut, FanOutInput, Route
from hookwright.models.fields import (
    Channels,
    CustomHeaders,
    EventData,
    EventTypeChecks,
    Metadata,
    OrderingKey,
)
from hookwright.models.kept_attempts import trim_attempts, whole_attempts
from hookwright.models.notification import SLACK, MailInput, NotificationInput, Told
from hookwright.models.notify import EmailAddress, NotifySettings, NotifyView, check_email
from hookwright.models.recovery import (
    MAX_PER_SECOND,
    RecoverInput,
    RecoveryInput,
    RecoveryProgress,
    RecoverySelection,
    RecoveryView,
)
from hookwright.models.reencryption import ReencryptionInput, RenewalProgress
from hookwright.models.tenant import TenantSettings, TenantView, Tier

__all__ = [
    "LONGEST_ATTEMPT",
    "MAX_PER_SECOND",
    "SLACK",
    "Attempt",
    "AttemptInput",
    "Channels",
    "CustomHeaders",
    "DeliveryInput",
    "DeliveryLog",
    "DeliveryScope",
    "EmailAddress",
    "EndedInput",
    "EndpointConfig",
    "EndpointDeleteUpdate",
    "EndpointRef",
    "EndpointState",
    "EndpointTestInput",
    "EventData",
    "EventInput",
    "EventTypeChecks",
    "FanOut",
    "FanOutInput",
    "MailInput",
    "Metadata",
    "NoticesInput",
    "NotificationInput",
    "NotifySettings",
    "NotifyView",
    "OrderingKey",
    "ProbeInput",
    "RecoverInput",
    "RecoveryInput",
    "RecoveryProgress",
    "RecoverySelection",
    "RecoveryView",
    "ReencryptionInput",
    "ReleaseInput",
    "RenewalProgress",
    "Route",
    "Secret",
    "SignWith",
    "TenantEndpoints",
    "TenantSettings",
    "TenantView",
    "Tier",
    "Timing",
    "Told",
    "check_email",
    "trim_attempts",
    "whole_attempts",
]
