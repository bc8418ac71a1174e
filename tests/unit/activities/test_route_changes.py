"""Group commit of route changes: few updates, and whoever asks learns what became of theirs."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities import route_changes as module
from activities.route_changes import TenantRoutes
from hookwright.ids import tenant_workflow_id
from hookwright.models import Route
from hookwright.routing import Refusal, RouteChange, RouteChanges, RoutesChanged, TenantRouteChange
from hookwright.sizes import MAX_CHANGES, MAX_CHANGES_BYTES

REFUSED = Refusal(type="too_many_endpoints", message="no room")


@dataclass
class FakeTenants:
    """Keeps the updates of each tenant; answers when its gate is open, as the test sets it."""

    updates: list[tuple[str, RouteChanges]] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    failures: list[Exception] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    under_way: Counter[str] = field(default_factory=Counter)

    def get_workflow_handle(self, workflow_id: str) -> "FakeTenant":
        return FakeTenant(self, workflow_id)

    def changes(self, tenant_id: str) -> list[list[str]]:
        """Return whose routes each update of a tenant would change."""
        workflow_id = tenant_workflow_id(tenant_id)
        return [
            [change.endpoint_id for change in request.changes]
            for updated, request in self.updates
            if updated == workflow_id
        ]


@dataclass
class FakeTenant:
    tenants: FakeTenants
    workflow_id: str

    async def execute_update(
        self, name: str, request: RouteChanges, result_type: type, rpc_timeout: timedelta
    ) -> RoutesChanged:
        assert (name, result_type) == ("change_routes", RoutesChanged)
        assert rpc_timeout
        it = self.tenants
        it.updates.append((self.workflow_id, request))
        it.under_way[self.workflow_id] += 1
        assert it.under_way[self.workflow_id] == 1
        await it.gate.wait()
        it.under_way[self.workflow_id] -= 1
        if it.failures:
            raise it.failures.pop(0)
        return RoutesChanged(
            refusals=[
                REFUSED if change.endpoint_id in it.refused else None for change in request.changes
            ]
        )


@pytest.fixture
async def tenants() -> FakeTenants:
    return FakeTenants()


@pytest.fixture
def routes(tenants: FakeTenants) -> TenantRoutes:
    return TenantRoutes(tenants)


def change(endpoint_id: str, event_type: str = "a") -> RouteChange:
    return RouteChange(
        endpoint_id=endpoint_id,
        route=Route(endpoint_id=endpoint_id, version=1, event_types=[event_type]),
    )


def begin(routes: TenantRoutes, *changes: RouteChange, tenant: str = "t") -> list[asyncio.Task]:
    return [
        asyncio.create_task(routes.change(TenantRouteChange(tenant_id=tenant, change=each)))
        for each in changes
    ]


async def turns(number: int = 5) -> None:
    """Let what can go on do so."""
    for _ in range(number):
        await asyncio.sleep(0)


async def test_what_comes_meanwhile_leaves_together(
    tenants: FakeTenants, routes: TenantRoutes
) -> None:
    """One update is under way; all that comes meanwhile is the next, in order, and none is lost."""
    ids = [f"ep_{number}" for number in range(50)]
    asked = begin(routes, change(ids[0]))
    await turns()
    asked += begin(routes, *map(change, ids[1:]))
    await turns()
    assert tenants.changes("t") == [ids[:1]]
    tenants.gate.set()
    await asyncio.gather(*asked)
    assert tenants.changes("t") == [ids[:1], ids[1:]]


async def test_each_gets_its_own_answer(tenants: FakeTenants, routes: TenantRoutes) -> None:
    """A refusal is raised where its change was asked for, final, and nowhere else."""
    tenants.gate.set()
    tenants.refused = {"ep_1"}
    asked = begin(routes, *(change(f"ep_{number}") for number in range(3)))
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert [answers[0], answers[2]] == [None, None]
    assert isinstance(answers[1], ApplicationError)
    assert (answers[1].type, answers[1].non_retryable) == (REFUSED.type, True)


async def test_an_update_has_a_size(tenants: FakeTenants, routes: TenantRoutes) -> None:
    """No update has more changes, or bytes, than the arithmetic of sizes counts with."""
    tenants.gate.set()
    small = [change(f"ep_{number}") for number in range(MAX_CHANGES + 1)]
    large = [change(f"ep_{number}", "x" * 128) for number in range(MAX_CHANGES)]
    await asyncio.gather(*begin(routes, *small), *begin(routes, *large, tenant="other"))
    assert len(tenants.changes("t")[0]) == MAX_CHANGES
    sizes = [sum(each.size for each in request.changes) for _, request in tenants.updates]
    assert max(sizes) <= MAX_CHANGES_BYTES
    assert sum(map(len, tenants.changes("other"))) == MAX_CHANGES > len(tenants.changes("other"))


async def test_tenants_do_not_wait_for_each_other(
    tenants: FakeTenants, routes: TenantRoutes
) -> None:
    """While one tenant does not answer, a hundred others are asked."""
    asked = [task for n in range(100) for task in begin(routes, change("ep"), tenant=f"t{n}")]
    await turns()
    assert len(tenants.updates) == 100
    tenants.gate.set()
    await asyncio.gather(*asked)


async def test_what_nobody_waits_for_is_not_sent(
    tenants: FakeTenants, routes: TenantRoutes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change whose time is over before it was sent is never sent; the next one is."""
    first, second = begin(routes, change("ep_0"), change("ep_1"))
    await turns()
    [late] = begin(routes, change("ep_2"))
    await turns()
    late.cancel()
    monkeypatch.setattr(module, "ANSWER_TIMEOUT", timedelta(seconds=0))
    [hasty] = begin(routes, change("ep_3"))
    with pytest.raises(TimeoutError):
        await hasty
    monkeypatch.setattr(module, "ANSWER_TIMEOUT", timedelta(seconds=60))
    [last] = begin(routes, change("ep_4"))
    tenants.gate.set()
    await asyncio.gather(first, second, last)
    assert tenants.changes("t") == [["ep_0", "ep_1"], ["ep_4"]]


@pytest.mark.parametrize(
    ("failure", "raised"),
    [
        (RPCError("busy", RPCStatusCode.UNAVAILABLE, b""), RPCError),
        (RPCError("none", RPCStatusCode.NOT_FOUND, b""), ApplicationError),
        (WorkflowUpdateFailedError(ApplicationError("it goes", type="gone")), ApplicationError),
    ],
)
async def test_a_failed_update(
    tenants: FakeTenants, routes: TenantRoutes, failure: Exception, raised: type
) -> None:
    """All that an update carried learn of its failure, and the next goes out all the same."""
    tenants.failures = [failure]
    first = begin(routes, change("ep_0"), change("ep_1"))
    await turns()
    second = begin(routes, change("ep_2"))
    tenants.gate.set()
    answers = await asyncio.gather(*first, return_exceptions=True)
    assert {type(answer) for answer in answers} == {raised}
    final = raised is ApplicationError
    assert [getattr(answer, "non_retryable", False) for answer in answers] == [final, final]
    await asyncio.gather(*second)
    assert routes._waiting == {}
