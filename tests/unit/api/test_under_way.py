"""What an API process has under way at once has a bound, and every tenant finds room."""

from collections import Counter
from contextlib import ExitStack, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.stack import CODEC, api_client, api_config

from api.access import under_way
from api.access.under_way import Room, UnderWay
from api.http import Problem
from hookwright.temporal import connect

SIZE = 24


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 4))))
def test_one_tenant_leaves_room_for_the_next(takes) -> None:
    """However much tenants take, the bound holds, a new one finds room, and all is given back."""
    room = Room(SIZE)
    with ExitStack() as held:
        for tenant, amount in takes:
            take = held.enter_context(room.taking(tenant))
            with suppress(Problem):
                take(amount)
            assert room.total == sum(room.taken.values()) < SIZE
        with room.taking("new") as take:
            take(1)
    assert (room.taken, room.total) == (Counter(), 0)


def test_what_was_refused_is_not_counted() -> None:
    """A tenant that was refused can take less, and what it was refused is not kept."""
    under = UnderWay(Room(2), Room(SIZE))
    with under.body_bytes.taking("t") as take:
        take(SIZE // 2)
        with pytest.raises(Problem):
            take(1)
        assert under.body_bytes.total == SIZE // 2
    with under.request("t"), pytest.raises(Problem), under.request("t"):
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
    assert answer.json()["detail"] == under_way.TOO_MUCH
