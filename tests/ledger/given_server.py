"""A Temporal server of another kind than the embedded one, such as one on PostgreSQL."""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import IO

from runtime.dev import ManagedProcess, managed_process, until_it_serves

READY_SECONDS = 90.0
"""A server that was killed waits until the others, of which there are none, have forgotten it."""


@dataclass(frozen=True)
class GivenServer:
    """A server that a command runs, all roles in one process. It keeps its database by itself."""

    command: Sequence[str]
    port: int

    @property
    def address(self) -> str:
        """The address that clients connect to."""
        return f"127.0.0.1:{self.port}"

    @asynccontextmanager
    async def running(self, output: IO[str] | None = None) -> AsyncIterator[ManagedProcess]:
        """Run it while the context is open. It is ready when the context is entered.

        Raises:
            ProcessDiedError: it ended while it was starting.
            TimeoutError: it was not ready in time.
        """
        async with managed_process("temporal", self.command, os.environ, output) as process:
            await until_it_serves(process, self.address, READY_SECONDS)
            yield process
