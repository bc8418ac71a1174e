"""What every command shares: its terminal output, its signals, and its exit status."""

import asyncio
import os
import signal
import sys
import traceback
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

import typer
from rich.console import Console
from rich.text import Text

from runtime.errors import CommandError

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

console = Console(highlight=False)
error_console = Console(stderr=True, highlight=False)


def print_line(text: str | Text = "") -> None:
    """Print text without wrapping it, so that commands and keys can be copied."""
    console.print(text, markup=False, soft_wrap=True)


@contextmanager
def exit_on_command_error() -> Iterator[None]:
    """Turn a CommandError into its message on the error output and exit status 1."""
    try:
        yield
    except CommandError as error:
        error_console.print(Text.assemble(("error: ", "bold red"), str(error)), soft_wrap=True)
        raise typer.Exit(1) from None


def run(main: Coroutine[None, None, None]) -> NoReturn:
    """Run a command until it ends or a signal stops it; a stop by a signal exits with status 0.

    The first signal cancels the command, which then closes what it has opened. Another Ctrl-C
    cancels this closing as well, and what the command has left open then is not waited for.

    This function does not return. The SDK's threads may abort the interpreter while it shuts down
    (temporalio/sdk-python#300), so the process exits at once; everything is closed by then.
    """
    status = 0
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


async def _run_until_signal(task: asyncio.Task[None]) -> None:
    def stop(received: signal.Signals) -> None:
        # A second SIGTERM or SIGHUP is ignored: supervisors repeat their signals, and the kernel
        # sends another one when the parent dies. A second Ctrl-C comes from a person.
        if received is signal.SIGINT or not task.cancelling():
            task.cancel()

    for stop_signal in STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(stop_signal, stop, stop_signal)
    await task
