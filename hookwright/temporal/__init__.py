"""All that the domain knows of Temporal: the client, names, search attributes, executions."""

from hookwright.temporal.codec import EncryptionCodec
from hookwright.temporal.connection import connect, set_up_namespace
from hookwright.temporal.executions import (
    RPC_TIMEOUT,
    UNREADABLE,
    delete_execution,
    described,
    ended_log,
    endpoint_of,
    first_entry,
    kept_log,
    reached,
    recorded,
    routes_of,
)
from hookwright.temporal.key_ring import KEY_BYTES, MAKE_A_KEY, named_values, read_key_ring
from hookwright.temporal.names import (
    ActivityName,
    ErrorType,
    MemoKey,
    Signal,
    Update,
    WorkflowType,
    routes_key,
)
from hookwright.temporal.publishing import publish
from hookwright.temporal.resending import resend, resend_request, start_resend
from hookwright.temporal.search_attributes import (
    ACCEPTED_AT,
    DELIVERY_STATE,
    ENDPOINT_ID,
    EVENT_ID,
    EVENT_TYPE,
    HELD_SINCE,
    TENANT_ID,
    delivery_search_attributes,
    event_search_attributes,
)

__all__ = [
    "ACCEPTED_AT",
    "DELIVERY_STATE",
    "ENDPOINT_ID",
    "EVENT_ID",
    "EVENT_TYPE",
    "HELD_SINCE",
    "KEY_BYTES",
    "MAKE_A_KEY",
    "RPC_TIMEOUT",
    "TENANT_ID",
    "UNREADABLE",
    "ActivityName",
    "EncryptionCodec",
    "ErrorType",
    "MemoKey",
    "Signal",
    "Update",
    "WorkflowType",
    "connect",
    "delete_execution",
    "delivery_search_attributes",
    "described",
    "ended_log",
    "endpoint_of",
    "event_search_attributes",
    "first_entry",
    "kept_log",
    "named_values",
    "publish",
    "reached",
    "read_key_ring",
    "recorded",
    "resend",
    "resend_request",
    "routes_key",
    "routes_of",
    "set_up_namespace",
    "start_resend",
]
