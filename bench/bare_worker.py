"""The process that runs `bench.bare`: `Worker` with the SDK's defaults, sandbox included."""

import asyncio
import sys

from temporalio.client import Client
from temporalio.worker import Worker

from bench.bare import Bare, no_op
from bench.stopping import stop_asked_for

BARE_TASK_QUEUE = "bare"


async def main(address: str) -> None:
    """Work until SIGTERM."""
    client = await Client.connect(address)
    async with Worker(client, task_queue=BARE_TASK_QUEUE, workflows=[Bare], activities=[no_op]):
        await stop_asked_for()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
