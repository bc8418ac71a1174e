"""Names and ids. Every workflow id and task queue name is made in this module only.

Workflow ids have at most 203 ASCII characters (a delivery's, of three names of 64): PostgreSQL's
visibility store has VARCHAR(255).
"""

import hashlib
import secrets
import uuid
from typing import Annotated

from pydantic import StringConstraints

TASK_QUEUE = "hookwright"
"""The task queue of events. The names of the other task queues begin with it."""

MAX_NUMBER = 2**53 - 1
"""The largest numeric id. JavaScript represents it exactly."""

EVENT_PREFIX = "event:"
"""What the workflow ids of all events begin with, those that are a sole delivery included."""

EVENT_TYPES_WORKFLOW_ID = "event-types"
"""The id of the only catalogue workflow. The ids of workflows of which there are many have a
colon."""

ENCRYPTION_KEYS_WORKFLOW_ID = "encryption-keys"
"""The id of the only `EncryptionKeys` workflow: the log of the keys that what is stored needs."""

REENCRYPTION_WORKFLOW_ID = "reencryption"
"""The id of the `Reencryption` workflow. There is one at a time."""

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""A tenant's id, an endpoint's id, or an event's id. No full stop: Standard Webhooks signs
`id.timestamp.body`. No colon: it separates the parts of a workflow id."""

EventType = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+([./:][A-Za-z0-9_-]+)*$", max_length=128)
]
"""An event's type: words separated by `.`, `/` or `:`, such as `loan.funded` or `orders/create`.

A contract may narrow this by its own pattern. An event type stands in visibility queries and in
headers, so it never has quotes, backslashes, spaces or control characters. Workflow ids do not
contain it."""

Channel = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$", max_length=128)
]
"""A group of endpoints within a tenant, such as a project: words separated by full stops."""

DELIVERY_NAMESPACE = uuid.UUID("5f0c9d3e-6a3b-5c55-9e1a-2a6f0b7f4d10")
"""The namespace of the UUIDs of deliveries. It never changes: receivers compare these UUIDs."""


def deliveries_queue(task_queue: str) -> str:
    """Return the task queue whose workers attempt deliveries."""
    return f"{task_queue}-deliveries"


def slow_lane(deliveries_queue: str) -> str:
    """Return the task queue of attempts to endpoints that are slow or failing."""
    return f"{deliveries_queue}-slow"


def own_queue(deliveries_queue: str) -> str:
    """Return a new name for a worker's own task queue, where it goes on with what it has begun."""
    return f"{deliveries_queue}-{secrets.token_hex(8)}"


def entities_queue(task_queue: str) -> str:
    """Return the task queue of tenants, endpoints, the catalogue and recoveries."""
    return f"{task_queue}-entities"


def notifications_queue(task_queue: str) -> str:
    """Return the task queue whose workers send messages to people."""
    return f"{task_queue}-notifications"


def tenant_workflow_id(tenant_id: str) -> str:
    """Return the id of a tenant's `Tenant` workflow."""
    return f"tenant:{tenant_id}"


def endpoint_workflow_id(tenant_id: str, endpoint_id: str) -> str:
    """Return the id of an endpoint's `Endpoint` workflow."""
    return f"endpoint:{tenant_id}:{endpoint_id}"


def event_workflow_id(tenant_id: str, event_id: str) -> str:
    """Return the id of an event's `Event` workflow: its uniqueness makes publish idempotent."""
    return f"{EVENT_PREFIX}{tenant_id}:{event_id}"


def delivery_workflow_id(tenant_id: str, endpoint_id: str, event_id: str) -> str:
    """Return the id of a `Delivery` workflow: its uniqueness makes fan-out idempotent."""
    return f"delivery:{tenant_id}:{endpoint_id}:{event_id}"


def endpoint_test_workflow_id(tenant_id: str, endpoint_id: str, event_id: str) -> str:
    """Return the id of an `EndpointTest` workflow."""
    return f"test:{tenant_id}:{endpoint_id}:{event_id}"


def queue_workflow_id(tenant_id: str, endpoint_id: str) -> str:
    """Return the id of an endpoint's `EndpointQueue` workflow."""
    return f"queue:{tenant_id}:{endpoint_id}"


def recovery_workflow_id(tenant_id: str, endpoint_id: str) -> str:
    """Return the id of an endpoint's `Recovery` workflow. An endpoint has one at a time."""
    return f"recovery:{tenant_id}:{endpoint_id}"


def portal_link_workflow_id(tenant_id: str, link_id: str) -> str:
    """Return the id of a `PortalSignIn` workflow: its uniqueness makes a link work only once."""
    return f"portal-link:{tenant_id}:{link_id}"


def notification_workflow_id(tenant_id: str, endpoint_id: str, notice: str) -> str:
    """Return the id of a `Notification` workflow: its uniqueness keeps messages from doubling.

    `notice` is the number of a notice, or the hour of notices that are told together.
    """
    return f"notification:{tenant_id}:{endpoint_id}:{notice}"


def recovery_id(endpoint_id: str, run_id: str) -> str:
    """Return a recovery's id as the API shows it. It names one run of the `Recovery` workflow."""
    return f"{endpoint_id}:{run_id}"


def tenant_workflow_prefixes(tenant_id: str) -> tuple[str, ...]:
    """Return the prefixes of all workflow ids of a tenant, except the `Tenant` workflow's id."""
    kinds = (
        *("event", "delivery", "endpoint", "test", "recovery", "queue"),
        *("portal-link", "notification"),
    )
    return tuple(f"{kind}:{tenant_id}:" for kind in kinds)


def delivery_id(endpoint_id: str, event_id: str) -> str:
    """Return a delivery's id as the API shows it."""
    return f"{endpoint_id}:{event_id}"


def delivery_uuid(tenant_id: str, endpoint_id: str, event_id: str) -> str:
    """Return a delivery's id as a UUID, which is the same at every attempt."""
    name = delivery_workflow_id(tenant_id, endpoint_id, event_id)
    return str(uuid.uuid5(DELIVERY_NAMESPACE, name))


def new_event_id() -> str:
    """Return a new random event id, for an event that was published without one."""
    return f"evt_{secrets.token_hex(12)}"


def new_token_id() -> str:
    """Return a new id for a tenant token."""
    return f"tok_{secrets.token_hex(12)}"


def new_endpoint_id(prefix: str = "ep") -> str:
    """Return a new random endpoint id."""
    return f"{prefix}_{secrets.token_hex(12)}"


def new_endpoint_number() -> str:
    """Return a new random endpoint id for a contract whose ids are numbers."""
    return str(1 + secrets.randbelow(MAX_NUMBER))


def id_from_key(prefix: str, tenant_id: str, idempotency_key: str) -> str:
    """Return the id derived from an `Idempotency-Key`. The same key gives the same id."""
    return f"{prefix}_{_key_digest(tenant_id, idempotency_key)[:32]}"


def number_from_key(tenant_id: str, idempotency_key: str) -> str:
    """Return the numeric id derived from an `Idempotency-Key`."""
    return str(1 + int(_key_digest(tenant_id, idempotency_key), 16) % MAX_NUMBER)


def _key_digest(tenant_id: str, idempotency_key: str) -> str:
    return hashlib.sha256(f"{tenant_id}\n{idempotency_key}".encode()).hexdigest()
