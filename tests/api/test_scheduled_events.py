"""Events with `deliver_at`, over REST."""

import json
from datetime import UTC, datetime, timedelta

from support.receiver import Receiver
from support.stack import Stack
from support.waiting import assert_eventually, eventually

from hookwright.times import rfc3339


def ahead(**span: float) -> str:
    return rfc3339(datetime.now(UTC) + timedelta(**span))


async def read(service: Stack, event_id: str) -> dict:
    return (await service.http.get(f"{service.root}/events/{event_id}")).json()


async def test_scheduled_is_shown_listed_and_idempotent(service: Stack, hooks: Receiver) -> None:
    """Until it is due, an event reads and lists as scheduled, and its id is taken."""
    await service.add_endpoint(hooks.url)
    due = ahead(days=300)
    first = await service.publish(id="evt_1", deliver_at=due)
    assert (first["deliver_at"], first["duplicate"]) == (due, False)
    assert await service.publish(id="evt_1", deliver_at=due) == {**first, "duplicate": True}
    for other in (None, ahead(days=301)):
        body = {"id": "evt_1", "type": "loan.funded", "data": {"n": 1}, "deliver_at": other}
        assert (await service.http.post(f"{service.root}/events", json=body)).status_code == 409
    event = await read(service, "evt_1")
    assert (event["fan_out"], event["deliver_at"], event["deliveries"]) == ("scheduled", due, [])

    async def listed() -> dict[str, str]:
        rows = (await service.http.get(f"{service.root}/events")).json()["data"]
        return {row["id"]: row["fan_out"] for row in rows}

    await service.publish(id="evt_2", deliver_at=ahead(days=-1))
    await eventually(listed, lambda rows: rows == {"evt_1": "scheduled", "evt_2": "complete"})
    await assert_eventually(lambda: hooks.ids() == ["evt_2"])


async def test_delivered_when_due(service: Stack, hooks: Receiver) -> None:
    """It is delivered no sooner than it is due; signed with the attempt's time, not its own."""
    await service.add_endpoint(hooks.url)
    due = datetime.now(UTC) + timedelta(seconds=2)
    event = await service.publish(deliver_at=rfc3339(due))
    await assert_eventually(lambda: hooks.ids() == [event["id"]])
    [request] = hooks.requests
    assert int(request.headers["webhook-timestamp"]) >= int(due.timestamp())
    happened = datetime.fromisoformat(json.loads(request.body)["timestamp"])
    assert happened < due - timedelta(seconds=1)


async def test_cancel_before_it_is_due(service: Stack, hooks: Receiver) -> None:
    """A scheduled event is cancelled once and for all; its id stays taken."""
    await service.add_endpoint(hooks.url)
    due = ahead(days=300)
    first = await service.publish(id="evt_1", deliver_at=due)
    path = f"{service.root}/events/evt_1/cancel"
    for _ in range(2):
        answer = await service.http.post(path)
        assert (answer.status_code, answer.json()["fan_out"]) == (200, "cancelled")
    assert (await read(service, "evt_1"))["fan_out"] == "cancelled"
    assert await service.publish(id="evt_1", deliver_at=due) == {**first, "duplicate": True}
    assert hooks.requests == []


async def test_cancel_too_late(service: Stack, hooks: Receiver) -> None:
    """What is due, was due, or is not there cannot be cancelled."""
    await service.add_endpoint(hooks.url)
    event = await service.publish()
    path = f"{service.root}/events/{event['id']}/cancel"
    assert (await service.http.post(path)).status_code == 409
    await assert_eventually(lambda: hooks.ids() == [event["id"]])
    assert (await service.http.post(path)).status_code == 409
    assert (await service.http.post(f"{service.root}/events/evt_no/cancel")).status_code == 404


async def test_more_than_a_year_ahead_is_refused(service: Stack) -> None:
    """Too far ahead, or without a zone, is a 422 that names the field; in a batch too."""
    for deliver_at in (ahead(days=366), "2030-01-01T00:00:00", "soon"):
        event = {"type": "a", "data": 1, "deliver_at": deliver_at}
        answer = await service.http.post(f"{service.root}/events", json=event)
        assert answer.status_code == 422
        assert "deliver_at" in answer.json()["errors"][0]["loc"]
        batch = {"events": [event, {"type": "a", "data": 1}]}
        answer = await service.http.post(f"{service.root}/events/batch", json=batch)
        assert [each["status"] for each in answer.json()["results"]] == [422, 202]
