"""The command `serve`: the API and a worker in one process, on one Temporal client."""

import structlog
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client
from temporalio.service import RPCError

from hookwright.temporal import RPC_TIMEOUT
from runtime.http import listening_socket, serve
from runtime.parts import run_parts
from runtime.services import (
    WAIT_SECONDS,
    api_app,
    api_config,
    connect_client,
    run_worker_on,
    wait_for_temporal,
    worker_config,
)
from runtime.settings import Settings
from runtime.worker import WorkerConfig

log = structlog.get_logger(__name__)


async def serve_api_and_worker(settings: Settings, host: str, port: int) -> None:
    """Serve the REST API and deliver webhooks until cancelled.

    The API answers while the worker still waits for Temporal. At the end the API stops first, while
    the worker still runs, because requests in progress may need it. Then the worker finishes its
    attempts. If one part fails, the other one stops in the same way.

    Raises:
        CommandError: A setting is not valid, the port cannot be used, or a part has failed.
    """
    # Everything that can be wrong with the settings of either part is found before anything starts.
    worker_settings = worker_config(settings)
    config = api_config(settings)
    listener = listening_socket(host, port)
    client = await connect_client(config.codec, lazy=True)
    app = api_app(client, config)
    log.info("api.started", host=host, port=port)
    await run_parts(API=serve(app, listener), worker=_work_when_connected(client, worker_settings))


async def _work_when_connected(client: Client, config: WorkerConfig) -> None:
    await wait_for_temporal(lambda: _reach(client), WAIT_SECONDS)
    # The SDK refuses a lazy client for a worker, because it may not be connected. This one is, and
    # only with the same client can the server hand a new workflow's first task to this worker.
    client.service_client.config.lazy = False
    await run_worker_on(client, config)


async def _reach(client: Client) -> None:
    """Connect a lazy client.

    Raises:
        RuntimeError: Temporal cannot be reached.
    """
    try:
        await client.workflow_service.get_system_info(GetSystemInfoRequest(), timeout=RPC_TIMEOUT)
    except RPCError as error:
        raise RuntimeError(error.message) from error
