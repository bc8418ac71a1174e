"""A recovery that is paused, resumed or cancelled, and what ends one."""

import asyncio
from typing import Any

import pytest
from support.receiver import Receiver, answering
from support.recoveries import LONG_AGO, begin, ended, failed_deliveries, read
from support.stack import Stack
from support.waiting import assert_eventually, eventually

pytestmark = pytest.mark.cluster


async def test_one_at_a_time(service: Stack, hooks: Receiver) -> None:
    """The same request joins the recovery that runs, another is refused; both give its id."""
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": []})
    hooks.behave = answering(500)
    events = [(await service.publish())["id"] for _ in range(5)]
    await failed_deliveries(service, endpoint, events)
    first = await begin(service, endpoint, status="failed", rate_per_second=0.1)
    ids = {
        (await begin(service, endpoint, status="failed", rate_per_second=0.1))["id"]
        for _ in range(3)
    }
    assert ids == {first["id"]}
    body = {"since": LONG_AGO, "status": "missing"}
    path = f"{service.root}/endpoints/{endpoint['id']}/recover"
    refused = await service.http.post(path, json=body)
    assert refused.status_code == 409
    assert first["id"] in refused.json()["detail"]
    cancelled = await service.http.post(f"{service.root}/recoveries/{first['id']}/cancel")
    assert cancelled.json()["state"] == "cancelled"
    second = await begin(service, endpoint, status="missing")
    assert second["id"] != first["id"]


async def test_pause_resume_cancel(service: Stack, hooks: Receiver) -> None:
    """Paused or cancelled, it starts nothing more; resumed, it goes on from there."""
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": []})
    hooks.behave = answering(500)
    events = [(await service.publish())["id"] for _ in range(24)]
    await failed_deliveries(service, endpoint, events)
    hooks.behave, hooks.requests = answering(200), []
    recovery = await begin(service, endpoint, status="failed", rate_per_second=4)
    path = f"{service.root}/recoveries/{recovery['id']}"

    async def switch(what: str) -> dict[str, Any]:
        answer = await service.http.post(f"{path}/{what}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    await assert_eventually(lambda: len(hooks.requests) >= 3)
    paused = await switch("pause")
    assert paused["state"] == "paused"
    rest = await eventually(
        lambda: read(service, recovery), lambda it: it["delivered"] == it["done"]
    )
    assert (await switch("pause"))["done"] == rest["done"] == len(hooks.requests)
    assert (await switch("resume"))["state"] == "running"
    await assert_eventually(lambda: len(hooks.requests) >= rest["done"] + 3)
    cancelled = await switch("cancel")
    assert cancelled["state"] == "cancelled"
    assert cancelled["done"] < len(events)
    await eventually(lambda: read(service, recovery), lambda it: it["delivered"] == it["done"])
    assert len(hooks.requests) == len({*hooks.ids()}) == cancelled["done"]
    assert (await switch("cancel"))["state"] == "cancelled"
    assert (await service.http.post(f"{path}/pause")).status_code == 409


async def test_cancel_while_it_halts(service: Stack, hooks: Receiver) -> None:
    """A cancellation that comes while a pause is taken up is not forgotten."""
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": []})
    hooks.behave = answering(500)
    events = [(await service.publish())["id"] for _ in range(6)]
    await failed_deliveries(service, endpoint, events)
    recovery = await begin(service, endpoint, status="failed", rate_per_second=0.5)
    await eventually(lambda: read(service, recovery), lambda it: it["done"])
    path = f"{service.root}/recoveries/{recovery['id']}"
    await asyncio.gather(*(service.http.post(f"{path}/{what}") for what in ("pause", "cancel")))
    after = await ended(service, recovery)
    assert after["state"] == "cancelled"
    assert after["done"] < len(events)


async def test_gone_ends_it(service: Stack, hooks: Receiver) -> None:
    """A 410 ends the recovery, and another is refused until the endpoint is resumed."""
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": []})
    hooks.behave = answering(500)
    events = [(await service.publish())["id"] for _ in range(6)]
    await failed_deliveries(service, endpoint, events)
    hooks.behave = answering(410)
    recovery = await begin(service, endpoint, status="failed", rate_per_second=0.5)
    cancelled = await ended(service, recovery)
    assert (cancelled["state"], cancelled["total"]) == ("cancelled", 6)
    assert 1 <= cancelled["done"] < 6
    path = f"{service.root}/endpoints/{endpoint['id']}"
    body = {"since": LONG_AGO, "status": "failed"}
    assert (await service.http.post(f"{path}/recover", json=body)).status_code == 409
    hooks.behave = answering(200)
    await service.http.post(f"{path}/resume")
    again = await begin(service, endpoint, status="failed")
    await ended(service, again, state="completed")
    await assert_eventually(lambda: {*hooks.ids()} == {*events})


async def test_deleted_endpoint_ends_its_recovery(service: Stack, hooks: Receiver) -> None:
    """It is cancelled, paused or not: there is nobody to send to."""
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": []})
    hooks.behave = answering(500)
    events = [(await service.publish())["id"] for _ in range(8)]
    await failed_deliveries(service, endpoint, events)
    recovery = await begin(service, endpoint, status="failed", rate_per_second=1)
    await service.http.post(f"{service.root}/recoveries/{recovery['id']}/pause")
    await service.http.delete(f"{service.root}/endpoints/{endpoint['id']}")
    assert (await ended(service, recovery))["state"] == "cancelled"
