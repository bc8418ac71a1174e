"""Child processes that always end with their parent."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import IO

STOP_TIMEOUT_SECONDS = 80.0
"""`hookwright serve` first finishes the API's requests (`runtime.http.server.FINISH_SECONDS`), and
then the worker's requests in flight (`runtime.worker.SHUTDOWN_TIMEOUT`)."""


class ProcessDiedError(Exception):
    """A process ended although it should still be running."""


@dataclass(frozen=True)
class ManagedProcess:
    """A child process that `managed_process` has started."""

    name: str
    process: asyncio.subprocess.Process

    def check_alive(self) -> None:
        """Check that the process is still running.

        Raises:
            ProcessDiedError: It has ended.
        """
        if self.process.returncode is not None:
            raise ProcessDiedError(f"{self.name} ended with status {self.process.returncode}")

    async def raise_when_ended(self) -> None:
        """Wait until the process ends by itself, which is an error.

        Raises:
            ProcessDiedError: The process has ended.
        """
        await self.process.wait()
        self.check_alive()


@asynccontextmanager
async def managed_process(
    name: str,
    command: Sequence[str],
    environment: Mapping[str, str],
    output: IO[str] | None = None,
) -> AsyncIterator[ManagedProcess]:
    """Run a command while the context is open. Then stop it with SIGTERM, and if need be SIGKILL.

    The command gets its own session, so that a Ctrl-C reaches only the parent, which then stops its
    children in the right order.
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
        # The process is too slow, or this wait was cancelled because of a second stop signal.
        if process.returncode is None:
            process.kill()
            await process.wait()


# A small Python process runs this code and then becomes the command by exec. The kernel keeps the
# parent-death signal across the exec. A function that runs between fork and exec could set it, too,
# but it may deadlock in a process that has threads.
_TIE_TO_PARENT = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
if os.getppid() == int(sys.argv[1]):
    os.execvp(sys.argv[2], sys.argv[2:])
"""


def _tied_to_parent(command: Sequence[str]) -> list[str]:
    """Return a command that Linux ends when this process dies, even by `kill -9`."""
    if sys.platform != "linux":
        return list(command)
    return [sys.executable, "-ISc", _TIE_TO_PARENT, str(os.getpid()), *command]
