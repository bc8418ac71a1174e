"""Held deliveries of an endpoint without a server: visibility as on SQL, and calls that count."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from types import CodeType, SimpleNamespace

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import (
    ListWorkflowExecutionsRequest,
    ListWorkflowExecutionsResponse,
)
from temporalio.client import WorkflowExecutionStatus
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.converter import encode_search_attributes

from hookwright.health import Health
from hookwright.models import EndpointConfig, EndpointState
from hookwright.outcomes import DeliveryState
from hookwright.temporal import ACCEPTED_AT, DELIVERY_STATE, Order


@dataclass
class FakeVisibility:
    """Lists as Temporal on SQL does: what started last comes first; full pages."""

    accepted: list[datetime]
    namespace: str = "default"
    calls: int = 0
    infos: list[WorkflowExecutionInfo] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.workflow_service = SimpleNamespace(list_workflow_executions=self.list)
        for number, time in enumerate(self.accepted):
            info = WorkflowExecutionInfo(
                execution=WorkflowExecution(workflow_id=f"w{number}", run_id=f"{number:08}"),
                status=WorkflowExecutionStatus.RUNNING.value,  # type: ignore[arg-type]
            )
            pair = SearchAttributePair(ACCEPTED_AT, time)
            encode_search_attributes(TypedSearchAttributes([pair]), info.search_attributes)
            self.infos.append(info)
        self.order = Order.OLDEST_ACCEPTED_FIRST
        # The last accepted first.
        self.infos.sort(key=lambda info: self.order.row(info).place)
        self.columns = [
            {"AcceptedAt": _written(self.accepted[int(run_id)]), "RunId": run_id}
            for run_id in (info.execution.run_id for info in self.infos)
        ]

    async def list(
        self, request: ListWorkflowExecutionsRequest, **_: object
    ) -> ListWorkflowExecutionsResponse:
        self.calls += 1
        condition = _compiled(request.query)
        listed = (
            info
            for info, columns in zip(self.infos, self.columns, strict=True)
            if eval(condition, {**columns})
        )
        matching = [*islice(listed, request.page_size + 1)]
        more = b"more" if len(matching) > request.page_size else b""
        return ListWorkflowExecutionsResponse(
            executions=matching[: request.page_size], next_page_token=more
        )


def _written(time: datetime) -> str:
    """Return a time as a query names it."""
    return time.isoformat(timespec="microseconds")[:26] + "000Z"


def _compiled(query: str) -> CodeType:
    """Return the query's conditions as an expression on columns, which compares as SQL would."""
    text = query.partition(" AND (")[2].replace(" = ", " == ")
    text = f"({text}" if text else "True"
    return compile(text.replace("AND", "and").replace("OR", "or"), "query", "eval")


@dataclass
class HeldClient(FakeVisibility):
    """The client of a server where deliveries are held.

    Those that are released are POSTed at once, unless their receiver `hangs`, and leave the list of
    visibility when `settle` is called.
    """

    hangs: bool = False
    calls_of: Counter[str] = field(default_factory=Counter)
    released: list[str] = field(default_factory=list)

    def get_workflow_handle(self, workflow_id: str, **_: object) -> SimpleNamespace:
        async def describe(**_: object) -> SimpleNamespace:
            self.calls_of["describe"] += 1
            is_held = workflow_id not in self.released
            running = is_held or self.hangs
            state = DeliveryState.HELD if is_held else DeliveryState.PENDING
            pair = SearchAttributePair(DELIVERY_STATE, state)
            return SimpleNamespace(
                status=WorkflowExecutionStatus.RUNNING if running else None,
                typed_search_attributes=TypedSearchAttributes([pair]),
                raw_description=SimpleNamespace(pending_activities=[]),
            )

        async def signal(*_: object) -> None:
            self.calls_of["signal"] += 1
            self.released.append(workflow_id)

        return SimpleNamespace(describe=describe, signal=signal)

    def settle(self) -> None:
        """Let visibility know what was released."""
        gone = {*self.released}
        kept = [i for i, it in enumerate(self.infos) if it.execution.workflow_id not in gone]
        self.infos = [self.infos[i] for i in kept]
        self.columns = [self.columns[i] for i in kept]


@dataclass
class Draining:
    """The snapshots of an endpoint that drains at a pace; `top` is its `drain_per_second`.

    `quiet_until` is set if its receiver has asked for a pause.
    """

    top: float
    pace: float
    reads: int = 0
    quiet_until: datetime | None = None

    async def current(self, tenant_id: str, endpoint_id: str) -> EndpointState:
        self.reads += 1
        config = EndpointConfig(url="https://a.example", drain_per_second=self.top)
        queue = {"held": 9, "pace": self.pace, "throttled_until": self.quiet_until}
        health = Health.model_validate({"queue": queue})
        return EndpointState(
            tenant_id=tenant_id, endpoint_id=endpoint_id, config=config, health=health
        )
