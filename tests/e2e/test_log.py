"""The delivery log: what every filter answers, and walks through it while it changes."""

import asyncio
import random
from collections.abc import Iterator
from typing import Any

import pytest
from support.pages import Row, pages, walk
from support.receiver import Received, Receiver, Reply
from support.stack import Stack
from support.waiting import eventually

pytestmark = pytest.mark.cluster

TYPES = ("invoice.paid", "invoice.void", "loan.funded")
FIELDS = ("endpoint_id", "event_id", "event_type", "state")
COMBINATIONS = 12

EACH = 20
"""Deliveries of each of six outcomes."""


def by_path(received: Received) -> Reply:
    return Reply(500 if "/fails" in received.path else 200)


async def mixed_outcomes(service: Stack, hooks: Receiver) -> dict[str, str]:
    """Make EACH deliveries of each outcome; return the state that those of an endpoint come to."""
    hooks.behave = by_path

    async def add(path: str, *schedule: float) -> str:
        retry = {"schedule_seconds": schedule}
        return (await service.add_endpoint(f"{hooks.url}/{path}", retry=retry))["id"]

    async def act(endpoint: str, action: str) -> None:
        answer = await service.http.post(f"{service.root}/endpoints/{endpoint}/{action}")
        assert answer.status_code == 200, answer.text

    async def publish(first: int, **fields: object) -> None:
        for start in range(first, first + EACH, 10):
            numbers = range(start, start + 10)
            await asyncio.gather(
                *(service.publish(id=f"evt_{n}", type=TYPES[n % 3], **fields) for n in numbers)
            )

    await service.http.put(service.root, json={"hold_for_seconds": 1})
    good, bad, waits = await add("good"), await add("fails"), await add("fails", 3_600)
    gone, late = await add("fails", 3_600), await add("late")
    await act(late, "pause")
    await publish(0)
    states = {good: "delivered", bad: "exhausted", waits: "pending", late: "expired"}
    await settled(service, {**states, gone: "pending"}, 5 * EACH)
    await service.http.put(service.root, json={"hold_for_seconds": 86_400})
    parked = await add("parked")
    await act(parked, "pause")
    await publish(EACH, endpoint_id=parked)
    assert (await service.http.delete(f"{service.root}/endpoints/{gone}")).status_code == 204
    return {**states, gone: "cancelled", parked: "held"}


async def settled(service: Stack, states: dict[str, str], number: int) -> list[Row]:
    """Return all deliveries, once there are so many, each in its endpoint's state."""

    async def rows() -> list[Row]:
        return await walk(service.http, f"{service.root}/deliveries", limit=100)

    return await eventually(
        rows,
        lambda it: (
            len(it) == number and all(row["state"] == states[row["endpoint_id"]] for row in it)
        ),
        within=90,
    )


def filters(model: list[Row]) -> Iterator[dict[str, Any]]:
    """Yield every filter alone, with every value of the few, and combinations of all."""
    chance = random.Random(300)
    times = sorted(row["created_at"] for row in model)
    values = {name: sorted({row[name] for row in model}) for name in FIELDS}
    values["event_id"] = chance.sample(values["event_id"], 4)
    values |= {"since": chance.sample(times, 3), "until": chance.sample(times, 3)}
    for name, some in values.items():
        yield from ({name: value} for value in some)
    for _ in range(COMBINATIONS):
        row = chance.choice(model)
        likely = {
            **{name: row[name] for name in FIELDS},
            "since": times[EACH],
            "until": times[-EACH],
        }
        yield {
            name: chance.choice([value, value, chance.choice(values[name])])
            for name, value in likely.items()
            if chance.random() < 0.5
        }


def fits(row: Row, asked: dict[str, Any]) -> bool:
    return (
        all(row[name] == asked.get(name, row[name]) for name in FIELDS)
        and asked.get("since", "") <= row["created_at"]
        and row["created_at"] < asked.get("until", "9")
    )


@pytest.mark.timeout(400)
async def test_every_filter_answers_as_the_model(service: Stack, hooks: Receiver) -> None:
    """Of many mixed outcomes, any filters find those that a model has, newest first, once."""
    states = await mixed_outcomes(service, hooks)
    await settled(service, states, 6 * EACH)
    *first, parked = states
    made = [(endpoint, n) for endpoint in first for n in range(EACH)]
    made += [(parked, n) for n in range(EACH, 2 * EACH)]
    model = [
        {
            "id": f"{endpoint}:evt_{n}",
            "endpoint_id": endpoint,
            "event_id": f"evt_{n}",
            "event_type": TYPES[n % 3],
            "state": states[endpoint],
            "created_at": (await service.delivery(endpoint, f"evt_{n}"))["created_at"],
        }
        for endpoint, n in made
    ]
    found_any = 0
    for asked in filters(model):
        rows = await walk(service.http, f"{service.root}/deliveries", limit=EACH, **asked)
        found = [row["id"] for row in rows]
        assert sorted(found) == sorted(row["id"] for row in model if fits(row, asked)), asked
        times = [row["created_at"] for row in rows]
        assert times == sorted(times, reverse=True), asked
        found_any += bool(found)
    assert found_any > COMBINATIONS


@pytest.mark.parametrize("kind", ["deliveries", "events"])
async def test_walk_while_the_log_changes(service: Stack, hooks: Receiver, kind: str) -> None:
    """A walk has each row of its beginning once, in order, while some end and others arrive."""
    gates = {f"evt_{n}": asyncio.Event() for n in range(12)}
    hooks.behave = lambda it: Reply(gate=gates.get(it.webhook_id) if "slow" in it.path else None)
    await service.add_endpoint(f"{hooks.url}/slow", timeout_seconds=30)
    await service.add_endpoint(hooks.url)
    for event in gates:
        await service.publish(id=event)
    path = f"{service.root}/{kind}"
    number = len(gates) if kind == "events" else 2 * len(gates)
    before = await eventually(lambda: walk(service.http, path), lambda rows: len(rows) == number)
    seen, closed = [], list(gates.values())
    async for page in pages(service.http, path, limit=2):
        seen += page
        await service.publish()
        if closed:
            closed.pop(random.randrange(len(closed))).set()
    assert [row["id"] for row in seen] == [row["id"] for row in before]
    for gate in closed:
        gate.set()


async def resend(service: Stack, row: Row) -> None:
    answer = await service.http.post(f"{service.root}/deliveries/{row['id']}/retry")
    assert answer.status_code == 202, answer.text


async def test_resent_deliveries_are_listed_once(service: Stack, hooks: Receiver) -> None:
    """A resent delivery is listed once: its last run, at the place of that run."""
    hooks.behave = lambda _: Reply(500)
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": []})
    for number in range(6):
        await service.publish(id=f"evt_{number}")
    path = f"{service.root}/deliveries"

    async def events(**params: object) -> list[str]:
        return [row["event_id"] for row in await walk(service.http, path, limit=2, **params)]

    exhausted = {"state": "exhausted", "endpoint_id": endpoint["id"]}
    await eventually(lambda: events(**exhausted), lambda it: len(it) == 6)
    before = await walk(service.http, path)
    hooks.behave = lambda _: Reply(200)
    for row in before[2:4]:
        await resend(service, row)
    again = [before[3]["event_id"], before[2]["event_id"]]
    await eventually(lambda: events(state="delivered"), lambda it: it == again)
    rows = [row for row in before if row not in before[2:4]]
    left = [row["event_id"] for row in rows]
    assert await events(**exhausted) == left
    assert await events() == again + left
    last = before[0]["created_at"]
    earlier = [row["event_id"] for row in rows if row["created_at"] < last]
    assert await events(until=last) == earlier


async def test_a_resend_during_a_walk(service: Stack, hooks: Receiver) -> None:
    """A delivery that is resent during a walk is still listed once, with its latest state."""
    hooks.behave = lambda _: Reply(500)
    await service.add_endpoint(hooks.url, retry={"schedule_seconds": []})
    for number in range(5):
        await service.publish(id=f"evt_{number}")
    path = f"{service.root}/deliveries"
    ended = await eventually(
        lambda: walk(service.http, path, state="exhausted"), lambda rows: len(rows) == 5
    )
    hooks.behave = lambda _: Reply(200)
    again = ended[3]

    async def state() -> str:
        return (await service.delivery(again["endpoint_id"], again["event_id"]))["state"]

    seen: list[Row] = []
    async for page in pages(service.http, path, limit=1):
        seen += page
        if len(seen) == 1:
            await resend(service, again)
            await eventually(state, lambda it: it == "delivered")
    assert [row["id"] for row in seen] == [row["id"] for row in ended]
    assert [row["state"] for row in seen if row["id"] == again["id"]] == ["delivered"]
