"""Connecting to Temporal, which may still be starting, and comparing keys once it is there."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import structlog
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client
from temporalio.converter import PayloadCodec
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError

from hookwright.temporal import RPC_TIMEOUT, EncryptionCodec, connect
from runtime.errors import CommandError
from runtime.keys.check import NoNamespaceError, check_keys
from runtime.running import error_console
from runtime.settings import Settings
from runtime.tracing import trace_interceptors

WAIT_SECONDS = 60.0
RETRY_SECONDS = 0.25

Value = TypeVar("Value")

log = structlog.get_logger(__name__)


async def reach(client: Client) -> None:
    """Connect a lazy client.

    Raises:
        RuntimeError: Temporal cannot be reached.
    """
    try:
        await client.workflow_service.get_system_info(GetSystemInfoRequest(), timeout=RPC_TIMEOUT)
    except RPCError as error:
        raise RuntimeError(error.message) from error


async def wait_for_temporal(reach: Callable[[], Awaitable[Value]], wait_seconds: float) -> Value:
    """Return what `reach` returns. While Temporal cannot be reached, try again.

    Raises:
        CommandError: Temporal did not answer in time.
    """
    deadline = time.monotonic() + wait_seconds
    if not error_console.is_terminal and math.isfinite(wait_seconds):
        log.info("temporal.connecting", at_most_seconds=wait_seconds)
    with error_console.status("Waiting for Temporal"):
        while True:
            try:
                return await reach()
            except RuntimeError as error:
                if time.monotonic() > deadline:
                    raise CommandError(
                        f"Temporal did not answer within {wait_seconds:g} s;"
                        f" is TEMPORAL_ADDRESS right? ({reason_of(error)})"
                    ) from error
                await asyncio.sleep(RETRY_SECONDS)


async def connect_client(
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


async def connect_without_keys(wait_seconds: float) -> Client:
    """Connect for calls that send no payloads, and so need no encryption key.

    Raises:
        CommandError: Temporal does not answer in time.
    """
    codec = EncryptionCodec({})
    return await wait_for_temporal(lambda: connect_client(codec), wait_seconds)


def reason_of(error: BaseException) -> str:
    """Return why a connection failed, in words."""
    return str(error.__cause__ or error)


async def check_when_reachable(
    client: Client,
    settings: Settings,
    codec: EncryptionCodec,
    wait_seconds: float,
    *,
    awaits_namespace: bool = False,
) -> None:
    """Compare the keys with those in use, and let the codec encrypt.

    Raises:
        CommandError: The keys are wrong, or Temporal did not answer in time, or has no such
            namespace and that is not awaited.
    """

    async def check() -> None:
        try:
            await check_keys(client, settings.key_ring, settings.task_queue)
        except NoNamespaceError as error:
            if awaits_namespace:
                raise
            raise CommandError(f"{reason_of(error)}; did you run `hookwright setup`?") from error

    await wait_for_temporal(check, wait_seconds)
    codec.checked = True
