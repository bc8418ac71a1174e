"""Child processes that never outlive their parent."""

import asyncio
import ctypes
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import IO

STOP_TIMEOUT_SECONDS = 70.0
"""A worker may first finish its POSTs in flight (`runtime.worker.DRAIN`)."""

PR_SET_PDEATHSIG = 1


class ProcessDiedError(Exception):
    """A process that should be running has ended."""


@dataclass(frozen=True)
class ManagedProcess:
    """A running child."""

    name: str
    process: asyncio.subprocess.Process

    def check_alive(self) -> None:
        """Raise ProcessDiedError if it has ended."""
        if self.process.returncode is not None:
            raise ProcessDiedError(f"{self.name} ended with status {self.process.returncode}")

    async def ended(self) -> None:
        """Wait for its end, which nobody asked for, and raise."""
        await self.process.wait()
        self.check_alive()


@asynccontextmanager
async def managed_process(
    name: str,
    command: Sequence[str],
    environment: Mapping[str, str],
    output: IO[str] | None = None,
) -> AsyncIterator[ManagedProcess]:
    """Run a command while the context lasts; end it with SIGTERM, then SIGKILL.

    It gets a session of its own, so that a Ctrl-C meant for the parent does not reach it first.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        env=dict(environment),
        stdout=output,
        stderr=output,
        start_new_session=True,
        preexec_fn=_die_with_parent if sys.platform == "linux" else None,
    )
    try:
        yield ManagedProcess(name, process)
    finally:
        await _stop(process)


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_TIMEOUT_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _die_with_parent() -> None:
    """Ask Linux to end this process when its parent dies, even by kill -9."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
