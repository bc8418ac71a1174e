"""The process that runs `bench.bare`: a worker with the SDK's defaults, including its sandbox."""

import asyncio
import sys

from temporalio.client import Client
from temporalio.worker import Worker

from bench.bare import Bare, no_op
from bench.signals import wait_for_sigterm

BARE_TASK_QUEUE = "bare"


async def main(address: str) -> None:
    """Run the worker until SIGTERM."""
    client = await Client.connect(address)
    async with Worker(client, task_queue=BARE_TASK_QUEUE, workflows=[Bare], activities=[no_op]):
        await wait_for_sigterm()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
