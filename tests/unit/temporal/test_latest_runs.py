"""Entities are read by the run that was the latest one, as long as it runs."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from hookwright.temporal import LatestRuns

RUNNING, CONTINUED = WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.CONTINUED_AS_NEW


@dataclass
class Server:
    """One workflow: its runs, of which the last one is the latest, and what was asked for."""

    runs: dict[str, WorkflowExecutionStatus] = field(default_factory=dict)
    asked: list[str | None] = field(default_factory=list)

    def get_workflow_handle(self, _: str, *, run_id: str | None = None) -> Any:
        async def describe(**_: object) -> Any:
            self.asked.append(run_id)
            found = run_id or next(reversed(self.runs), None)
            if found not in self.runs:
                raise RPCError("gone", RPCStatusCode.NOT_FOUND, b"")
            return SimpleNamespace(run_id=found, status=self.runs[found])

        return SimpleNamespace(describe=describe)

    def as_client(self) -> Any:
        return self


async def found_by(latest: LatestRuns, server: Server) -> str | None:
    description = await latest.described(server.as_client(), "endpoint")
    return description.run_id if description else None


async def test_the_latest_run_is_asked_for_by_its_id() -> None:
    """From the second time on the server need not find out which run is the latest."""
    latest, server = LatestRuns(), Server({"r1": RUNNING})
    assert [await found_by(latest, server) for _ in range(3)] == ["r1"] * 3
    assert server.asked == [None, "r1", "r1"]


async def test_a_run_that_has_ended_is_not_taken_for_the_latest() -> None:
    """One that continued as new, or is gone, leads to the run that follows."""
    latest, server = LatestRuns(), Server({"r1": RUNNING})
    await found_by(latest, server)
    server.runs = {"r1": CONTINUED, "r2": RUNNING}
    assert await found_by(latest, server) == "r2"
    server.runs = {"r3": RUNNING}
    assert await found_by(latest, server) == "r3"
    assert server.asked == [None, "r1", None, "r2", None]


async def test_what_does_not_run_is_not_remembered() -> None:
    """A workflow that has ended is told as it is, and one that is not there as None."""
    latest, server = LatestRuns(), Server()
    assert await found_by(latest, server) is None
    server.runs = {"r1": RUNNING}
    await found_by(latest, server)
    server.runs = {"r1": CONTINUED}
    assert await found_by(latest, server) == "r1"
    assert await found_by(latest, server) == "r1"
    assert server.asked == [None, None, "r1", None, None]
