"""Every name by which the parts of Hookwright call each other through Temporal.

Temporal stores these names in histories and memos, so a value never changes once it is released.
"""

from enum import StrEnum


class WorkflowType(StrEnum):
    """The types of workflows. A client in any language starts `Event` by this name."""

    TENANT = "Tenant"
    ENDPOINT = "Endpoint"
    EVENT = "Event"
    DELIVERY = "Delivery"
    ENDPOINT_TEST = "EndpointTest"
    RECOVERY = "Recovery"
    EVENT_TYPES = "EventTypes"
    PORTAL_SIGN_IN = "PortalSignIn"
    NOTIFICATION = "Notification"
    ENDPOINT_QUEUE = "EndpointQueue"
    ENCRYPTION_KEYS = "EncryptionKeys"
    REENCRYPTION = "Reencryption"


class ActivityName(StrEnum):
    """The activities, by the workflow that runs them."""

    # Event
    FAN_OUT = "fan_out"
    FAN_OUT_REST = "fan_out_rest"
    # Delivery
    FIRST_ATTEMPT = "first_attempt"
    RETRY = "retry"
    REPORT_ENDED = "report_ended"
    RECORDED_LOG = "recorded_log"
    CANCEL_WORKFLOW = "cancel_workflow"
    # EndpointTest
    SEND_TEST = "send_test"
    # Endpoint
    REGISTER_ROUTE = "register_route"
    UNREGISTER_ROUTE = "unregister_route"
    PUBLISH_NOTICES = "publish_notices"
    RELEASE_PROBE = "release_probe"
    RELEASE_HELD = "release_held"
    EXPIRE_HELD = "expire_held"
    CANCEL_HELD = "cancel_held"
    COUNT_HELD = "count_held"
    CANCEL_DELIVERIES = "cancel_deliveries"
    # Tenant
    DELETE_ENDPOINTS = "delete_endpoints"
    ERASE_TENANT = "erase_tenant"
    # Recovery
    RECOVER = "recover"
    RECORDED_PROGRESS = "recorded_progress"
    # Notification
    SEND_MAIL = "send_mail"
    SEND_SLACK = "send_slack"
    # EndpointQueue
    GIVE_TURNS = "give_turns"
    # Reencryption
    RENEW_ENTITIES = "renew_entities"
    NOTE_KEYS_LEFT = "note_keys_left"


class Signal(StrEnum):
    """The signals to workflows."""

    # Endpoint
    REPORT = "report"
    NOTE = "note"
    # Delivery
    RELEASE = "release"
    EXPIRE = "expire"
    TURN = "turn"
    # EndpointQueue
    TAKE_PLACES = "take_places"
    ENDED = "ended"
    CHANGED = "changed"
    # Tenant, Endpoint, EventTypes and EndpointQueue
    RENEW = "renew"
    # EncryptionKeys
    KEY_USED = "key_used"
    KEY_LEFT = "key_left"
    KEY_RETIRED = "key_retired"


class Update(StrEnum):
    """The updates of tenants, endpoints, the catalogue of event types and recoveries."""

    PUT = "put"
    CREATE = "create"
    CHANGE = "change"
    CHANGE_ROUTES = "change_routes"
    ROTATE = "rotate"
    PAUSE = "pause"
    RESUME = "resume"
    DELETE = "delete"


class ErrorType(StrEnum):
    """The types of our ApplicationErrors: what a caller acts on."""

    LATE = "late"
    CONFLICT = "conflict"
    NOT_FOUND = "not_found"
    TENANT_DELETED = "tenant_deleted"
    ENDPOINT_DELETED = "endpoint_deleted"
    TOO_MANY_ENDPOINTS = "too_many_endpoints"
    ROUTE_TOO_LARGE = "route_too_large"
    INVALID_EVENT = "invalid_event"
    UNKNOWN_TENANT = "unknown_tenant"
    WAITING = "waiting"
    BUSY = "busy"
    ENDPOINT_GONE = "endpoint_gone"
    NOT_TAKEN = "not_taken"
    UNREADABLE = "unreadable"
    OTHER_KEY = "other_key"


class MemoKey(StrEnum):
    """The keys under which workflows keep the copy of their state that others read."""

    TENANT = "tenant"
    ROUTES = "routes"
    ENDPOINT = "endpoint"
    STATUS_CHANGES = "status_changes"
    ATTEMPTS = "attempts"
    RECOVERY = "recovery"
    NOTIFY = "notify"
    QUEUE = "queue"
    AUDIT = "audit"
    REENCRYPTION = "reencryption"


def routes_key(number: int) -> str:
    """Return the key of one slice of a tenant's route table: `routes`, `routes.1`, `routes.2`..."""
    return f"{MemoKey.ROUTES}.{number}" if number else MemoKey.ROUTES
