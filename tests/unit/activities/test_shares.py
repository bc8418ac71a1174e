"""How many attempts of one endpoint, one tenant and one worker may be under way."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.shares import MAX_WAIT_SECONDS, Limits, NoRoomError, Share, Shares

LIMITS = Limits(endpoint=2, tenant=3, worker=5)
TENANTS = "abcdefgh"


def enter(shares: Shares, tenant: str, endpoint: str) -> Share | None:
    try:
        share = shares.take(tenant, endpoint)
    except NoRoomError:
        return None
    return share.__enter__()


async def test_each_share_has_its_limit() -> None:
    """An endpoint, a tenant and a worker have so many attempts under way, and no more."""
    shares = Shares(LIMITS)
    assert [enter(shares, "a", "1") is not None for _ in range(3)] == [True, True, False]
    assert [enter(shares, "a", "2") is not None for _ in range(2)] == [True, False]
    assert [enter(shares, "b", str(number)) is not None for number in range(3)] == [
        True,
        False,
        False,
    ]
    assert enter(shares, "c", "1")
    assert enter(shares, "d", "1") is None


async def test_three_tenants_leave_room_for_a_fourth() -> None:
    """What three tenants that take all they can get leave is a quarter, if they come together."""
    shares = Shares(Limits(endpoint=1_000, tenant=100, worker=250))
    taken = Counter[str]()
    for tenant in 500 * "abc":
        taken[tenant] += enter(shares, tenant, "1") is not None
    assert set(taken.values()) == {62, 63}
    assert all(enter(shares, "d", "1") for _ in range(30))


@given(st.integers(min_value=1, max_value=1_000), st.permutations(TENANTS))
def test_nobody_takes_more_than_half_of_what_is_left(limit: int, tenants: list[str]) -> None:
    """Tenants that come one after the other, each to take all, leave half of the room each."""

    async def run() -> None:
        shares, left = Shares(Limits(endpoint=limit, tenant=limit, worker=limit)), limit
        for tenant in tenants:
            taken = 0
            while enter(shares, tenant, "1"):
                taken += 1
            assert taken == (left + 1) // 2
            left -= taken

    asyncio.run(run())


@given(
    st.integers(min_value=1, max_value=60),
    st.lists(st.tuples(st.integers(min_value=0, max_value=4), st.sampled_from(TENANTS))),
)
def test_a_tenant_with_little_under_way_is_served_before_one_with_much(
    limit: int, steps: list[tuple[int, str]]
) -> None:
    """Whatever comes and goes, whoever finds room is followed by all that have no more than it."""

    async def run() -> None:
        shares = Shares(Limits(endpoint=limit, tenant=limit, worker=limit))
        under_way: dict[str, list[Share]] = {tenant: [] for tenant in TENANTS}
        for kind, tenant in steps:
            if not kind and under_way[tenant]:
                under_way[tenant].pop().__exit__()
            elif share := enter(shares, tenant, "1"):
                under_way[tenant].append(share)
                free = limit - sum(map(len, under_way.values()))
                assert len(under_way[tenant]) <= free + 1
                for other in TENANTS:
                    if len(under_way[other]) < free:
                        one_more = enter(shares, other, "1")
                        assert one_more
                        one_more.__exit__()

    asyncio.run(run())


async def test_one_endpoint_id_in_two_tenants_is_two() -> None:
    """Tenants with endpoints of the same name have their own shares."""
    shares = Shares(Limits(endpoint=1, tenant=5, worker=5))
    assert enter(shares, "a", "ep")
    assert enter(shares, "b", "ep")
    assert enter(shares, "a", "ep") is None


async def test_a_turn_lasts_as_long_as_anybody_within_it() -> None:
    """The POST keeps the room of who waited for it, until both have ended; then it is free."""
    shares = Shares(Limits(endpoint=1, tenant=1, worker=1))
    share = shares.take("a", "1")
    with share:
        with share:
            pass
        assert enter(shares, "a", "1") is None
    assert enter(shares, "a", "1")


async def test_who_finds_no_room_gets_a_time_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those who wait are asked to come back one after the other, as room becomes free."""
    clock = 100.0
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: clock)
    shares = Shares(Limits(endpoint=10, tenant=10, worker=10))
    for _ in range(10):
        enter(shares, "a", "1")
    waits = []
    for _ in range(500):
        with pytest.raises(NoRoomError) as refusal:
            shares.take("a", "1")
        waits.append(refusal.value.seconds)
    assert waits == sorted(waits)
    assert waits[10] - waits[0] == pytest.approx(1.0)
    assert max(waits) <= MAX_WAIT_SECONDS


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abc"), st.sampled_from("123"))))
def test_shares_hold_against_a_plain_count(steps: list[tuple[bool, str, str]]) -> None:
    """Whatever comes and goes, no limit is passed, none is missed, and nothing is remembered."""

    async def run() -> None:
        shares, under_way = Shares(LIMITS), []
        for comes, tenant, endpoint in steps:
            if comes:
                room = (
                    sum(key == (tenant, endpoint) for _, key in under_way) < LIMITS.endpoint
                    and sum(key[0] == tenant for _, key in under_way) < LIMITS.tenant
                    and len(under_way) < LIMITS.worker
                    and sum(key[0] == tenant for _, key in under_way)
                    < LIMITS.worker - len(under_way)
                )
                share = enter(shares, tenant, endpoint)
                assert (share is not None) == room
                if share:
                    under_way.append((share, (tenant, endpoint)))
            elif under_way:
                under_way.pop(0)[0].__exit__()
        for share, _ in under_way:
            share.__exit__()
        assert shares._gauges == {}

    asyncio.run(run())
