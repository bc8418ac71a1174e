"""How every command runs: its terminal, its signals, and how it fails."""

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
errors = Console(stderr=True, highlight=False)


def say(text: str | Text = "") -> None:
    """Print a line as it is: not wrapped, so that what it shows can be copied."""
    console.print(text, markup=False, soft_wrap=True)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn a CommandError into its sentence and exit status 1."""
    try:
        yield
    except CommandError as error:
        errors.print(Text.assemble(("error: ", "bold red"), str(error)), soft_wrap=True)
        raise typer.Exit(1) from None


def run(main: Coroutine[None, None, None]) -> NoReturn:
    """Run a command until it ends or is told to stop, which is a good end too.

    The first signal cancels it, and what it opened is closed in good order; another Ctrl-C
    cancels that as well.

    Does not return: the SDK's threads may abort the interpreter while it shuts down
    (temporalio/sdk-python#300), and everything is closed by then.
    """
    status = 0
    try:
        with plain_errors(), suppress(asyncio.CancelledError):
            asyncio.run(_cancelled_by_signals(main))
    except typer.Exit as error:
        status = error.exit_code
    except Exception:  # noqa: BLE001 - the last frame before the process ends
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


async def _cancelled_by_signals(main: Coroutine[None, None, None]) -> None:
    task = asyncio.ensure_future(main)

    def stop(received: signal.Signals) -> None:
        # Supervisors repeat themselves, and so does the kernel when a parent dies; people mean it.
        if received is signal.SIGINT or not task.cancelling():
            task.cancel()

    for each in STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(each, stop, each)
    await task
