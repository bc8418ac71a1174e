"""`Tenant`, `Endpoint` and `EndpointQueue` over many continue-as-news, and what they refuse."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from support.pages import pages
from support.receiver import Receiver
from support.stack import CODEC, Stack, stack, unique
from support.waiting import assert_eventually, eventually
from temporalio.client import Client, WorkflowFailureError, WorkflowUpdateFailedError

from hookwright.ids import endpoint_workflow_id, queue_workflow_id, tenant_workflow_id
from hookwright.models import Route
from hookwright.routing import RouteChange, RouteChanges
from hookwright.temporal import (
    ENDPOINT_HEALTH,
    ENDPOINT_STATUS,
    TENANT_ID,
    connect,
    routes_of,
    set_up_namespace,
)
from runtime.dev import EmbeddedServer, free_port
from workflows.endpoint import Endpoint
from workflows.endpoint_messages import EndpointChangeUpdate
from workflows.tenant import Tenant

RUNS = 20

SLOWEST = 0.01  # a turn every 100 seconds

MOST_CHANGES = 200
"""A change is some twelve history events: twenty are enough, and Temporal's default takes 340."""


@pytest_asyncio.fixture(scope="session")
async def impatient_client(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Client]:
    """A client of a server that suggests continue-as-new after a few events already."""
    limit = ("limit.historyCount.suggestContinueAsNew", "10")
    server = EmbeddedServer(
        tmp_path_factory.mktemp("impatient"), free_port(), dynamic_config=(limit,)
    )
    async with server.running():
        client = await connect(CODEC, target_host=server.address)
        await set_up_namespace(client, timedelta(days=1))
        yield client


async def run_ids(client: Client, workflow_id: str) -> set[str]:
    query = f"WorkflowId = '{workflow_id}'"
    return {execution.run_id async for execution in client.list_workflows(query)}


async def test_entities_survive_twenty_continue_as_news(
    impatient_client: Client, hooks: Receiver
) -> None:
    """After more than twenty runs of both entities every setting, route and secret is there."""
    async with stack(impatient_client) as service:
        steady = await service.add_endpoint(hooks.url, description="steady")
        busy = await service.add_endpoint(hooks.url, metadata={"kept": "yes"})
        tenant_id = tenant_workflow_id(service.tenant)
        busy_id = endpoint_workflow_id(service.tenant, busy["id"])
        changes = 0

        async def change_and_count() -> int:
            nonlocal changes
            changes += 1
            answers = (
                await service.http.put(service.root, json={"name": f"name {changes}"}),
                await service.http.patch(
                    f"{service.root}/endpoints/{busy['id']}",
                    json={"description": f"change {changes}"},
                ),
            )
            assert [answer.status_code for answer in answers] == [200, 200], answers
            counts = [len(await run_ids(impatient_client, each)) for each in (tenant_id, busy_id)]
            return min(counts)

        await eventually(change_and_count, lambda runs: runs > RUNS, within=100)
        tenant = (await service.http.get(service.root)).json()
        listed = (await service.http.get(f"{service.root}/endpoints")).json()["data"]
        assert tenant["name"] == f"name {changes}"
        assert [each["description"] for each in listed] == ["steady", f"change {changes}"]
        assert listed[1]["metadata"] == {"kept": "yes"}
        assert listed[1]["version"] == changes + 1
        latest = await impatient_client.get_workflow_handle(busy_id).describe()
        attributes = latest.typed_search_attributes
        found = [attributes[key] for key in (TENANT_ID, ENDPOINT_STATUS, ENDPOINT_HEALTH)]
        assert found == [service.tenant, "active", "green"]
        path = f"{service.root}/endpoints/{busy['id']}/status-changes"
        [created] = (await service.http.get(path)).json()["data"]
        assert created["change"] == "created"
        event = await service.publish()
        await assert_eventually(lambda: hooks.ids() == [event["id"]] * 2)
        assert steady["secret"] != busy["secret"]


async def test_an_ordered_queue_survives_many_continue_as_news(
    impatient_client: Client, hooks: Receiver
) -> None:
    """A queue moves although the server suggests to continue as new before its first turn."""
    async with stack(impatient_client) as service:
        endpoint = await service.add_endpoint(hooks.url, ordering="fifo")
        published = [(await service.publish())["id"] for _ in range(10)]
        await assert_eventually(lambda: hooks.ids() == published, within=60)
        queue_id = queue_workflow_id(service.tenant, endpoint["id"])
        assert len(await run_ids(impatient_client, queue_id)) > 1


async def test_an_empty_queue_keeps_its_pace_over_continue_as_news(
    impatient_client: Client, hooks: Receiver
) -> None:
    """The next event waits for its turn although the run that gave the last one has ended."""
    async with stack(impatient_client) as service:
        endpoint = await service.add_endpoint(hooks.url, rate_limit_per_second=SLOWEST)
        first = await service.publish()
        await assert_eventually(lambda: hooks.ids() == [first["id"]], within=60)
        queue_id = queue_workflow_id(service.tenant, endpoint["id"])
        await eventually(
            lambda: run_ids(impatient_client, queue_id), lambda ids: len(ids) > 1, within=60
        )
        await service.publish()
        await eventually(
            lambda: service.http.get(f"{service.root}/endpoints/{endpoint['id']}"),
            lambda answer: answer.json()["waiting"] == 1,
            within=60,
        )
        assert hooks.ids() == [first["id"]]


async def test_histories_are_short_on_a_server_as_it_is(service: Stack, hooks: Receiver) -> None:
    """An endpoint continues as new after some hundred events: a worker that starts replays them."""
    endpoint = await service.add_endpoint(hooks.url)
    path, changes = f"{service.root}/endpoints/{endpoint['id']}", 0
    workflow_id = endpoint_workflow_id(service.tenant, endpoint["id"])

    async def change_and_count() -> int:
        nonlocal changes
        changes += 1
        await service.http.patch(path, json={"description": f"change {changes}"})
        return len(await run_ids(service.client, workflow_id))

    await eventually(change_and_count, lambda runs: runs > 1, within=100)
    assert changes < MOST_CHANGES


async def test_tenants_are_listed_once_over_continue_as_news(impatient_client: Client) -> None:
    """A walk has each tenant once, also one that continued as new before it, or meanwhile."""
    async with stack(impatient_client) as service:
        tenants = [service.tenant, *[(await service.with_new_tenant()).tenant for _ in range(2)]]

        async def one_more_run(tenant: str) -> None:
            before = await run_ids(impatient_client, tenant_workflow_id(tenant))

            async def change() -> set[str]:
                await service.http.put(f"/v1/tenants/{tenant}", json={"name": "changed"})
                return await run_ids(impatient_client, tenant_workflow_id(tenant))

            await eventually(change, lambda ids: len(ids) > max(1, len(before)), within=60)

        await one_more_run(tenants[2])
        seen: list[str] = []
        async for page in pages(service.http, "/v1/tenants", limit=1):
            seen += [row["id"] for row in page]
            if seen == tenants[2:]:
                await one_more_run(tenants[0])
        assert len(await run_ids(impatient_client, tenant_workflow_id(tenants[0]))) > 1
        assert sorted(it for it in seen if it in tenants) == sorted(tenants)


async def test_concurrent_changes_over_continue_as_new_are_all_applied(
    impatient_client: Client, hooks: Receiver
) -> None:
    """Of 60 concurrent changes, none gets an error and each makes a version of its own."""
    async with stack(impatient_client) as service:
        endpoint = await service.add_endpoint(hooks.url)
        path = f"{service.root}/endpoints/{endpoint['id']}"
        for _ in range(6):
            answers = await gather_patches(service, path, 10)
            assert {answer.status_code for answer in answers} == {200}
        assert (await service.http.get(path)).json()["version"] == 61


async def gather_patches(service: Stack, path: str, number: int) -> list[object]:
    patches = (service.http.patch(path, json={"metadata": {"n": str(n)}}) for n in range(number))
    return await asyncio.gather(*patches)


async def test_tenant_answers_each_change_of_its_routes(service: Stack) -> None:
    """Of one update each change is made or refused by itself; an older version is neither."""
    handle = service.client.get_workflow_handle(tenant_workflow_id(service.tenant))

    async def change(*changes: RouteChange) -> tuple[list[str | None], list[tuple[str, int]]]:
        request = RouteChanges(changes=list(changes))
        answer = await handle.execute_update(Tenant.change_routes, request)
        routes = await routes_of(await handle.describe())
        return (
            [refusal and refusal.type for refusal in answer.refusals],
            [(route.endpoint_id, route.version) for route in routes],
        )

    wide = entered("ep_wide", event_types=["a" * 128] * 8_000)
    refusals, known = await change(entered("ep_1", 3), wide, entered("ep_2"), entered("ep_1", 2))
    assert refusals == [None, "route_too_large", None, None]
    assert known == [("ep_1", 3), ("ep_2", 1)]
    gone = RouteChange(endpoint_id="ep_1", route=None)
    assert await change(gone, gone) == ([None, None], [("ep_2", 1)])
    assert await change(RouteChange(endpoint_id="ep_2", route=None)) == ([None], [])


def entered(endpoint_id: str, version: int = 1, **fields: object) -> RouteChange:
    route = Route(endpoint_id=endpoint_id, version=version, **{"event_types": ["a"], **fields})
    return RouteChange(endpoint_id=endpoint_id, route=route)


async def test_tenant_writes_its_memo_once_a_workflow_task(service: Stack) -> None:
    """However many changes come at once, no workflow task writes more than once."""
    handle = service.client.get_workflow_handle(tenant_workflow_id(service.tenant))
    requests = (RouteChanges(changes=[entered(f"ep_{number}")]) for number in range(30))
    await asyncio.gather(*(handle.execute_update(Tenant.change_routes, it) for it in requests))
    assert len(await routes_of(await handle.describe())) == 30
    events = [event async for event in handle.fetch_history_events()]
    written = [
        event.workflow_properties_modified_event_attributes.workflow_task_completed_event_id
        for event in events
        if event.HasField("workflow_properties_modified_event_attributes")
    ]
    assert len(written) == len(set(written)) > 1


async def test_endpoint_refuses_a_change_that_is_not_valid(service: Stack, hooks: Receiver) -> None:
    """A change sent straight through Temporal is validated too, and leaves the state alone."""
    endpoint = await service.add_endpoint(hooks.url)
    handle = service.client.get_workflow_handle_for(
        Endpoint.run, endpoint_workflow_id(service.tenant, endpoint["id"])
    )
    change = EndpointChangeUpdate(fields={"timeout_seconds": "never"})
    with pytest.raises(WorkflowUpdateFailedError):
        await handle.execute_update(Endpoint.change, change)
    path = f"{service.root}/endpoints/{endpoint['id']}"
    assert (await service.http.get(path)).json()["version"] == 1


async def test_unknown_tenant_fails_the_event(service: Stack) -> None:
    """An event started directly for a tenant that is not there fails, saying so."""
    tenant = unique("nobody")
    handle = await service.client.start_workflow(
        "Event",
        {"tenant_id": tenant, "id": "evt_1", "type": "a", "data": 1},
        id=f"event:{tenant}:evt_1",
        task_queue=service.task_queue,
    )
    with pytest.raises(WorkflowFailureError) as failure:
        await handle.result()
    assert failure.value.cause.type == "unknown_tenant"
