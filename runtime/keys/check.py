"""Comparing the encryption keys with those of what Temporal has stored, at every start."""

from collections.abc import Mapping
from typing import Never

import structlog
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.keys import KeyLog, WrongKeysError
from runtime.errors import CommandError

SETTING = "HOOKWRIGHT_ENCRYPTION_KEYS"

log = structlog.get_logger(__name__)


class NoNamespaceError(RuntimeError):
    """Temporal does not know the namespace, or not yet."""


async def check_keys(
    client: Client, key_ring: Mapping[str, bytes], task_queue: str, source: str = SETTING
) -> None:
    """Refuse keys that cannot read what the namespace holds; note the first as one in use.

    `source` is where the keys are set.

    Raises:
        CommandError: the keys are wrong. The text names their ids and says what to do.
        RuntimeError: Temporal is away, or (NoNamespaceError) does not know the namespace.
    """
    try:
        await KeyLog(client, key_ring, task_queue).check()
    except WrongKeysError as error:
        raise CommandError(f"{source}: {error}") from None
    except RPCError as error:
        _raise_unavailability(error)
    log.info("keys.checked", encrypts_with=next(iter(key_ring)), decrypts_with=[*key_ring])


def _raise_unavailability(error: RPCError) -> Never:
    if error.status is RPCStatusCode.PERMISSION_DENIED:
        raise CommandError(f"Temporal refused to show which keys are in use: {error.message}")
    if error.status is RPCStatusCode.NOT_FOUND:
        raise NoNamespaceError(error.message) from error
    raise RuntimeError(error.message) from error
