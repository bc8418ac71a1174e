"""The process that runs Hookwright's worker, configured as in production: by its environment.

With `--deaf` endpoints hear nothing of their deliveries: what health costs is the difference.
"""

import asyncio
import sys

from temporalio.worker import UnsandboxedWorkflowRunner, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from activities.delivery import DeliveryReports
from bench.stopping import stop_asked_for
from hookwright.temporal import EncryptionCodec, connect
from runtime.services import worker_config
from runtime.settings import Settings
from runtime.worker import worker


async def tell_nothing(*_: object) -> None:
    """Take the place of a report."""


async def main(runner: WorkflowRunner) -> None:
    """Work until SIGTERM."""
    settings = Settings()
    client = await connect(EncryptionCodec(settings.key_ring))
    async with worker(client, worker_config(settings), runner):
        await stop_asked_for()


if __name__ == "__main__":
    if "--deaf" in sys.argv:
        setattr(DeliveryReports, "attempted", tell_nothing)  # noqa: B010 - for the type checker
    sandboxed = "--sandboxed" in sys.argv
    asyncio.run(main(SandboxedWorkflowRunner() if sandboxed else UnsandboxedWorkflowRunner()))
