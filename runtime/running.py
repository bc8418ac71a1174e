"""What every command shares: its terminal output, its signals, and its exit status."""

import asyncio
import gc
import os
import resource
import signal
import sys
import traceback
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, NoReturn

import structlog
import typer
from rich.console import Console
from rich.text import Text

from runtime.errors import CommandError
from runtime.terminal_text import lines, one_line

if TYPE_CHECKING:
    from temporalio.worker import Worker

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

GARBAGE_THRESHOLDS = (1_000, 10, 100)
"""When garbage is looked for (`gc.set_threshold`); Python's own numbers are 700, 10 and 10.

Among few objects often, and everywhere rarely, after a million new ones: nobody is served meanwhile
(docs/decisions/0028-memory.md).
"""

log = structlog.get_logger(__name__)

console = Console(highlight=False)
error_console = Console(stderr=True, highlight=False)


def print_line(text: str | Text = "") -> None:
    """Print text without wrapping it, so that commands and keys can be copied."""
    console.print(text, markup=False, soft_wrap=True)


def note_line(text: str) -> None:
    """Print a line on the error output, whoever has written parts of it, without wrapping it."""
    error_console.print(one_line(text), markup=False, soft_wrap=True)


@contextmanager
def exit_on_command_error() -> Iterator[None]:
    """Turn a CommandError into its message on the error output, and into its exit status."""
    try:
        yield
    except CommandError as error:
        # The text may repeat what a server has answered.
        text = Text.assemble(("error: ", "bold red"), lines(str(error)))
        error_console.print(text, soft_wrap=True)
        raise typer.Exit(error.status) from None


def run(main: Coroutine[None, None, None]) -> NoReturn:
    """Run a command until it ends or a signal stops it; a stop by a signal exits with status 0.

    The first signal cancels the command, which then closes what it has opened. Another Ctrl-C
    cancels this closing as well, and what the command has left open then is not waited for.

    This function does not return. The SDK's threads may abort the interpreter while it shuts down
    (temporalio/sdk-python#300), so the process exits at once; everything is closed by then.
    """
    status = 0
    allow_open_files()
    runner = asyncio.Runner()
    task = runner.get_loop().create_task(main)
    try:
        with exit_on_command_error(), suppress(asyncio.CancelledError):
            runner.run(_run_until_signal(task))
        if task.cancelling() <= 1:
            runner.close()
    except typer.Exit as error:
        status = error.exit_code
    except Exception:  # noqa: BLE001 - no caller is left that could handle it
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def allow_open_files() -> None:
    """Allow as many open files as the system lets a process have.

    It gives a process 1,024 at first, for the sake of old programs, and a worker or an API with
    many connections needs more.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # where there is no limit, some systems refuse to say so
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def _run_until_signal(task: asyncio.Task[None]) -> None:
    def stop(received: signal.Signals) -> None:
        # A second SIGTERM or SIGHUP is ignored: supervisors repeat their signals, and the kernel
        # sends another one when the parent dies. A second Ctrl-C comes from a person.
        if received is signal.SIGINT or not task.cancelling():
            task.cancel()

    for stop_signal in STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(stop_signal, stop, stop_signal)
    await task


@asynccontextmanager
async def run_workers(*workers: "Worker") -> AsyncIterator[None]:
    """Run workers while the context is open. Then stop all of them at the same time.

    If one fails, its failure is raised here. The SDK's own contexts of several workers that fail
    together would cancel each other's ends.
    """
    inside, failures = asyncio.current_task(), list[BaseException]()

    def note(run: asyncio.Task[None]) -> None:
        if error := None if run.cancelled() else run.exception():
            failures.append(error)
            if inside and len(failures) == 1:
                inside.cancel()

    for run in (runs := [asyncio.create_task(sdk_worker.run()) for sdk_worker in workers]):
        run.add_done_callback(note)
    try:
        yield
    except asyncio.CancelledError:
        if inside and failures:
            inside.uncancel()
            raise failures[0] from None
        raise
    finally:
        for run in runs:
            run.remove_done_callback(note)
        await asyncio.gather(*(sdk_worker.shutdown() for sdk_worker in workers))
        await asyncio.gather(*runs, return_exceptions=True)


async def run_parts(**parts: Coroutine[None, None, None]) -> None:
    """Run parts until cancelled, or until one ends. Then stop each, one after another, in order.

    A second cancellation ends this at once and leaves the parts as they are: the SDK's workers
    cannot be stopped while a request is in flight.

    Raises:
        CommandError: A part has ended by itself.
    """
    _pause_less_for_garbage()
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


def _pause_less_for_garbage() -> None:
    """Leave what exists by now, code above all, out of the search for garbage.

    A search through everything took 0.2 s under load, in which nobody was served.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)


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
