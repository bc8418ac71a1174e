"""The commands `serve`, `api`, `worker` and `setup`, once their settings are loaded."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import structlog
from fastapi import FastAPI
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client
from temporalio.converter import PayloadCodec
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError, RPCStatusCode

from api.app import create_app
from api.config import ApiConfig
from api.facades import UnknownFacadeError
from hookwright.temporal import RPC_TIMEOUT, EncryptionCodec, connect, set_up_namespace
from runtime.configurations import api_config, payload_codec, worker_config
from runtime.deployment import log_routing, warn_of_unknown_names
from runtime.errors import CommandError
from runtime.http import listening_socket, serve
from runtime.logs import set_level
from runtime.metrics import Counting, Scraping
from runtime.running import error_console, print_line, run_parts
from runtime.settings import Settings
from runtime.tracing import trace_interceptors, traced
from runtime.worker import WorkerConfig, worker

WAIT_SECONDS = 60.0
RETRY_SECONDS = 0.25

TRANSIENT = (RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.NOT_FOUND)
"""What a server answers while it is starting, or before it notices its new namespace."""

Value = TypeVar("Value")
Rest = ParamSpec("Rest")

log = structlog.get_logger(__name__)


def _observed(
    command: Callable[Concatenate[Settings, Rest], Coroutine[Any, Any, None]],
) -> Callable[Concatenate[Settings, Rest], Coroutine[Any, Any, None]]:
    """Have a command log as its settings say, and send traces if they are wanted."""

    @wraps(command)
    async def run(settings: Settings, /, *args: Rest.args, **kwargs: Rest.kwargs) -> None:
        set_level(settings.log_level)
        with traced():
            await command(settings, *args, **kwargs)

    return run


@_observed
async def serve_api(settings: Settings, host: str, port: int) -> None:
    """Serve the REST API until cancelled. It can start before Temporal does.

    Raises:
        CommandError: A setting is not valid.
    """
    warn_of_unknown_names(Settings)
    config = api_config(settings)
    listener = listening_socket(host, port)
    scraping = Scraping.at(settings.metrics_address)
    client = await _connect(config.codec, lazy=True, **scraping.client_options)
    app = _api_app(client, config)
    log.info("api.started", host=host, port=port)
    counting = Counting(client, config.task_queue)
    await run_parts(API=serve(app, listener), **scraping.parts(counting))


def _api_app(client: Client, config: ApiConfig) -> FastAPI:
    """Return the API's application. Warn if no operator has a key.

    Raises:
        CommandError: A setting is not valid.
    """
    if not config.api_keys:
        log.warning(
            "api.no_keys", remedy="set HOOKWRIGHT_API_KEYS; without it no operator has access"
        )
    try:
        return create_app(client, config)
    except UnknownFacadeError as error:
        raise CommandError(f"HOOKWRIGHT_FACADES: {error}") from None


@_observed
async def run_worker(settings: Settings) -> None:
    """Run workflows and deliver webhooks until cancelled, then finish the requests in flight.

    Raises:
        CommandError: A setting is not valid, or the worker cannot connect or start.
    """
    warn_of_unknown_names(Settings)
    # This comes before the wait, so that a broken file is reported at once.
    config = worker_config(settings)
    codec = payload_codec(settings)
    scraping = Scraping.at(settings.metrics_address)
    client = await _wait_for_temporal(
        lambda: _connect(codec, **scraping.client_options), WAIT_SECONDS
    )
    await run_parts(worker=_run_worker_on(client, config), **scraping.parts())


async def _run_worker_on(client: Client, config: WorkerConfig) -> None:
    """Run a worker on a connected client until cancelled, then finish the requests in flight.

    Raises:
        CommandError: The worker cannot start, or has failed.
    """
    try:
        async with worker(client, config):
            log.info("worker.started", task_queue=config.task_queue, namespace=client.namespace)
            if config.version:
                await log_routing(client, config.version)
            try:
                await asyncio.Event().wait()
            finally:
                log.info("worker.stopping")
    except RuntimeError as error:
        raise CommandError(
            f"the worker cannot run ({_reason(error)}); did you run `hookwright setup`?"
        ) from error
    finally:
        log.info("worker.stopped")


@_observed
async def serve_api_and_worker(settings: Settings, host: str, port: int) -> None:
    """Serve the REST API and deliver webhooks until cancelled.

    The API answers while the worker still waits for Temporal. At the end the API stops first, while
    the worker still runs, because requests in progress may need it. Then the worker finishes its
    attempts. If one part fails, the other one stops in the same way.

    Raises:
        CommandError: A setting is not valid, the port cannot be used, or a part has failed.
    """
    warn_of_unknown_names(Settings)
    # Everything that can be wrong with the settings of either part is found before anything starts.
    worker_settings = worker_config(settings)
    config = api_config(settings)
    listener = listening_socket(host, port)
    scraping = Scraping.at(settings.metrics_address)
    client = await _connect(config.codec, lazy=True, **scraping.client_options)
    app = _api_app(client, config)
    log.info("api.started", host=host, port=port)
    await run_parts(
        API=serve(app, listener),
        worker=_work_when_connected(client, worker_settings),
        **scraping.parts(Counting(client, config.task_queue)),
    )


async def set_up(settings: Settings, wait_seconds: float) -> None:
    """Wait for Temporal, prepare the namespace, and print what was done.

    Raises:
        CommandError: Temporal does not answer in time, or refuses a change.
    """
    warn_of_unknown_names(Settings)
    deadline = time.monotonic() + wait_seconds
    client = await connect_without_keys(wait_seconds)
    while True:
        try:
            changes = await set_up_namespace(client, timedelta(days=settings.retention_days))
            break
        except RPCError as error:
            if error.status not in TRANSIENT or time.monotonic() > deadline:
                raise CommandError(f"Temporal refused: {error.message}") from error
            await asyncio.sleep(RETRY_SECONDS)
    for change in changes:
        print_line(f"✓ {change}")


async def connect_without_keys(wait_seconds: float) -> Client:
    """Connect for calls that send no payloads, and so need no encryption key.

    Raises:
        CommandError: Temporal does not answer in time.
    """
    codec = EncryptionCodec({})
    return await _wait_for_temporal(lambda: _connect(codec), wait_seconds)


async def _work_when_connected(client: Client, config: WorkerConfig) -> None:
    await _wait_for_temporal(lambda: _reach(client), WAIT_SECONDS)
    # The SDK refuses a lazy client for a worker, because it may not be connected. This one is, and
    # only with the same client can the server hand a new workflow's first task to this worker.
    client.service_client.config.lazy = False
    await _run_worker_on(client, config)


async def _reach(client: Client) -> None:
    """Connect a lazy client.

    Raises:
        RuntimeError: Temporal cannot be reached.
    """
    try:
        await client.workflow_service.get_system_info(GetSystemInfoRequest(), timeout=RPC_TIMEOUT)
    except RPCError as error:
        raise RuntimeError(error.message) from error


async def _wait_for_temporal(reach: Callable[[], Awaitable[Value]], wait_seconds: float) -> Value:
    """Return what `reach` returns. While Temporal cannot be reached, try again.

    Raises:
        CommandError: Temporal did not answer in time.
    """
    deadline = time.monotonic() + wait_seconds
    if not error_console.is_terminal:
        log.info("temporal.connecting", at_most_seconds=wait_seconds)
    with error_console.status("Waiting for Temporal"):
        while True:
            try:
                return await reach()
            except RuntimeError as error:
                if time.monotonic() > deadline:
                    raise CommandError(
                        f"Temporal did not answer within {wait_seconds:g} s;"
                        f" is TEMPORAL_ADDRESS right? ({_reason(error)})"
                    ) from error
                await asyncio.sleep(RETRY_SECONDS)


async def _connect(
    codec: PayloadCodec,
    **options: Any,  # noqa: ANN401 - the SDK's own
) -> Client:
    """Return a client. A lazy one connects at its first call, and cannot run a worker.

    Raises:
        CommandError: Temporal's own settings are not valid.
        RuntimeError: Temporal cannot be reached.
    """
    try:
        ClientConfig.load_client_connect_config()
    except (RuntimeError, ValueError) as error:
        raise CommandError(f"Temporal's own settings are not valid: {error}") from error
    return await connect(codec, interceptors=trace_interceptors(), **options)


def _reason(error: BaseException) -> str:
    return str(error.__cause__ or error)
