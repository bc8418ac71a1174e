"""The system's resolver: one tenant's names that never answer leave threads for all others."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from support.egress_client import BODY, HEADERS, LOOPBACK, egress
from support.hostile import ok, says, serving
from support.names import Names, names_of_the_world
from support.waiting import assert_eventually

from activities.egress import resolver
from activities.egress.resolver import NameResolutionError, ResolverBusyError, SystemResolver
from activities.egress.resolver_threads import THREADS, ResolverThreads
from hookwright.outcomes import Outcome

SHARE = THREADS // 4
"""How many threads a tenant gets that is alone."""

PATIENCE = 20.0
"""Seconds that are enough on a busy machine."""


@pytest_asyncio.fixture
async def names() -> AsyncIterator[Names]:
    """Names of which some never answer."""
    async with names_of_the_world() as it:
        yield it


@pytest_asyncio.fixture
async def resolve(names: Names) -> AsyncIterator[SystemResolver]:
    """A resolver, whose lookups have ended when the test has."""
    it = SystemResolver()
    yield it
    names.answer.set()
    await assert_eventually(lambda: not it._under_way)


async def failures(
    resolve: SystemResolver, tenant: str, *hosts: str, patience: float = 0.1
) -> Counter[type]:
    """Resolve these names at once, and count how each one failed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resolver, "TURN_SECONDS", patience)
        patch.setattr(resolver, "RESOLUTION_SECONDS", patience)
        asked = (resolve(host, tenant) for host in hosts)
        return Counter(map(type, await asyncio.gather(*asked, return_exceptions=True)))


def hanging(count: int) -> list[str]:
    return [f"hang{number}.example.com" for number in range(count)]


async def test_200_names_of_one_tenant_hang(names, resolve):
    """They hold a quarter of the threads, and whatever other tenants ask for is answered.

    Those that had a thread are the receiver's fault, and those that had none are not.
    """
    failed = await failures(resolve, "bad", *hanging(200), patience=3.0)
    assert failed == {NameResolutionError: SHARE, ResolverBusyError: 200 - SHARE}
    await assert_eventually(lambda: names.hanging == SHARE)
    assert resolve.threads.held == {"bad": SHARE}
    for number in range(100):
        assert await resolve(f"good{number}.example.com", "good") == ["127.0.0.1"]
    assert names.hanging == SHARE


async def test_many_tenants_whose_names_hang(resolve):
    """Nine tenants with 200 hanging names each leave a thread for the tenth."""
    for number in range(9):
        await failures(resolve, f"bad{number}", *hanging(200))
    assert all(resolve.threads.held[f"bad{number}"] for number in range(9))
    assert await resolve("good.example.com", "good") == ["127.0.0.1"]


async def test_a_name_has_one_thread_at_most(names, resolve):
    """However many attempts ask for a name, and however often, it is looked up once at a time."""
    for _ in range(3):
        failed = await failures(resolve, "t1", *["hang.example.com"] * 50)
        assert failed == {NameResolutionError: 50}
    assert names.asked == {"hang.example.com": 1}
    assert resolve.threads.held == {"t1": 1}


async def test_what_took_long_is_remembered(names, monkeypatch, resolve):
    """A name that failed late is not looked up again at once, and the error says why."""
    monkeypatch.setattr(resolver, "LONG_SECONDS", 0.0)
    assert await failures(resolve, "t1", "hang.unknown") == {NameResolutionError: 1}
    names.answer.set()
    await assert_eventually(lambda: not resolve.threads.held)
    with pytest.raises(NameResolutionError, match=r"not known; this took long, so the name is"):
        await resolve("hang.unknown", "t1")
    assert names.asked == {"hang.unknown": 1}
    assert await failures(resolve, "t2", "hang.unknown") == {NameResolutionError: 1}
    assert names.asked == {"hang.unknown": 2}, "what one tenant found out is not another's"


async def test_what_failed_quickly_is_asked_again(names, resolve, monkeypatch):
    """A name that costs nothing is looked up at each attempt."""
    monkeypatch.setattr(resolver, "LONG_SECONDS", PATIENCE)
    for _ in range(3):
        await failures(resolve, "t1", "unknown.example.com", patience=PATIENCE)
    assert names.asked == {"unknown.example.com": 3}


async def test_it_is_forgotten(names, monkeypatch):
    """After its time a name that took long is looked up again."""
    monkeypatch.setattr(resolver, "LONG_SECONDS", 0.0)
    monkeypatch.setattr(resolver, "REMEMBERED_SECONDS", 0.0)
    resolve = SystemResolver()
    for _ in range(3):
        await failures(resolve, "t1", "unknown.example.com", patience=PATIENCE)
    assert names.asked == {"unknown.example.com": 3}


async def test_an_answer_that_comes_late_is_used(names, monkeypatch, resolve):
    """A name that waits behind others, or is slow, resolves at a later attempt."""
    monkeypatch.setattr(resolver, "LONG_SECONDS", 0.0)
    await failures(resolve, "t1", *hanging(SHARE))
    assert await failures(resolve, "t1", "good.example.com") == {ResolverBusyError: 1}
    names.answer.set()
    await assert_eventually(lambda: names.asked["good.example.com"])
    await assert_eventually(lambda: not resolve.threads.held)
    for host in ("good.example.com", *hanging(SHARE)):
        assert await resolve(host, "t1") == ["127.0.0.1"]
    assert set(names.asked.values()) == {1}


@pytest.mark.usefixtures("names")
async def test_what_is_remembered_is_bounded(monkeypatch):
    """A tenant with names without end takes a bounded amount of memory."""
    monkeypatch.setattr(resolver, "LONG_SECONDS", 0.0)
    monkeypatch.setattr(resolver, "MAX_REMEMBERED_ADDRESSES", 10)
    resolve = SystemResolver()
    hosts = [f"n{number}.example.com" for number in range(50)]
    await failures(resolve, "t1", *hosts, patience=PATIENCE)
    assert len(resolve._remembered) == 5
    assert not resolve._under_way


async def test_what_waits_is_bounded(resolve, monkeypatch):
    """A tenant with names without end has a bounded number of lookups that wait."""
    monkeypatch.setattr(resolver, "MAX_WAITING", 10)
    failed = await failures(resolve, "t1", *hanging(200), patience=3.0)
    assert failed == {NameResolutionError: SHARE, ResolverBusyError: 200 - SHARE}
    assert len(resolve._under_way) == SHARE + 10


async def test_the_wait_for_a_thread_is_not_the_receivers(names):
    """An attempt's own timeout does not run while it waits for a thread."""
    async with (
        serving(says(ok())) as server,
        egress(LOOPBACK, resolve := SystemResolver(threads=1)) as client,
    ):

        async def post(name: str, timeout_seconds: float):
            return await client.post(
                server.named(name), HEADERS, BODY, timeout_seconds, tenant_id="t1"
            )

        hangs = asyncio.create_task(post("hang.example.com", 30))
        await assert_eventually(lambda: names.hanging == 1)
        began = time.monotonic()
        good = asyncio.create_task(post("good.example.com", 0.5))
        await assert_eventually(lambda: time.monotonic() > began + 0.6)
        assert not good.done()
        names.answer.set()
        answers = await asyncio.gather(good, hangs)
    assert [it.outcome for it in answers] == [Outcome.DELIVERED] * 2
    assert not resolve.threads.held


async def test_turns_go_round():
    """Threads that become free go to the tenants in turn, and one tenant's lookups in order."""
    threads, began, may_end = ResolverThreads(8), [], asyncio.Event()

    async def hold(tenant: str, number: int) -> None:
        await threads.turn(tenant)
        began.append(f"{tenant}{number}")
        await may_end.wait()
        threads.give_back(tenant)

    tasks = [asyncio.create_task(hold(*each)) for each in [(t, n) for t in "abc" for n in range(4)]]
    await assert_eventually(lambda: len(began) >= 5)
    assert began == ["a0", "a1", "b0", "b1", "c0"]
    assert threads.free == 3
    may_end.set()
    await asyncio.gather(*tasks)
    assert [it for it in began if it[0] == "a"] == [f"a{number}" for number in range(4)]
    assert (threads.free, threads.held, threads._waiting.tenants) == (8, Counter(), [])
