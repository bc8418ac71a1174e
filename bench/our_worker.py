"""The process that runs Hookwright's worker, configured as in production: by its environment."""

import asyncio
import sys

from temporalio.worker import UnsandboxedWorkflowRunner, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from bench.stopping import stop_asked_for
from runtime.codec import EncryptionCodec
from runtime.settings import Settings
from runtime.temporal import connect
from runtime.worker import worker


async def main(runner: WorkflowRunner) -> None:
    """Work until SIGTERM."""
    settings = Settings()
    client = await connect(EncryptionCodec(settings.key_ring))
    async with worker(
        client, settings.destinations, settings.contracts, settings.task_queue, runner
    ):
        await stop_asked_for()


if __name__ == "__main__":
    sandboxed = "--sandboxed" in sys.argv
    asyncio.run(main(SandboxedWorkflowRunner() if sandboxed else UnsandboxedWorkflowRunner()))
