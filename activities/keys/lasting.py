"""What lives for as long as nobody deletes it, so that a re-encryption has to have it rewritten."""

from temporalio.api.common.v1 import Payload
from temporalio.client import Client, WorkflowExecution

from hookwright.audit import AuditAction, AuditTrail
from hookwright.temporal import UNREADABLE, MemoKey, WorkflowType, converter_of

RENEWED = (
    WorkflowType.TENANT,
    WorkflowType.ENDPOINT,
    WorkflowType.EVENT_TYPES,
    WorkflowType.ENDPOINT_QUEUE,
)
"""All else ends by itself."""


async def is_being_deleted(client: Client, row: WorkflowExecution) -> bool:
    """Return whether a tenant or an endpoint was deleted, and still clears up after itself.

    It never continues as new then, and ends by itself, which takes hours where much is erased.
    """
    payload: Payload | None = row.raw_info.memo.fields.get(MemoKey.AUDIT)
    if payload is None:
        return False
    try:
        [trail] = await converter_of(client, row.id).decode([payload], [AuditTrail])
    except UNREADABLE:
        return False
    return bool(trail.latest) and trail.latest[-1].action is AuditAction.DELETED
