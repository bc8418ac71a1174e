"""A Temporal server of another kind than the embedded one, such as one on PostgreSQL."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import IO

from temporalio.service import ConnectConfig, RPCError, ServiceClient

from runtime.dev import ManagedProcess, managed_process

READY_SECONDS, SECONDS_BETWEEN_LOOKS = 90.0, 0.2
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
            async with asyncio.timeout(READY_SECONDS):
                while not await self._is_ready():
                    process.check_alive()
                    await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
            yield process

    async def _is_ready(self) -> bool:
        try:
            service = await ServiceClient.connect(ConnectConfig(target_host=self.address))
            return await service.check_health()
        except (RuntimeError, RPCError):
            return False
