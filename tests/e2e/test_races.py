"""What happens at the same time as something else, or too late."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from support.receiver import Receiver, Reply
from support.stack import Stack
from support.waiting import assert_eventually, eventually
from temporalio.client import WorkflowExecutionStatus, WorkflowUpdateFailedError

from hookwright.ids import endpoint_workflow_id, tenant_workflow_id
from hookwright.models import Route
from hookwright.temporal import routes_of
from hookwright.webhook import generate_secret
from workflows.endpoint import Endpoint
from workflows.endpoint_messages import SecretRotateUpdate

pytestmark = pytest.mark.cluster


async def routes(service: Stack) -> list[Route]:
    handle = service.client.get_workflow_handle(tenant_workflow_id(service.tenant))
    return await routes_of(await handle.describe())


async def test_deleted_tenant_matches_nothing(service: Stack, hooks: Receiver) -> None:
    """Once DELETE has answered the route table is empty and stays so until the tenant is gone."""
    for _ in range(5):
        await service.add_endpoint(hooks.url)
    assert (await service.http.delete(service.root)).status_code == 204
    handle = service.client.get_workflow_handle(tenant_workflow_id(service.tenant))

    async def ended() -> bool:
        assert await routes(service) == []
        return (await handle.describe()).status is not WorkflowExecutionStatus.RUNNING

    await eventually(ended, within=90)


async def test_changes_racing_a_deletion_leave_no_route(service: Stack, hooks: Receiver) -> None:
    """Whatever order PATCHes and a DELETE arrive in, nothing is matched afterwards."""
    for _ in range(3):
        endpoint = await service.add_endpoint(hooks.url)
        path = f"{service.root}/endpoints/{endpoint['id']}"
        changes = [service.http.patch(path, json={"description": str(n)}) for n in range(4)]
        deletion = service.http.delete(path)
        answers = await asyncio.gather(*changes[:2], deletion, *changes[2:])
        assert answers[2].status_code == 204
        assert {answer.status_code for answer in answers} <= {200, 204, 404}
    assert await routes(service) == []


async def test_late_update_is_not_carried_out(service: Stack, hooks: Receiver) -> None:
    """A rotation that nobody waits for any more is refused: its secret would be known to nobody."""
    endpoint = await service.add_endpoint(hooks.url)
    handle = service.client.get_workflow_handle_for(
        Endpoint.run, endpoint_workflow_id(service.tenant, endpoint["id"])
    )
    rotation = SecretRotateUpdate(
        secret=generate_secret(),
        grace_period_seconds=0,
        not_after=datetime.now(UTC) - timedelta(seconds=1),
    )
    with pytest.raises(WorkflowUpdateFailedError) as refusal:
        await handle.execute_update(Endpoint.rotate, rotation)
    assert refusal.value.cause.type == "late"
    read = await service.http.get(f"{service.root}/endpoints/{endpoint['id']}")
    assert read.json()["version"] == 1


async def test_impossible_rotation_is_refused(service: Stack, hooks: Receiver) -> None:
    """A grace period beyond any date, sent directly through Temporal, is refused without harm."""
    endpoint = await service.add_endpoint(hooks.url)
    handle = service.client.get_workflow_handle(
        endpoint_workflow_id(service.tenant, endpoint["id"])
    )
    with pytest.raises(WorkflowUpdateFailedError):
        await handle.execute_update("rotate", {"secret": "x", "grace_period_seconds": 1e300})
    changed = await service.http.patch(
        f"{service.root}/endpoints/{endpoint['id']}", json={"description": "alive"}
    )
    assert changed.status_code == 200


async def test_slow_receiver_starves_nobody(service: Stack, hooks: Receiver) -> None:
    """With 60 POSTs hanging at one receiver another tenant is served, and none is sent twice."""
    gate = asyncio.Event()
    hooks.behave = lambda it: Reply(gate=gate if "slow" in it.path else None)
    await service.add_endpoint(f"{hooks.url}/slow", timeout_seconds=60)
    await asyncio.gather(*(service.publish(id=f"evt_{n}") for n in range(60)))
    await assert_eventually(lambda: len(hooks.requests) == 60)
    other = await service.with_new_tenant()
    await other.add_endpoint(f"{hooks.url}/quick")
    event = await other.publish()
    await assert_eventually(lambda: event["id"] in hooks.ids(), within=10)
    gate.set()

    async def delivered() -> int:
        params = {"state": "delivered", "limit": 100}
        page = await service.http.get(f"{service.root}/deliveries", params=params)
        return len(page.json()["data"])

    await eventually(delivered, lambda number: number == 60)
    assert len(hooks.requests) == 61


async def test_creation_after_a_deletion_under_one_key(service: Stack, hooks: Receiver) -> None:
    """A repeat after a change gets the endpoint; after its deletion it is a conflict."""
    path, headers = f"{service.root}/endpoints", {"Idempotency-Key": "once"}
    body = {"url": hooks.url}
    created = (await service.http.post(path, json=body, headers=headers)).json()
    await service.http.patch(f"{path}/{created['id']}", json={"description": "changed"})
    again = await service.http.post(path, json=body, headers=headers)
    assert (again.status_code, again.json()["id"]) == (201, created["id"])
    await service.http.delete(f"{path}/{created['id']}")
    after = await service.http.post(path, json=body, headers=headers)
    assert after.status_code == 409
