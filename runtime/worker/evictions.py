"""Workflows that leave the SDK's cache give back their memory at once.

Such a workflow is full of cycles: its event loop, its tasks, and the exceptions that ended them, in
whose frames the tasks are. It is old by then, so only a search through all objects would free it.
Under load that took 0.3 to 0.5 s, in which nobody was served (docs/decisions/0028-memory.md).
"""

import asyncio
import traceback
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from temporalio.worker import (
    UnsandboxedWorkflowRunner,
    WorkflowInstance,
    WorkflowInstanceDetails,
    WorkflowRunner,
)


@dataclass
class EmptyingRunner(WorkflowRunner):
    """Runs workflows without the SDK's sandbox, and empties those that leave the cache."""

    _runner: UnsandboxedWorkflowRunner = field(default_factory=UnsandboxedWorkflowRunner)

    def prepare_workflow(self, defn: Any) -> None:  # noqa: ANN401 - a private type of the SDK
        """Prepare the running of a workflow."""
        self._runner.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """Return a workflow that is about to run, or to be replayed."""
        return _EmptiedInstance(self._runner.create_instance(det))


@dataclass
class _EmptiedInstance(WorkflowInstance):
    """A workflow of the SDK. After it has been told to leave the cache, nobody calls it again."""

    _instance: WorkflowInstance

    def activate(self, act: Any) -> Any:  # noqa: ANN401 - private types of the SDK, as below
        if not any(job.HasField("remove_from_cache") for job in act.jobs):
            return self._instance.activate(act)
        tasks = [*getattr(self._instance, "_tasks", ())]  # all of them end now
        completion = self._instance.activate(act)
        _empty_frames(tasks)
        vars(self._instance).clear()
        return completion

    def get_serialization_context(self, command_info: Any) -> Any:  # noqa: ANN401
        return self._instance.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: Any) -> Any:  # noqa: ANN401
        return self._instance.get_external_store_context(command_info)

    def get_info(self) -> Any:  # noqa: ANN401
        return self._instance.get_info()

    def get_thread_id(self) -> int | None:
        return self._instance.get_thread_id()


def _empty_frames(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Empty the frames of the exceptions that have ended these tasks."""
    for task in tasks:
        error = _error_of(task)
        while error:
            traceback.clear_frames(error.__traceback__)
            error = error.__context__


def _error_of(task: asyncio.Task[Any]) -> BaseException | None:
    try:
        return task.exception()
    except asyncio.CancelledError as cancelled:
        return cancelled
