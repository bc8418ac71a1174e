"""The commands `serve`, `api`, `worker` and `setup`, once their settings are loaded."""

import asyncio
import math
import time
from collections.abc import Callable, Coroutine
from datetime import timedelta
from functools import wraps
from typing import Any, Concatenate, ParamSpec

import structlog
from fastapi import FastAPI
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from api.app import create_app
from api.config import ApiConfig
from api.facades import UnknownFacadeError
from hookwright.temporal import EncryptionCodec, set_up_namespace
from runtime.configurations import api_config, payload_codec, worker_config
from runtime.connecting import (
    RETRY_SECONDS,
    WAIT_SECONDS,
    check_when_reachable,
    connect_client,
    connect_without_keys,
    reach,
    reason_of,
    wait_for_temporal,
)
from runtime.deployment import log_routing, warn_of_unknown_names
from runtime.errors import CommandError
from runtime.http import listening_socket, serve
from runtime.keys.reencrypt import reencrypt
from runtime.logs import set_level
from runtime.metrics import Counting, Scraping
from runtime.running import print_line, run_parts
from runtime.settings import Settings
from runtime.tracing import traced
from runtime.worker import WorkerConfig, worker

TRANSIENT = (RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.NOT_FOUND)
"""What a server answers while it is starting, or before it notices its new namespace."""

Part = Coroutine[Any, Any, None]
Rest = ParamSpec("Rest")

log = structlog.get_logger(__name__)


def _observed(
    command: Callable[Concatenate[Settings, Rest], Part],
) -> Callable[Concatenate[Settings, Rest], Part]:
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
    client, codec, api, counting = await _opened_api(settings, host, port)
    await run_parts(API=api, keys=_keep_checked(client, settings, codec), **counting)


async def _opened_api(
    settings: Settings, host: str, port: int
) -> tuple[Client, EncryptionCodec, Part, dict[str, Part]]:
    """Return a client that connects at its first call, its codec, the API, and its metrics.

    The codec encrypts nothing until the keys are checked.

    Raises:
        CommandError: A setting is not valid, or the port cannot be used.
    """
    config = api_config(settings)
    listener = listening_socket(host, port)
    scraping = Scraping.at(settings.metrics_address)
    client = await connect_client(config.codec, lazy=True, **scraping.client_options)
    app = _api_app(client, config)
    log.info("api.started", host=host, port=port)
    config.codec.checked = False
    counting = scraping.parts(Counting(client, config.task_queue))
    return client, config.codec, serve(app, listener), counting


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
    client = await wait_for_temporal(
        lambda: connect_client(codec, **scraping.client_options), WAIT_SECONDS
    )
    await check_when_reachable(client, settings, codec, WAIT_SECONDS)
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
            f"the worker cannot run ({reason_of(error)}); did you run `hookwright setup`?"
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
    config = worker_config(settings)
    client, codec, api, counting = await _opened_api(settings, host, port)
    working = _work_when_connected(client, config, settings, codec)
    await run_parts(API=api, worker=working, **counting)


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
    if settings.encryption_keys:
        await check_when_reachable(
            client, settings, payload_codec(settings), wait_seconds, awaits_namespace=True
        )
        changes.append(f"encrypts with the key {next(iter(settings.encryption_keys))}")
    for change in changes:
        print_line(f"✓ {change}")


async def rewrite_under_first_key(settings: Settings) -> None:
    """Run `hookwright reencrypt`.

    Raises:
        CommandError: A setting is not valid, Temporal is away, or workflows were not rewritten.
    """
    codec = payload_codec(settings)
    client = await wait_for_temporal(lambda: connect_client(codec), WAIT_SECONDS)
    await check_when_reachable(client, settings, codec, WAIT_SECONDS)
    try:
        await reencrypt(client, settings.key_ring, settings.task_queue)
    except RPCError as error:
        raise CommandError(
            f"Temporal did not answer ({error.message}); what is rewritten stays so, run it again"
        ) from error


async def _keep_checked(client: Client, settings: Settings, codec: EncryptionCodec) -> None:
    """Compare the keys with those in use as soon as Temporal is there, however long that takes.

    Raises:
        CommandError: The keys are wrong.
    """
    await check_when_reachable(client, settings, codec, math.inf, awaits_namespace=True)
    await asyncio.Event().wait()


async def _work_when_connected(
    client: Client, config: WorkerConfig, settings: Settings, codec: EncryptionCodec
) -> None:
    await wait_for_temporal(lambda: reach(client), WAIT_SECONDS)
    await check_when_reachable(client, settings, codec, WAIT_SECONDS)
    # The SDK refuses a lazy client for a worker, because it may not be connected. This one is, and
    # only with the same client can the server hand a new workflow's first task to this worker.
    client.service_client.config.lazy = False
    await _run_worker_on(client, config)
