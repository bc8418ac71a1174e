"""What an API process has under way at once has a bound, and every tenant finds room."""

import asyncio
from collections import Counter
from contextlib import ExitStack, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.stack import CODEC, api_client, api_config
from support.waiting import assert_eventually

from api.access import under_way
from api.access.under_way import Holder, Room, UnderWay
from api.http import Problem, not_found
from hookwright.temporal import connect

SIZE = 1_000
ONE, OPERATOR = Holder("t"), Holder("operator:ops", is_operator=True)


def taken_by(room: Room, holder: Holder, amount: int, held: ExitStack) -> None:
    """Take pieces for a holder until there is no room for one more."""
    take = held.enter_context(room.taking(holder))
    with suppress(Problem):
        while True:
            take(amount)


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(1, 300))))
def test_however_tenants_take(takes) -> None:
    """In any order, n tenants leave more than 1/(n + 1), an operator finds room; all comes back."""
    room = Room(SIZE, "full")
    with ExitStack() as held:
        for tenant, amount in takes:
            take = held.enter_context(room.taking(Holder(tenant)))
            with suppress(Problem):
                take(amount)
            assert room.total == sum(room.taken.values())
            assert (SIZE - room.total) * (len(room.taken) + 1) > SIZE
        with room.taking(OPERATOR) as take:
            take(1)
    assert (room.taken, room.total) == (Counter(), 0)


def test_tenants_that_take_all_they_can() -> None:
    """Ten tenants that give nothing back leave a piece for the eleventh, and any number for one."""
    room = Room(SIZE, "full")
    with ExitStack() as held:
        for index in range(10):
            taken_by(room, Holder(f"t{index}"), 1, held)
        with room.taking(Holder("eleventh")) as take:
            take(5)
        for index in range(SIZE):
            taken_by(room, Holder(f"small{index}"), 1, held)
        with room.taking(OPERATOR) as take:
            take(10)


def test_the_end_of_a_body() -> None:
    """A body that has arrived is not refused at its end, when others hold more than before."""
    room = Room(SIZE, "full")
    with room.taking(ONE) as take, ExitStack() as held:
        take(SIZE // 3)
        taken_by(room, Holder("other"), 1, held)
        take(0)


def test_what_was_refused_is_not_counted() -> None:
    """A tenant that was refused can take less, and what it was refused is not kept."""
    under = UnderWay(Room(4, "full"), Room(SIZE, "full"))
    with under.body_bytes.taking(ONE) as take:
        take(SIZE // 3)
        with pytest.raises(Problem):
            take(SIZE // 3)
        assert under.body_bytes.total == SIZE // 3
        take(1)
    with under.request(ONE), pytest.raises(Problem), under.request(ONE):
        pass
    assert (under.requests.total, under.body_bytes.total) == (0, 0)


async def test_bodies_beyond_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body for which there is no room is a 503 that says when to come back."""
    monkeypatch.setattr(under_way, "MAX_BODY_BYTES", 100)
    nowhere = await connect(CODEC, target_host="127.0.0.1:1", lazy=True)
    async with api_client(nowhere, api_config("unused")) as http:
        answer = await http.post("/v1/tenants/t/events", json={"type": "a", "data": "x" * 60})
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert answer.json()["detail"] == under_way.TOO_MANY_BYTES


async def test_an_operator_beside_a_flood(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much an operator's key publishes for a tenant, that key can pause its endpoint."""
    monkeypatch.setattr(under_way, "MAX_REQUESTS", 40)
    ended = asyncio.Event()

    async def publish(*_: object, **__: object) -> None:
        await ended.wait()
        raise not_found("tenant")

    async def pause(*_: object) -> None:
        raise not_found("endpoint")

    monkeypatch.setattr("api.services.events.EventService.publish", publish)
    monkeypatch.setattr("api.services.endpoints.EndpointService.pause", pause)
    nowhere = await connect(CODEC, target_host="127.0.0.1:1", lazy=True)
    event = {"type": "a", "data": 1}
    async with api_client(nowhere, api_config("unused")) as http, asyncio.TaskGroup() as flood:
        asked = [
            flood.create_task(http.post("/v1/tenants/t/events", json=event)) for _ in range(40)
        ]
        await assert_eventually(lambda: sum(it.done() for it in asked) == 25)
        paused = await http.post("/v1/tenants/t/endpoints/e/pause")
        ended.set()
    assert paused.status_code == 404
    assert Counter(it.result().status_code for it in asked) == {503: 25, 404: 15}
