"""The process that runs Hookwright's worker. Its environment configures it, as in production.

With `--no-health-reports` the worker does not report attempts to endpoints. The difference to a
normal run is the cost of health reports.
"""

import asyncio
import sys

from temporalio.worker import UnsandboxedWorkflowRunner, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from activities.delivery import DeliveryReports
from bench.signals import wait_for_sigterm
from hookwright.temporal import EncryptionCodec, connect
from runtime.services import worker_config
from runtime.settings import Settings
from runtime.worker import worker


async def report_nothing(*_: object) -> None:
    """Do nothing instead of reporting an attempt."""


async def main(runner: WorkflowRunner) -> None:
    """Run the worker until SIGTERM."""
    settings = Settings()
    client = await connect(EncryptionCodec(settings.key_ring))
    async with worker(client, worker_config(settings), runner):
        await wait_for_sigterm()


if __name__ == "__main__":
    if "--no-health-reports" in sys.argv:
        setattr(DeliveryReports, "attempted", report_nothing)  # noqa: B010 - for the type checker
    sandboxed = "--sandboxed" in sys.argv
    asyncio.run(main(SandboxedWorkflowRunner() if sandboxed else UnsandboxedWorkflowRunner()))
