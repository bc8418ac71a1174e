"""What documents name beside registering: replay, test events, and when a webhook has failed."""

import json
from typing import Any

import httpx
import pytest
from support.facades import CALLS, Developer
from support.receiver import Receiver, answering
from support.stack import Stack
from support.waiting import assert_eventually, eventually

from hookwright.outcomes import EndpointStatus

pytestmark = pytest.mark.usefixtures("large_tenant")


async def logged(it: Developer, webhook: str, event: str, *statuses: str) -> dict[str, Any]:
    """Return a delivery of plain's log once it has one of these statuses."""

    async def delivery() -> httpx.Response:
        return await it.request("get", f"/{webhook}/deliveries/{webhook}:{event}")

    answer = await eventually(
        delivery, lambda got: got.is_success and got.json()["status"] in statuses
    )
    return answer.json()


async def test_plain_replay(service: Stack, hooks: Receiver) -> None:
    """A replay sends an ended delivery again under its id, be it delivered or failed before."""
    it = Developer(service, CALLS["plain"])
    hooks.behave = answering(302, 200)
    webhook = (await it.register({**it.call.body, "url": hooks.url}))["id"]
    event = (await service.publish(type="order.shipped"))["id"]
    failed = await logged(it, webhook, event, "failed")
    assert [attempt["statusCode"] for attempt in failed["attempts"]] == [302]
    for number in (2, 3):
        path = f"/{webhook}/deliveries/{webhook}:{event}/replay"
        answer = await it.request("post", path)
        assert answer.status_code == 202, answer.text
        assert answer.json()["id"] == f"{webhook}:{event}"
        await assert_eventually(lambda number=number: len(hooks.requests) == number)
        await logged(it, webhook, event, "success")
    assert {request.headers["x-webhook-id"] for request in hooks.requests} == {event}
    assert len({request.body for request in hooks.requests}) == 1


async def test_plain_replay_of_a_pending_delivery(service: Stack, hooks: Receiver) -> None:
    """A replay of a delivery that waits for its next retry attempts it now."""
    it = Developer(service, CALLS["plain"])
    hooks.behave = answering(500, 200)
    webhook = (await it.register({**it.call.body, "url": hooks.url}))["id"]
    event = (await service.publish(type="order.shipped"))["id"]

    asked = 0

    async def retried() -> httpx.Response:
        nonlocal asked
        asked += 1
        return await it.request("post", f"/{webhook}/deliveries/{webhook}:{event}/replay")

    await assert_eventually(lambda: len(hooks.requests) == 1)
    delivery = await logged(it, webhook, event, "pending")
    assert delivery["nextAttemptAt"] is None or delivery["status"] == "pending"
    await eventually(retried, lambda got: got.status_code == 202 and len(hooks.requests) > 1)
    await logged(it, webhook, event, "success")
    assert len(hooks.requests) <= 1 + asked, "a POST that nobody asked for"


async def test_plain_replay_of_others(service: Stack) -> None:
    """A delivery of another webhook, and one that is unknown, is a 404 to read and to replay."""
    it = Developer(service, CALLS["plain"])
    mine = (await it.register())["id"]
    native = (await service.add_endpoint("https://hooks.example.com/"))["id"]
    event = (await service.publish(type="order.shipped"))["id"]
    for webhook, delivery in (
        (mine, f"{native}:{event}"),
        (mine, f"{mine}:evt_0"),
        (native, f"{native}:{event}"),
    ):
        path = f"/{webhook}/deliveries/{delivery}"
        assert (await it.request("get", path)).status_code == 404
        assert (await it.request("post", f"{path}/replay")).status_code == 404


async def test_clearway_test(service: Stack, hooks: Receiver) -> None:
    """A test event is one of test mode, of a type that the webhook has, or of a chosen one."""
    it = Developer(service, CALLS["clearway"])
    hooks.behave = answering(200, 500)
    webhook = (await it.register({**it.call.body, "url": hooks.url}))["id"]
    answer = await it.request("post", f"/{webhook}/test")
    assert (answer.status_code, set(answer.json())) == (200, {"data"})
    sent = answer.json()["data"]
    assert sent == {
        "type": "capital_call.created",
        "delivered": True,
        "durationMs": sent["durationMs"],
        "statusCode": 200,
        "responseBody": "ok",
        "error": None,
    }
    failed = await it.request("post", f"/{webhook}/test", {"type": "payment.failed"})
    assert (failed.json()["data"]["delivered"], failed.json()["data"]["statusCode"]) == (False, 500)
    first, second = (json.loads(request.body) for request in hooks.requests)
    assert (first["type"], second["type"]) == ("capital_call.created", "payment.failed")
    assert first["livemode"] is second["livemode"] is False
    assert first["data"] == {"object": {"test": True}}


@pytest.mark.parametrize("body", [{"type": "no.such"}, {"type": 1}, {"event": "payment.failed"}])
async def test_clearway_refused_tests(service: Stack, body: dict[str, Any]) -> None:
    """A test of a type that the contract does not have is a 422 that names the field."""
    it = Developer(service, CALLS["clearway"])
    webhook = (await it.register())["id"]
    answer = await it.request("post", f"/{webhook}/test", body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["body", next(iter(body))]
    assert (await it.request("post", "/wh_0/test")).status_code == 404


async def test_reflow_failed_until_a_success(service: Stack, hooks: Receiver) -> None:
    """A webhook whose retries have run out is `failed` until the next webhook arrives."""
    it = Developer(service, CALLS["reflow"])
    hooks.behave = answering(500)
    webhook = (await it.register({**it.call.body, "url": hooks.url}))["id"]
    native = f"{service.root}/endpoints/{webhook}"
    quick = {"retry": {"schedule_seconds": [0.1] * 5}}
    assert (await service.http.patch(native, json=quick)).is_success

    async def status() -> str:
        [shown] = await it.listed()
        return shown["status"]

    await service.publish()
    await assert_eventually(lambda: len(hooks.requests) == 6)
    await eventually(status, lambda it: it == "failed")
    for action, shown in (("pause", "paused"), ("resume", "failed")):
        await service.http.post(f"{native}/{action}")
        assert await status() == shown
    assert (await service.http.get(native)).json()["status"] == EndpointStatus.ACTIVE
    hooks.behave = answering(200)
    await service.publish()
    await eventually(status, lambda it: it == "active")


async def test_reflow_is_active_while_it_retries(service: Stack, hooks: Receiver) -> None:
    """Failed attempts alone do not mark a webhook as failed: its retries are not over yet."""
    it = Developer(service, CALLS["reflow"])
    hooks.behave = answering(500)
    webhook = (await it.register({**it.call.body, "url": hooks.url}))["id"]
    await service.publish()

    async def failures() -> int:
        shown = await service.http.get(f"{service.root}/endpoints/{webhook}")
        return shown.json()["consecutive_failures"]

    await eventually(failures, lambda number: number == 1)
    assert [shown["status"] for shown in await it.listed()] == ["active"]
