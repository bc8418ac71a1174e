"""Child processes that never outlive their parent."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import IO

STOP_TIMEOUT_SECONDS = 70.0
"""A worker may first finish its POSTs in flight (`runtime.worker.DRAIN`)."""


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
        *_tied_to_parent(command),
        env=dict(environment),
        stdout=output,
        stderr=output,
        start_new_session=True,
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
        pass
    finally:
        # Too slow, or whoever waits was told a second time to stop.
        if process.returncode is None:
            process.kill()
            await process.wait()


# Run by a small Python that then becomes the command. The kernel's promise outlives the exec; a
# function run between fork and exec would do too, but may deadlock where there are threads.
_TIED = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
if os.getppid() == int(sys.argv[1]):
    os.execvp(sys.argv[2], sys.argv[2:])
"""


def _tied_to_parent(command: Sequence[str]) -> list[str]:
    """Return a command that Linux ends when this process dies, even by kill -9."""
    if sys.platform != "linux":
        return list(command)
    return [sys.executable, "-ISc", _TIED, str(os.getpid()), *command]
