"""Rate limits: by tenant and tier, publishing apart from management, over Redis or without."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

import httpx
import pytest
import redis
import structlog
from fakeredis import TcpFakeServer
from limits.aio.storage.redis.bridge import RedisBridge
from support.facades import key_of
from support.jwts import bearer
from support.stack import Stack, api_client, api_config, unique

from api.access import RateLimits, limits
from api.access.limits import PER_MINUTE, CallKind
from hookwright.models import Tier
from runtime.dev import free_port

HEADERS = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")
EVENT = {"type": "loan.funded", "data": {}}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A free tenant has three requests, three reads and five events a minute; Redis may be slow."""
    monkeypatch.setattr(limits, "REDIS_TIMEOUT_SECONDS", 20.0)
    monkeypatch.setitem(PER_MINUTE[CallKind.MANAGEMENT], Tier.FREE, 3)
    monkeypatch.setitem(PER_MINUTE[CallKind.READ], Tier.FREE, 3)
    monkeypatch.setitem(PER_MINUTE[CallKind.PUBLISH], Tier.FREE, 5)


async def read(service: Stack, headers: dict[str, str]) -> httpx.Response:
    return await service.http.get(service.root, headers=headers)


async def publish(service: Stack, headers: dict[str, str], number: int = 1) -> httpx.Response:
    if number == 1:
        return await service.http.post(f"{service.root}/events", json=EVENT, headers=headers)
    body = {"events": [EVENT] * number}
    return await service.http.post(f"{service.root}/events/batch", json=body, headers=headers)


def test_figures() -> None:
    """The tiers have 60, 600 and 6,000 requests a minute; ten times as many events and reads."""
    assert list(PER_MINUTE[CallKind.MANAGEMENT].values()) == [60, 600, 6_000]
    assert list(PER_MINUTE[CallKind.PUBLISH].values()) == [600, 6_000, 60_000]
    assert PER_MINUTE[CallKind.READ] == PER_MINUTE[CallKind.PUBLISH]
    assert list(PER_MINUTE[CallKind.PUBLISH]) == list(PER_MINUTE[CallKind.MANAGEMENT]) == list(Tier)


async def test_sixty_a_minute(service: Stack) -> None:
    """The free tier gets 60 answers a minute, each with the number that remains, then a 429."""
    headers = bearer(service.tenant, tier=Tier.FREE)
    answers = [await service.http.get("/v1/contracts", headers=headers) for _ in range(61)]
    assert [answer.status_code for answer in answers] == [200] * 60 + [429]
    remaining = [int(answer.headers["ratelimit-remaining"]) for answer in answers]
    assert remaining == [*range(59, -1, -1), 0]
    assert {answer.headers["ratelimit-limit"] for answer in answers} == {"60"}
    assert all(1 <= int(answer.headers["ratelimit-reset"]) <= 60 for answer in answers)
    refused = answers[-1]
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["type"].endswith("#too-many-requests")
    assert refused.headers["retry-after"] == refused.headers["ratelimit-reset"]


async def test_a_page_that_is_polled(service: Stack) -> None:
    """Three people may each look at a page that asks for three things every three seconds.

    What they change meanwhile is counted apart, and so is a facade's call, which its contract
    counts as a request whatever it does.
    """
    endpoint = await service.add_endpoint("https://hooks.example.com/")
    headers = bearer(service.tenant, tier=Tier.FREE)
    asked = ("", f"/endpoints/{endpoint['id']}", f"/endpoints/{endpoint['id']}/stats")
    calls = [service.root + path for path in asked] * 3
    answers = [await service.http.get(path, headers=headers) for path in calls]
    answers.append(await service.http.head(service.root, headers=headers))
    assert {answer.status_code for answer in answers} == {200}
    last = answers[-1].headers
    used = int(last["ratelimit-limit"]) - int(last["ratelimit-remaining"])
    assert used == len(answers)
    assert 60 / 3 * len(calls) < int(last["ratelimit-limit"])
    for method, path in (("POST", f"{calls[1]}/pause"), ("GET", "/v1/webhooks")):
        counted = await service.http.request(method, path, headers=headers)
        assert counted.headers["ratelimit-limit"] == "60"


@pytest.mark.usefixtures("few")
async def test_counted_by_tenant(service: Stack) -> None:
    """Keys and tokens of a tenant are counted together; another tenant's answers do not run out."""
    other = await service.with_new_tenant()
    for headers in (key_of(service.tenant), bearer(service.tenant, tier=Tier.FREE)):
        await read(service, headers)
    answers = [await read(service, key_of(service.tenant)) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert (await read(other, key_of(other.tenant))).status_code == 200


@pytest.mark.usefixtures("few")
async def test_whatever_the_answer(service: Stack) -> None:
    """Refusals count too, on every route and before a body is read; bad tokens count for nobody."""
    key = key_of(service.tenant)
    unknown = await service.http.get(f"/v1/tenants/{unique('t')}", headers=key)
    bad = await service.http.post(f"{service.root}/endpoints", content=b"{", headers=key)
    contracts = await service.http.get("/v1/contracts", headers=key)
    assert [it.status_code for it in (unknown, bad, contracts)] == [404, 415, 200]
    assert [it.headers["ratelimit-remaining"] for it in (unknown, bad, contracts)] == [*"221"]
    await service.http.get("/v1/contracts", headers=key)
    huge = await service.http.post(f"{service.root}/endpoints", content=b"x" * 10**6, headers=key)
    assert huge.status_code == 429
    for path in ("/v1/webhooks", "/v1/contracts"):
        assert (await service.http.get(path, headers=key)).status_code == 429
    nobody = await read(service, {"authorization": "Bearer x"})
    assert nobody.status_code == 401
    assert not {*HEADERS} & {*nobody.headers}


@pytest.mark.usefixtures("few")
async def test_publishing_is_counted_apart(service: Stack) -> None:
    """Events are counted one by one, a batch's too, and do not eat the share of management."""
    key = key_of(service.tenant)
    answers = [await publish(service, key, number) for number in (1, 3, 1, 1)]
    assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
    assert [answer.headers["ratelimit-remaining"] for answer in answers] == [*"4100"]
    assert "5 events" in answers[-1].json()["detail"]
    assert (await read(service, key)).headers["ratelimit-remaining"] == "2"


@pytest.mark.usefixtures("few")
async def test_a_batch_beyond_the_limit(service: Stack) -> None:
    """Of a batch that is more than what remains nothing is published."""
    key = key_of(service.tenant)
    assert (await publish(service, key, 6)).status_code == 429
    listed = await service.http.get(f"{service.root}/events")
    assert listed.json()["data"] == []


async def test_operators(service: Stack) -> None:
    """Operators have no limit and no such headers, unless a setting gives each key one."""
    free = [await service.http.get(service.root) for _ in range(70)]
    assert {answer.status_code for answer in free} == {200}
    assert not {*HEADERS} & {*free[0].headers}
    config = replace(api_config(service.task_queue), operator_rate_limit=2)
    async with api_client(service.client, config) as http:
        answers = [await http.get(service.root) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert (await publish(replace(service, http=http), {})).status_code == 202
        assert (await http.get("/healthz")).status_code == 200


@contextlib.contextmanager
def redis_server(port: int) -> Iterator[None]:
    """Run a server that speaks Redis's protocol, Lua scripts too, on a real socket."""
    server = TcpFakeServer(("127.0.0.1", port), server_type="redis")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    with redis.Redis(port=port) as client:
        # A real server says NOSCRIPT and goes on; this one hangs up.
        client.script_load(RedisBridge.SCRIPT_INCR_EXPIRE)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


Api = Callable[[], AbstractAsyncContextManager[Stack]]


def apis(service: Stack, port: int) -> Api:
    """Return how to start an API process's worth of application that counts in Redis."""
    config = replace(
        api_config(service.task_queue), rate_limit_storage=f"redis://127.0.0.1:{port}/0"
    )

    @asynccontextmanager
    async def api() -> AsyncIterator[Stack]:
        async with api_client(service.client, config) as http:
            yield replace(service, http=http)
            rate_limits = http._transport.app.state.hookwright.limits
            await rate_limits.in_redis.storage.bridge.storage.aclose()

    return api


@pytest.mark.usefixtures("few")
async def test_several_processes_count_in_redis(service: Stack) -> None:
    """Through Redis what one process answered counts in another, with the same reset."""
    port = free_port()
    with redis_server(port):
        api = apis(service, port)
        async with api() as one, api() as two:
            key = key_of(service.tenant)
            answers = [await read(it, key) for it in (one, two, one, two)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["ratelimit-remaining"] for answer in answers] == [*"2100"]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60


@pytest.mark.usefixtures("few")
async def test_redis_comes_late_and_goes(service: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """While Redis is away each process counts by itself; that is logged once, as its return is."""
    monkeypatch.setattr(limits, "REDIS_RETRY_SECONDS", 0.0)
    port = free_port()
    key = key_of(service.tenant)
    with structlog.testing.capture_logs() as logged:
        async with apis(service, port)() as it:
            answers = [await read(it, key) for _ in range(2)]
            with redis_server(port):
                answers += [await read(it, key) for _ in range(2)]
            answers += [await read(it, key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 200, 429]
    assert [answer.headers["ratelimit-remaining"] for answer in answers] == [*"212100"]
    events = [it["event"] for it in logged if it["event"].startswith("limits.")]
    assert events == [
        "limits.redis_unavailable",
        "limits.redis_available",
        "limits.redis_unavailable",
    ]


async def test_redis_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Redis that takes a connection and says nothing holds up one call, and not the next."""
    monkeypatch.setattr(limits, "REDIS_TIMEOUT_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        counted = RateLimits.at(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        async with asyncio.timeout(10):
            hold_statuses = [await counted.count(3, "acme") for _ in range(4)]
        assert [it.exceeded for it in hold_statuses] == [False, False, False, True]
        silent.settimeout(5)
        silent.accept()[0].close()
        silent.settimeout(0.01)
        with pytest.raises(TimeoutError):
            silent.accept()
        await counted.in_redis.storage.bridge.storage.aclose()
