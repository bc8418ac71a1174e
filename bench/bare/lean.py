"""The leanest worker: it starts the workflows itself, because eager start needs one client.

A line on its port asks for work: `<prefix> <count> <in flight>`. The answer, `done`, comes when all
these workflows have run.
"""

import asyncio
import sys

from temporalio import activity
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from bench.bare.workflows import Lean
from bench.waiting import for_each, until_sigterm

LOOPBACK = "127.0.0.1"
DONE = b"done\n"

ended: dict[str, asyncio.Event] = {}
"""For each workflow, an event that its activity sets. To ask Temporal for the result would be one
more call, and Hookwright has none: the driver counts POSTs."""


@activity.defn(name="no_op")
async def no_op() -> None:
    """Do nothing but tell the driver."""
    ended[activity.info().workflow_id or ""].set()


async def main(address: str, namespace: str, task_queue: str, port: int) -> None:
    """Run the worker until SIGTERM, and start what is asked for on the port."""
    client = await Client.connect(address, namespace=namespace)

    async def run_one(workflow_id: str) -> None:
        ended[workflow_id] = asyncio.Event()
        await client.start_workflow(
            Lean.run, id=workflow_id, task_queue=task_queue, request_eager_start=True
        )
        await ended[workflow_id].wait()
        del ended[workflow_id]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        prefix, count, in_flight = (await reader.readline()).decode().split()
        ids = [f"{prefix}-{number}" for number in range(int(count))]
        await for_each(ids, run_one, int(in_flight))
        writer.write(DONE)
        await writer.drain()
        writer.close()

    worker = Worker(
        client,
        task_queue=task_queue,
        workflows=[Lean],
        activities=[no_op],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    async with worker, await asyncio.start_server(answer, LOOPBACK, port):
        await until_sigterm()


async def run_lean(port: int, prefix: str, count: int, in_flight: int) -> None:
    """Ask the leanest worker to run workflows, and wait until all have run.

    Raises:
        RuntimeError: The worker could not run them.
    """
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        writer.write(f"{prefix} {count} {in_flight}\n".encode())
        if await reader.readline() != DONE:
            raise RuntimeError("the lean worker has not run its workflows; its log says why")
    finally:
        writer.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
