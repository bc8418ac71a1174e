"""Recovery: one call sends an endpoint what it has not had, once, in order, at a rate."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.receiver import Receiver, answering
from support.recoveries import LONG_AGO, begin, ended, failed_deliveries, read
from support.stack import Stack
from support.waiting import assert_eventually, eventually

pytestmark = pytest.mark.cluster


async def test_all_failed_are_sent_once_in_order(service: Stack, hooks: Receiver) -> None:
    """Exhausted and expired deliveries are resent, oldest first; delivered ones are left alone."""
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": []})
    delivered = (await service.publish())["id"]
    await assert_eventually(lambda: hooks.ids() == [delivered])
    hooks.behave = answering(500)
    events = [(await service.publish())["id"] for _ in range(20)]
    await failed_deliveries(service, endpoint, events)
    path = f"{service.root}/endpoints/{endpoint['id']}"
    await service.http.put(service.root, json={"hold_for_seconds": 1})
    await service.http.post(f"{path}/pause")
    events.append((await service.publish())["id"])
    await failed_deliveries(service, endpoint, events[-1:], "expired")
    await service.http.post(f"{path}/resume")
    hooks.behave, hooks.requests = answering(200), []
    recovery = await begin(service, endpoint, status="failed", rate_per_second=10)
    assert (recovery["state"], recovery["ended_at"]) == ("running", None)
    after = await ended(service, recovery, delivered=21)
    assert after | {"state": "completed", "total": 21, "done": 21, "failed": 0} == after
    assert sorted(hooks.ids()) == sorted(events)
    found = await service.delivery(endpoint["id"], events[0])
    assert [attempt["trigger"] for attempt in found["attempts"]] == ["schedule", "recovery"]
    again = await begin(service, endpoint, status="failed")
    assert (await ended(service, again))["delivered"] == 0
    assert len(hooks.requests) == 21
    assert (await read(service, recovery)) == after
    failed_first = [each for each in await starts(service, endpoint, "NULL") if each in events]
    assert await starts(service, endpoint, "NOT NULL") == failed_first


async def starts(service: Stack, endpoint: dict[str, Any], recovery: str) -> list[str]:
    """Return the events of an endpoint's first or recovered runs, in the order of their starts."""
    query = f"EndpointId = '{endpoint['id']}' AND RecoveryId IS {recovery}"
    rows = [row async for row in service.client.list_workflows(query)]
    return [row.id.split(":")[-1] for row in sorted(rows, key=lambda row: row.start_time)]


async def test_missing_are_what_it_would_get_today(service: Stack, hooks: Receiver) -> None:
    """An endpoint gets the events from before it came, and those that it filtered out then."""
    for n in range(3):
        await service.publish(id=f"before_{n}", type="loan.funded")
    await service.publish(id="unwanted", type="invoice.paid")
    await service.publish(id="for_another", endpoint_id=(await other(service, hooks))["id"])
    await assert_eventually(lambda: "for_another" in hooks.ids())
    hooks.requests = []
    endpoint = await service.add_endpoint(hooks.url, event_types=["loan.*"], filter="data.n > `1`")
    for n in range(4):
        await service.publish(id=f"filtered_{n}", data={"n": n})
    await assert_eventually(lambda: {"filtered_2", "filtered_3"} <= {*hooks.ids()})
    path = f"{service.root}/endpoints/{endpoint['id']}"
    await service.http.patch(path, json={"filter": None})
    recovery = await begin(service, endpoint, status="missing")
    after = await ended(service, recovery, delivered=5)
    assert after["total"] == after["done"] == 9
    mine = [it.webhook_id for it in hooks.requests if it.path == "/hooks"]
    assert sorted(mine) == sorted(
        [f"before_{n}" for n in range(3)] + [f"filtered_{n}" for n in range(4)]
    )


async def other(service: Stack, hooks: Receiver) -> dict[str, Any]:
    return await service.add_endpoint(f"{hooks.url}/other", event_types=["loan.funded"])


async def test_erased_is_not_sent(service: Stack, hooks: Receiver) -> None:
    """What is erased while a recovery waits for its turn is not sent, and does not come back."""
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": []})
    hooks.behave = answering(500)
    events = [(await service.publish())["id"] for _ in range(2)]
    await failed_deliveries(service, endpoint, events)
    hooks.behave, hooks.requests = answering(200), []
    recovery = await begin(service, endpoint, status="failed", rate_per_second=0.1)
    await assert_eventually(lambda: len(hooks.requests) == 1)
    [first] = hooks.ids()
    [erased] = {*events} - {first}
    answer = await service.http.delete(f"{service.root}/events/{erased}/content")
    assert answer.status_code == 200, answer.text
    await ended(service, recovery, state="completed")
    assert hooks.ids() == [first]


async def test_scheduled_events_go_by_when_they_were_due(service: Stack, hooks: Receiver) -> None:
    """An event that was published before `since`, and due after it, is missing."""
    due = datetime.now(UTC) + timedelta(seconds=3)
    await service.publish(id="scheduled", deliver_at=due.isoformat())
    since = (due - timedelta(seconds=1)).isoformat()

    async def fan_out() -> str:
        return (await service.http.get(f"{service.root}/events/scheduled")).json()["fan_out"]

    await eventually(fan_out, lambda state: state == "complete")
    endpoint = await service.add_endpoint(hooks.url)
    recovery = await begin(service, endpoint, status="missing", since=since)
    await ended(service, recovery, delivered=1)
    assert hooks.ids() == ["scheduled"]


async def test_held_while_paused(service: Stack, hooks: Receiver) -> None:
    """What is recovered for a paused endpoint is held, and arrives when it is resumed."""
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": []})
    hooks.behave = answering(500)
    events = [(await service.publish())["id"] for _ in range(3)]
    await failed_deliveries(service, endpoint, events)
    path = f"{service.root}/endpoints/{endpoint['id']}"
    await service.http.post(f"{path}/pause")
    hooks.behave, hooks.requests = answering(200), []
    recovery = await begin(service, endpoint, status="failed")
    await ended(service, recovery, pending=3)
    assert hooks.requests == []
    await service.http.post(f"{path}/resume")
    await ended(service, recovery, delivered=3)
    assert sorted(hooks.ids()) == sorted(events)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"since": "2999-01-01T00:00:00Z", "status": "failed"}, 422),
        ({"since": LONG_AGO, "until": LONG_AGO, "status": "failed"}, 422),
        ({"since": LONG_AGO, "status": "lost"}, 422),
        ({"since": LONG_AGO, "status": "failed", "rate_per_second": 0}, 422),
        ({"since": LONG_AGO, "status": "failed", "rate_per_second": 101}, 422),
        ({"status": "failed"}, 422),
    ],
)
async def test_bad_requests(
    service: Stack, hooks: Receiver, body: dict[str, Any], status: int
) -> None:
    """What makes no sense is refused before anything begins."""
    endpoint = await service.add_endpoint(hooks.url)
    path = f"{service.root}/endpoints/{endpoint['id']}/recover"
    assert (await service.http.post(path, json=body)).status_code == status


async def test_unknown_recovery(service: Stack, hooks: Receiver) -> None:
    """An id that nobody has is a 404, whatever is asked of it."""
    endpoint = await service.add_endpoint(hooks.url)
    unknown = f"{service.root}/recoveries/{endpoint['id']}:00000000-0000-0000-0000-000000000000"
    answers = await asyncio.gather(
        service.http.get(unknown),
        *(service.http.post(f"{unknown}/{what}") for what in ("pause", "resume", "cancel")),
    )
    assert {answer.status_code for answer in answers} == {404}
