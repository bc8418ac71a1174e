"""What the services share: deadlines, and Temporal's errors as problems of the API."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowExecutionDescription,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from api.acting import asking
from api.http import conflict, not_found, unavailable
from hookwright.audit import AuditAction, AuditNote
from hookwright.ids import endpoint_workflow_id
from hookwright.temporal import (
    RPC_TIMEOUT,
    ErrorType,
    Signal,
    UncheckedKeysError,
    described,
    is_sole_delivery,
    reached,
)

log = structlog.get_logger(__name__)

UPDATE_TIMEOUT = timedelta(seconds=10)
"""Updates need a worker, which may be busy, or just coming back."""

MARGIN = timedelta(seconds=2)

CLOCKS_AGREE = UPDATE_TIMEOUT - MARGIN
"""By how much the clocks of the API and of Temporal may differ; beyond it every change is late."""

DELIVERIES_BEGIN_WITHIN = timedelta(minutes=1)
"""How long after its event's end a delivery of it has begun, if the worker is not overloaded."""


async def describe(client: Client, workflow_id: str) -> WorkflowExecutionDescription | None:
    """Return what the server knows of a workflow, or None if there is none."""
    return await described(client, workflow_id, RPC_TIMEOUT)


def may_lack_places(published: WorkflowExecutionDescription) -> bool:
    """Return whether an event's delivery may have no place yet in the queue of its endpoint.

    One that has ended must not take a place again: the queue would wait for it. An event to several
    endpoints ends when their deliveries are started, which take their places soon after.
    """
    if published.close_time is None:
        return True
    ended_before = datetime.now(UTC) - published.close_time
    return not is_sole_delivery(published) and ended_before < DELIVERIES_BEGIN_WITHIN


async def cancelled(handle: WorkflowHandle[Any, Any], seconds: float) -> bool:
    """Cancel a workflow and wait until a worker has done so; return False if it had just ended.

    Raises:
        Problem: 503 no worker has answered.
    """
    try:
        if not await reached(handle.cancel(rpc_timeout=RPC_TIMEOUT), RPC_TIMEOUT):
            return False
        async with asyncio.timeout(seconds):
            return await reached(handle.result())
    except WorkflowFailureError:
        return True
    except TimeoutError:
        raise unavailable(
            "no worker has answered; the cancellation is stored, and done when one does"
        ) from None


async def note(
    client: Client, tenant_id: str, endpoint_id: str, action: AuditAction, subject: str
) -> None:
    """Have an endpoint's audit trail tell what was asked for, if the endpoint is still there.

    It is for what is no update of the endpoint, such as the retry of a delivery. It needs no
    worker.

    What was asked for has been done by now. So a note that Temporal does not take is told in the
    log only: a caller who got an error would ask again, and have it done twice.
    """
    entry = AuditNote(action=action, subject=subject, **asking())
    endpoint = client.get_workflow_handle(endpoint_workflow_id(tenant_id, endpoint_id))
    try:
        await reached(endpoint.signal(Signal.NOTE, entry, rpc_timeout=RPC_TIMEOUT), RPC_TIMEOUT)
    except (RPCError, UncheckedKeysError) as error:
        log.warning(
            "audit.not_noted",
            tenant_id=tenant_id,
            endpoint_id=endpoint_id,
            action=action,
            subject=subject,
            by=entry.by,
            error=str(error),
        )


def deadline() -> datetime:
    """Return until when an update may still begin: after that its caller has its 503."""
    return datetime.now(UTC) + CLOCKS_AGREE


@asynccontextmanager
async def updating(
    what: str, start: WithStartWorkflowOperation[Any, Any] | None = None
) -> AsyncIterator[None]:
    """Turn what an update of an entity may raise into a problem.

    `start` is the start that the update comes with, if it does.

    Raises:
        Problem: 404 if it is gone, 409 if it refuses, 503 if no worker answers.
    """
    try:
        async with asyncio.timeout(UPDATE_TIMEOUT.total_seconds()), _asking_for(start):
            yield
    except WorkflowUpdateFailedError as error:
        if not isinstance(error.cause, ApplicationError):
            raise
        match error.cause.type:
            case ErrorType.LATE:
                raise unavailable(
                    "no worker took the change in time; repeat it (does none ever? compare clocks)"
                ) from None
            case ErrorType.NOT_FOUND | ErrorType.TENANT_DELETED:
                raise not_found("tenant") from None
            case ErrorType.ENDPOINT_DELETED if what == "endpoint":
                raise not_found("endpoint") from None
            case _:
                raise conflict(error.cause.message) from None
    except (WorkflowUpdateRPCTimeoutOrCancelledError, TimeoutError):
        raise unavailable(
            "no worker has answered; the change may yet be made, so read before you repeat it"
        ) from None
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise not_found(what) from None
        raise


@asynccontextmanager
async def _asking_for(start: WithStartWorkflowOperation[Any, Any] | None) -> AsyncIterator[None]:
    """Ask for the error of a start that failed: the update has raised it already.

    The SDK keeps it in a future. One that nobody asks for is logged by asyncio, with a traceback.
    """
    try:
        yield
    except BaseException:
        if start:
            with suppress(BaseException):
                async with asyncio.timeout(0):
                    await start.workflow_handle()
        raise
