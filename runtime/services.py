"""The commands `serve`, `api`, `worker` and `setup`, once their settings are loaded."""

import asyncio
import math
import time
from datetime import timedelta

import structlog
from fastapi import FastAPI
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from api.app import create_app
from api.config import ApiConfig
from api.facades import UnknownFacadeError
from api.portal_config import PortalConfig
from hookwright.temporal import EncryptionCodec, set_up_namespace
from runtime.connecting import (
    RETRY_SECONDS,
    WAIT_SECONDS,
    check_when_reachable,
    connect_client,
    reach,
    reason_of,
    wait_for_temporal,
)
from runtime.errors import CommandError
from runtime.http import listening_socket, serve
from runtime.keys import cursor_key, portal_key
from runtime.keys.reencrypt import reencrypt
from runtime.metrics import Counting, Scraping
from runtime.running import print_line, run_parts
from runtime.settings import Settings
from runtime.worker import WorkerConfig, worker

TRANSIENT = (RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.NOT_FOUND)
"""What a server answers while it is starting, or before it notices its new namespace."""

log = structlog.get_logger(__name__)


async def serve_api(settings: Settings, host: str, port: int) -> None:
    """Serve the REST API until cancelled. It can start before Temporal does.

    Raises:
        CommandError: A setting is not valid.
    """
    config = api_config(settings)
    listener = listening_socket(host, port)
    scraping = Scraping.at(settings.metrics_address)
    client = await connect_client(config.codec, lazy=True, **scraping.client_options)
    app = _api_app(client, config)
    log.info("api.started", host=host, port=port)
    config.codec.checked = False
    await run_parts(
        API=serve(app, listener),
        keys=_keep_checked(client, settings, config.codec),
        **scraping.parts(Counting(client, config.task_queue)),
    )


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


def api_config(settings: Settings) -> ApiConfig:
    """Return the API's configuration, made from the settings."""
    token = settings.codec_token
    return ApiConfig(
        task_queue=settings.task_queue,
        api_keys=settings.api_keys,
        tenant_keys=settings.tenant_keys,
        tokens=settings.tokens,
        rate_limit_storage=settings.rate_limit_storage,
        operator_rate_limit=settings.operator_rate_limit,
        facades=settings.facades,
        contracts=settings.contracts,
        destinations=settings.destinations,
        max_body_bytes=settings.max_body_bytes,
        cursor_key=cursor_key(settings.key_ring),
        codec=payload_codec(settings),
        codec_token=token.get_secret_value() if token else None,
        ui_origin=settings.ui_origin,
        portal=portal_config(settings),
        docs=settings.api_docs,
        allowed_hosts=settings.allowed_hosts,
    )


def payload_codec(settings: Settings) -> EncryptionCodec:
    """Return the codec of all payloads, made from the settings."""
    return EncryptionCodec(settings.key_ring, settings.refuse_clear_payloads)


def portal_config(settings: Settings) -> PortalConfig:
    """Return the portal's configuration, made from the settings."""
    return PortalConfig(
        key=portal_key(settings.key_ring),
        name=settings.portal_name,
        accent=settings.portal_accent,
        logo=settings.portal_logo,
        url=settings.portal_url,
    )


def worker_config(settings: Settings) -> WorkerConfig:
    """Return a worker's configuration, made from the settings."""
    return WorkerConfig(
        task_queue=settings.task_queue,
        destinations=settings.destinations,
        contracts=settings.contracts,
        proxy=settings.proxy,
        authorities=settings.egress_authorities,
        operator_tenant=settings.operator_tenant,
        mail_server=settings.mail_server,
        portal_url=settings.portal_url,
    )


async def run_worker(settings: Settings) -> None:
    """Run workflows and deliver webhooks until cancelled, then finish the requests in flight.

    Raises:
        CommandError: A setting is not valid, or the worker cannot connect or start.
    """
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
    scraping = Scraping.at(settings.metrics_address)
    client = await connect_client(config.codec, lazy=True, **scraping.client_options)
    app = _api_app(client, config)
    log.info("api.started", host=host, port=port)
    config.codec.checked = False
    await run_parts(
        API=serve(app, listener),
        worker=_work_when_connected(client, worker_settings, settings, config.codec),
        **scraping.parts(Counting(client, config.task_queue)),
    )


async def set_up(settings: Settings, wait_seconds: float) -> None:
    """Wait for Temporal, prepare the namespace, and print what was done.

    Raises:
        CommandError: Temporal does not answer in time, or refuses a change.
    """
    deadline = time.monotonic() + wait_seconds
    # It needs no encryption key to prepare the namespace.
    codec = EncryptionCodec({})
    client = await wait_for_temporal(lambda: connect_client(codec), wait_seconds)
    while True:
        try:
            changes = await set_up_namespace(client, timedelta(days=settings.retention_days))
            break
        except RPCError as error:
            if error.status not in TRANSIENT or time.monotonic() > deadline:
                raise CommandError(f"Temporal refused: {error.message}") from error
            await asyncio.sleep(RETRY_SECONDS)
    if settings.encryption_keys:
        await check_when_reachable(client, settings, codec, wait_seconds)
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
    await check_when_reachable(client, settings, codec, math.inf)
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
