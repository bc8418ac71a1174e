"""What a tenant's own template may do: fail its deliveries, on schedule."""

import asyncio

import pytest
from support.receiver import Receiver
from support.stack import Stack
from support.waiting import eventually
from temporalio.client import WorkflowFailureError

NESTED = "`" + "[" * 510 + "]" * 510 + "`"


@pytest.mark.parametrize(
    ("template", "contract", "data"),
    [
        (NESTED, "plain", 1),
        ("abs(data)", "standard", "x" * 200_000),
    ],
    ids=["nested", "large"],
)
async def test_template_fails_on_schedule(
    service: Stack, hooks: Receiver, template: str, contract: str, data: object
) -> None:
    """A template that cannot be rendered is recorded, briefly, and the table runs out as it is."""
    endpoint = await service.add_endpoint(
        hooks.url,
        payload_template=template,
        contract=contract,
        retry={"schedule_seconds": [0.1]},
        **({"secret": "whsec_..."} if contract == "plain" else {}),
    )
    event = await service.publish(data=data)
    ended = await eventually(
        lambda: service.delivery(endpoint["id"], event["id"]),
        lambda it: it.get("state") == "exhausted",
    )
    assert [attempt["outcome"] for attempt in ended["attempts"]] == ["template_error"] * 2
    assert all(len(attempt["error"].encode()) <= 1024 for attempt in ended["attempts"])
    assert hooks.requests == []


async def test_odd_time_fails_the_workflow(service: Stack) -> None:
    """A direct start with a time that UTC cannot express fails at once, and says so."""
    argument = {"tenant_id": service.tenant, "id": "evt_1", "type": "a", "data": 1}
    handle = await service.client.start_workflow(
        "Event",
        {**argument, "created_at": "0001-01-01T00:00:00+14:00"},
        id=f"event:{service.tenant}:evt_1",
        task_queue=service.task_queue,
    )
    with pytest.raises(WorkflowFailureError) as failure:
        await handle.result()
    assert failure.value.cause.type == "invalid_event"


async def test_sixty_registrations_at_once(service: Stack, hooks: Receiver) -> None:
    """Sixty endpoints registered at once are all made: the tenant takes ten updates at a time."""
    created = await asyncio.gather(*(service.add_endpoint(hooks.url) for _ in range(60)))
    listed = await service.http.get(f"{service.root}/endpoints", params={"limit": 100})
    assert {row["id"] for row in listed.json()["data"]} == {each["id"] for each in created}
