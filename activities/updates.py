"""Updates that an activity sends to an entity."""

from datetime import timedelta
from typing import Any

from pydantic import BaseModel
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from hookwright.temporal import ErrorType


async def update(  # noqa: PLR0913 - what an update is
    client: Client,
    workflow_id: str,
    name: str,
    argument: BaseModel,
    rpc_timeout: timedelta,
    result_type: type[BaseModel] | None = None,
) -> Any:  # noqa: ANN401 - of `result_type`
    """Send an update and return its answer.

    Raises:
        ApplicationError: the entity refuses it, or there is none; final.
        RPCError: Temporal did not take it, or no worker has answered; it may yet be done.
    """
    handle = client.get_workflow_handle(workflow_id)
    try:
        return await handle.execute_update(
            name, argument, result_type=result_type, rpc_timeout=rpc_timeout
        )
    except WorkflowUpdateFailedError as error:
        if isinstance(error.cause, ApplicationError):
            raise ApplicationError(
                error.cause.message, type=error.cause.type, non_retryable=True
            ) from None
        raise
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        raise ApplicationError(
            f"{workflow_id} does not exist", type=ErrorType.NOT_FOUND, non_retryable=True
        ) from None
