"""Tenants at their limits: thousands of endpoints, and many changes at once."""

import asyncio
from dataclasses import replace
from itertools import islice

import pytest
from support.receiver import Receiver
from support.stack import Stack, unique
from support.tenants import full_table, running, short_routes, start_tenant
from support.waiting import assert_eventually, eventually
from temporalio.client import Client, WorkflowExecutionStatus

from activities.route_changes import TenantRoutes
from hookwright.ids import endpoint_workflow_id, tenant_workflow_id
from hookwright.models import Route
from hookwright.routing import RouteChange, RouteChanges, RoutesChanged, TenantRouteChange
from hookwright.sizes import BLOB_BYTES, MAX_CHANGES_BYTES, MAX_SLICE_BYTES, UPDATES_IN_FLIGHT
from hookwright.temporal import MemoKey, described, routes_of

WIDE = 10_000


@pytest.fixture
async def wide(service: Stack) -> Stack:
    """API and worker, with a tenant of 10,000 endpoints."""
    tenant = unique("wide")
    await start_tenant(service.client, service.task_queue, tenant, short_routes(WIDE))
    return replace(service, tenant=tenant)


async def table(client: Client, tenant_id: str) -> dict[str, Route]:
    routes = await routes_of(await running(client, tenant_id))
    by_endpoint = {route.endpoint_id: route for route in routes}
    assert len(by_endpoint) == len(routes)
    return by_endpoint


async def create_at_once(service: Stack, url: str, number: int) -> list[str]:
    """Create endpoints all at the same time; a call that is answered 503 is repeated."""

    async def create(key: str) -> str:
        while True:
            answer = await service.http.post(
                f"{service.root}/endpoints",
                json={"url": url, "event_types": ["loan.*"]},
                headers={"Idempotency-Key": key},
            )
            if answer.status_code != 503:
                assert answer.status_code == 201, answer.text
                return answer.json()["id"]

    async with asyncio.timeout(300):
        return await asyncio.gather(*(create(unique("key")) for _ in range(number)))


async def test_one_and_a_few_of_ten_thousand(wide: Stack, hooks: Receiver) -> None:
    """Of 10,000 endpoints, one event reaches the one that wants it, and another the few."""
    one = await wide.add_endpoint(hooks.url, event_types=["loan.closed"])
    few = [await wide.add_endpoint(hooks.url, event_types=["loan.funded"]) for _ in range(3)]
    closed, funded = [await wide.publish(type=kind) for kind in ("loan.closed", "loan.funded")]
    expected = sorted([closed["id"], *[funded["id"]] * 3])
    await assert_eventually(lambda: sorted(hooks.ids()) == expected, within=60)
    for endpoint, event in [(one, closed), *((each, funded) for each in few)]:
        assert (await wide.delivery(endpoint["id"], event["id"]))["endpoint_id"] == endpoint["id"]

    memo = (await running(wide.client, wide.tenant)).raw_description.workflow_execution_info.memo
    slices = [it.data for key, it in memo.fields.items() if key.startswith(MemoKey.ROUTES)]
    assert WIDE * 95 / MAX_SLICE_BYTES < len(slices) < 1.1 * WIDE * 95 / MAX_SLICE_BYTES
    assert max(map(len, slices)) < 1.1 * MAX_SLICE_BYTES
    assert memo.ByteSize() < BLOB_BYTES / 2


async def test_fifty_changes_at_once_of_a_wide_tenant(wide: Stack, hooks: Receiver) -> None:
    """A tenant of 10,000 endpoints takes 50 creations and 50 changes at once, and matches them."""
    before = await table(wide.client, wide.tenant)
    created = await create_at_once(wide, hooks.url, 50)
    patches = await asyncio.gather(
        *(
            wide.http.patch(f"{wide.root}/endpoints/{each}", json={"event_types": ["loan.funded"]})
            for each in created
        )
    )
    assert {answer.status_code for answer in patches} <= {200, 503}
    after = await table(wide.client, wide.tenant)
    assert list(after) == [*before, *sorted(created, key=list(after).index)]
    assert all(after[each] == before[each] for each in before)
    changed = [each for each, answer in zip(created, patches, strict=True) if answer.is_success]
    assert [after[each].event_types for each in changed] == [["loan.funded"]] * len(changed)
    event = await wide.publish(type="loan.funded")
    await assert_eventually(lambda: hooks.ids() == [event["id"]] * 50, within=60)


async def test_an_outage_switches_five_hundred_endpoints_off(wide: Stack) -> None:
    """New versions of 500 routes at once reach a tenant of 10,000, each where it stood."""
    before = await table(wide.client, wide.tenant)
    switched_off = list(before)[:: WIDE // 500]
    routes = TenantRoutes(wide.client)
    await asyncio.gather(
        *(
            routes.change(
                TenantRouteChange(
                    tenant_id=wide.tenant,
                    change=RouteChange(
                        endpoint_id=each, route=before[each].model_copy(update={"version": 2})
                    ),
                )
            )
            for each in switched_off
        )
    )
    after = await table(wide.client, wide.tenant)
    assert list(after) == list(before)
    assert [each for each, route in after.items() if route.version == 2] == switched_off


async def test_a_full_table_survives_all_that_may_come_at_once(service: Stack) -> None:
    """The largest table takes ten of the largest updates at once, over continue-as-news."""
    tenant, routes = unique("full"), full_table()
    await start_tenant(service.client, service.task_queue, tenant, routes)
    handle = service.client.get_workflow_handle(tenant_workflow_id(tenant))
    runs, version = set(), 1
    while len(runs) < 3:
        version += 1
        changes = iter(
            RouteChange(
                endpoint_id=each.endpoint_id, route=each.model_copy(update={"version": version})
            )
            for each in routes
        )
        number = MAX_CHANGES_BYTES // RouteChange(endpoint_id="x", route=routes[0]).size
        updates = [RouteChanges(changes=list(islice(changes, number))) for _ in range(10)]
        assert len(updates) == UPDATES_IN_FLIGHT
        answers = await asyncio.gather(
            *(
                handle.execute_update("change_routes", each, result_type=RoutesChanged)
                for each in updates
            )
        )
        assert not any(refusal for answer in answers for refusal in answer.refusals)
        runs.add((await running(service.client, tenant)).run_id)
    after = await table(service.client, tenant)
    assert list(after) == [route.endpoint_id for route in routes]
    assert {route.version for route in list(after.values())[: 10 * number]} == {version}


async def test_twenty_tenants_deleted_at_once_keep_nobody_waiting(
    service: Stack, hooks: Receiver
) -> None:
    """While one worker deletes 20 tenants of three endpoints, another's endpoint is created."""
    doomed = await asyncio.gather(*(service.with_new_tenant() for _ in range(20)))
    endpoints = [
        endpoint_workflow_id(each.tenant, (await each.add_endpoint(hooks.url))["id"])
        for each in doomed * 3
    ]
    deletions = [asyncio.create_task(service.http.delete(each.root)) for each in doomed]
    await asyncio.wait(deletions, return_when=asyncio.FIRST_COMPLETED)
    for _ in range(5):
        await service.add_endpoint(hooks.url)
    assert {answer.status_code for answer in await asyncio.gather(*deletions)} == {204}

    async def left() -> list[str]:
        ids = [*endpoints, *(tenant_workflow_id(each.tenant) for each in doomed)]
        found = [await described(service.client, each) for each in ids]
        return [each.id for each in found if each.status is WorkflowExecutionStatus.RUNNING]

    await eventually(left, lambda ids: not ids, within=120)
