"""Parts of one command that run at the same time, and that end together."""

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import suppress

import structlog

from runtime.errors import CommandError

log = structlog.get_logger(__name__)


async def run_parts(**parts: Coroutine[None, None, None]) -> None:
    """Run parts until cancelled, or until one ends. Then stop each, one after another, in order.

    A second cancellation ends this at once and leaves the parts as they are: the SDK's workers
    cannot be stopped while a request is in flight.

    Raises:
        CommandError: A part has ended by itself.
    """
    this_task = asyncio.current_task()
    assert this_task  # noqa: S101 - a coroutine always runs in a task
    tasks = {asyncio.create_task(part): name for name, part in parts.items()}
    end: BaseException
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        end = next(_failure(name, task) for task, name in tasks.items() if task in ended)
    except asyncio.CancelledError as cancelled:
        end = cancelled
    stopping = asyncio.create_task(_stop_in_order(tasks))
    while not stopping.done() and this_task.cancelling() <= 1:
        with suppress(asyncio.CancelledError):
            await asyncio.shield(stopping)
    raise end


def _failure(name: str, task: asyncio.Task[None]) -> CommandError:
    """Return the error that tells why a part has ended."""
    error = None if task.cancelled() else task.exception()
    if isinstance(error, CommandError):
        return error
    log.error("part.ended", part=name, exc_info=error)
    reason = f" ({error})" if error else ""
    return CommandError(f"the {name} has ended by itself{reason}; everything is stopped")


async def _stop_in_order(tasks: Mapping[asyncio.Task[None], str]) -> None:
    for task, name in tasks.items():
        if task.done():
            continue
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled() and (error := task.exception()):
            log.error("part.stopped_with_error", part=name, exc_info=error)
