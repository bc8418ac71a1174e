"""Updates that an activity sends to an entity."""

from datetime import timedelta
from typing import Any

from pydantic import BaseModel
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from hookwright.temporal import ErrorType


async def update(  # noqa: PLR0913 - all of them are needed to send an update
    client: Client,
    workflow_id: str,
    name: str,
    argument: BaseModel,
    rpc_timeout: timedelta,
    result_type: type[BaseModel] | None = None,
) -> Any:  # noqa: ANN401 - an instance of `result_type`
    """Send an update and return its answer.

    Raises:
        ApplicationError: the entity refuses the update, or does not exist. It is not retried.
        RPCError: Temporal did not accept the update, or no worker answered. It may still be made.
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
