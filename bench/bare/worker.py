"""The newcomer's worker: a process with the SDK's defaults, including its sandbox."""

import asyncio
import sys

from temporalio.client import Client
from temporalio.worker import Worker

from bench.bare.workflows import Bare, no_op
from bench.waiting import until_sigterm


async def main(address: str, namespace: str, task_queue: str) -> None:
    """Run the worker until SIGTERM."""
    client = await Client.connect(address, namespace=namespace)
    async with Worker(client, task_queue=task_queue, workflows=[Bare], activities=[no_op]):
        await until_sigterm()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
