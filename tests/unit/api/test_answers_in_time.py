"""Whatever hangs, the API answers in time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from support.stack import CODEC, api_client, api_config
from support.waiting import assert_eventually
from temporalio.service import RPCError, RPCStatusCode

from api.http import unavailable
from api.services.event_views import Published
from api.services.events import NO_TURN
from hookwright import metrics
from hookwright.metrics.names import REFUSALS
from hookwright.models import EventInput
from hookwright.temporal import at_most, connect, reached
from hookwright.turns import FEW

SOON, LONG = 0.05, 600.0


async def hang(*_: Any, **__: Any) -> None:
    """Do what a Temporal does that never answers."""
    await asyncio.Event().wait()


async def find(*_: Any) -> None:
    """Find the tenant."""


@asynccontextmanager
async def api() -> AsyncIterator[httpx.AsyncClient]:
    nowhere = await connect(CODEC, target_host="127.0.0.1:1", lazy=True)
    async with api_client(nowhere, api_config("unused")) as http:
        yield http


async def answer(method: str, path: str, **request: Any) -> httpx.Response:
    async with api() as http:
        return await http.request(method, path, **request)


async def test_a_publish(monkeypatch: pytest.MonkeyPatch) -> None:
    """A publish that is not known to be stored in time is a 503 with the id to repeat it with."""
    monkeypatch.setattr("api.routes.strict_route.ANSWER_SECONDS", SOON)
    monkeypatch.setattr("api.services.events.EventService.publish", hang)
    found = await answer("POST", "/v1/tenants/t/events", json={"type": "a", "data": 1})
    assert found.status_code == 503
    assert found.headers["retry-after"]
    assert found.json()["event_id"].startswith("evt_")


async def test_the_events_of_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """An event of a batch that hangs is a 503, and the rest is not tried."""
    monkeypatch.setattr("api.routes.batch.ANSWER_SECONDS", SOON)
    monkeypatch.setattr("api.services.events.EventService.publish", hang)

    monkeypatch.setattr("api.services.tenants.TenantService.at_publish", find)
    events = [{"id": name, "type": "a", "data": 1} for name in ("e1", "e2")]
    found = await answer("POST", "/v1/tenants/t/events/batch", json={"events": events})
    assert found.status_code == 503
    errors = [each["error"] for each in found.json()["results"]]
    assert [error["event_id"] for error in errors] == ["e1", "e2"]
    assert [error["detail"].partition(",")[0] for error in errors] == [
        "Temporal did not answer in time; repeat the request",
        "not tried",
    ]


async def test_a_batch_that_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of a batch whose first event is refused at once is not said to have taken long."""

    async def refuse(*_: Any, **__: Any) -> None:
        raise unavailable("a file of a contract is missing")

    monkeypatch.setattr("api.services.events.EventService.publish", refuse)
    monkeypatch.setattr("api.services.tenants.TenantService.at_publish", find)
    events = [{"type": "a", "data": 1}] * 2
    found = await answer("POST", "/v1/tenants/t/events/batch", json={"events": events})
    details = [each["error"]["detail"] for each in found.json()["results"]]
    assert details[1].startswith("not tried, because an earlier one was not taken")


@pytest.mark.parametrize("refused", [False, True])
async def test_a_batch_says_when_to_repeat_what_was_refused(
    refused: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It says so also if the other events are stored, and nothing if all of them are."""

    async def publish(_: Any, event: EventInput, *__: Any) -> Published:
        if refused and event.id == "e2":
            raise unavailable("too many at once", 6.5)
        return Published(event, duplicate=False, warnings=[])

    monkeypatch.setattr("api.services.events.EventService.publish", publish)
    monkeypatch.setattr("api.services.tenants.TenantService.at_publish", find)
    events = [{"id": name, "type": "a", "data": 1} for name in ("e1", "e2")]
    found = await answer("POST", "/v1/tenants/t/events/batch", json={"events": events})
    retry_after = found.headers.get("retry-after")
    assert (found.status_code, retry_after) == ((207, "7") if refused else (202, None))


@pytest.mark.parametrize("way", ["one by one", "in batches"])
async def test_a_publish_without_a_turn(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenant that publishes too much at once beside others is told that, and it is counted."""
    refused, ended = REFUSALS.labels(metrics.ApiLimit.TURNS), asyncio.Event()
    before, began = refused._value.get(), asyncio.Event()

    async def last_until_three_are_refused(*_: Any, **__: Any) -> None:
        began.set()
        await ended.wait()
        raise unavailable("this one had a turn")

    # However slow the machine is: no turn ends before others are refused, no traffic is forgotten.
    monkeypatch.setattr("hookwright.turns.each_tenant.ANSWER_TAKES_SECONDS", LONG)
    monkeypatch.setattr("hookwright.turns.traffic.TRAFFIC_SECONDS", LONG)
    for module in ("strict_route", "batch"):
        monkeypatch.setattr(f"api.routes.{module}.ANSWER_SECONDS", LONG + SOON)
    monkeypatch.setattr("hookwright.turns.asking_again.MIN_SECONDS", 6.5)
    monkeypatch.setattr("api.services.events.EventService._publish", last_until_three_are_refused)
    monkeypatch.setattr("api.services.tenants.TenantService.at_publish", find)
    event = {"type": "a", "data": 1}
    path, body = ("events", event) if way == "one by one" else ("events/batch", {"events": [event]})
    async with api() as http:

        def publish(tenant: str) -> asyncio.Task[httpx.Response]:
            return asyncio.create_task(http.post(f"/v1/tenants/{tenant}/{path}", json=body))

        answers = [publish("small")]
        await began.wait()
        answers += [publish("busy") for _ in range(FEW + 3)]
        await assert_eventually(lambda: refused._value.get() - before == 3)
        ended.set()
        small, *busy = await asyncio.gather(*answers)
    assert NO_TURN not in small.text
    assert [NO_TURN in each.text for each in busy].count(True) == 3
    assert {each.status_code for each in (small, *busy)} == {503}
    assert [each.headers["retry-after"] for each in busy if NO_TURN in each.text] == ["7"] * 3
    assert all("event_id" in each.text for each in (small, *busy))


async def test_a_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A read that lasts too long is a 503."""
    monkeypatch.setattr("api.routes.strict_route.READ_SECONDS", SOON)
    monkeypatch.setattr("api.services.tenants.TenantService.get", hang)
    found = await answer("GET", "/v1/tenants/t")
    assert found.status_code == 503
    assert found.headers["retry-after"]
    assert "repeat the request" in found.json()["detail"]


async def test_a_call_with_its_repeats() -> None:
    """A call to Temporal that goes on for longer than its time ends as Temporal's own do."""

    async def within() -> None:
        async with at_most(timedelta(seconds=SOON)):
            await hang()

    for call in (within(), reached(hang(), timedelta(seconds=SOON))):
        with pytest.raises(RPCError) as raised:
            await call
        assert raised.value.status is RPCStatusCode.DEADLINE_EXCEEDED
