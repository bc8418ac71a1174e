"""The facade of cr3dentials: what its document tells a partner to do in the portal."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from support.facades import CALLS, Developer
from support.receiver import Receiver, answering
from support.stack import Stack
from support.waiting import assert_eventually, eventually

from hookwright.verify import VerificationError, verify
from runtime.dev import free_port

pytestmark = pytest.mark.usefixtures("large_tenant")

DOCUMENTED = {"type", "status", "data"}
EXPLAINED = {
    "verificationId", "sessionId", "stepId", "status", "proofData", "formattedData", "metadata",
}  # fmt: skip
OLD, NEW = "the-old-secret-0000", "the-new-secret-1111"


@pytest_asyncio.fixture
async def partner(service: Stack) -> Developer:
    """A partner whose events are those of the contract."""
    await service.http.put(service.root, json={"contract": "cr3dentials", "tier": "enterprise"})
    return Developer(service, CALLS["cr3dentials"])


async def read(partner: Developer, webhook: dict[str, Any]) -> dict[str, Any]:
    """Return a webhook as it is now."""
    answer = await partner.request("get", f"/{webhook['id']}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def change(partner: Developer, webhook: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Edit a webhook, and return it."""
    answer = await partner.request("patch", f"/{webhook['id']}", fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def act(partner: Developer, webhook: dict[str, Any], action: str) -> dict[str, Any]:
    """Carry out an action on a webhook, and return the answer."""
    answer = await partner.request("post", f"/{webhook['id']}/{action}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def complete(partner: Developer, **fields: Any) -> dict[str, Any]:
    """Publish that a verification is completed."""
    event = {"type": "verification.completed", "data": {"verificationId": "ver_1"}, **fields}
    return await partner.service.publish(**event)


async def test_what_the_list_shows(partner: Developer) -> None:
    """URL, status, created date, last delivery, success rate and colour; no secret, no value."""
    created = await partner.register()
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", created.pop("secret"))
    made = datetime.fromisoformat(created["createdDate"])
    assert timedelta() <= datetime.now(UTC) - made < timedelta(minutes=1)
    assert created == {
        "id": created["id"],
        "url": "https://api.yourcompany.com/webhooks/cr3dentials",
        "status": "active",
        "deliveryStatus": "green",
        "createdDate": created["createdDate"],
        "lastDelivery": None,
        "successRate": None,
        "headerKey": "secret",
        "payloadTemplate": None,
        "previousSecretExpiresAt": None,
    }
    assert await partner.listed() == [created] == [await read(partner, created)]
    assert "your-secure-secret-key-here" not in (await partner.request("get")).text


async def test_created_inactive(partner: Developer, hooks: Receiver) -> None:
    """A webhook that is created inactive gets nothing until it is activated, then all of it."""
    webhook = await partner.register({**partner.call.body, "url": hooks.url, "status": "inactive"})
    assert webhook["status"] == "inactive"
    event = await complete(partner)
    await eventually(
        lambda: partner.service.delivery(webhook["id"], event["id"]),
        lambda it: it.get("state") == "held",
    )
    assert hooks.requests == []
    assert (await act(partner, webhook, "reactivate"))["status"] == "active"
    await assert_eventually(lambda: len(hooks.requests) == 1)
    assert hooks.requests[0].headers["secret"] == "your-secure-secret-key-here"
    assert json.loads(hooks.requests[0].body).keys() == DOCUMENTED


async def test_deactivated(partner: Developer) -> None:
    """Deactivating and reactivating can be repeated, and the list shows it."""
    webhook = await partner.register()
    for action, status in (("deactivate", "inactive"), ("reactivate", "active")):
        for _ in range(2):
            assert (await act(partner, webhook, action))["status"] == status
        assert [it["status"] for it in await partner.listed()] == [status]


async def test_figures_after_deliveries(partner: Developer, hooks: Receiver) -> None:
    """The success rate is a percentage of attempts, and the last delivery has its time."""
    hooks.behave = answering(500, 200)
    webhook = await partner.register({"url": hooks.url})
    await complete(partner)
    shown = await eventually(lambda: read(partner, webhook), lambda it: it["successRate"] == 50.0)
    assert shown["deliveryStatus"] == "yellow"
    last = datetime.fromisoformat(shown["lastDelivery"])
    assert abs(datetime.now(UTC) - last) < timedelta(minutes=1)


async def test_url_template_and_header(partner: Developer, hooks: Receiver) -> None:
    """URL, payload template and header change by themselves; null takes the latter two away."""
    webhook = await partner.register({"url": "https://api.yourcompany.com/old"})
    await change(partner, webhook, url=f"{hooks.url}/new")
    await change(partner, webhook, header={"key": "X-Key", "value": "1234"})
    edited = await change(partner, webhook, payloadTemplate="{ver: data.verificationId}")
    assert (edited["headerKey"], edited["url"]) == ("X-Key", f"{hooks.url}/new")
    assert edited["payloadTemplate"] == "{ver: data.verificationId}"
    await complete(partner)
    await assert_eventually(lambda: len(hooks.requests) == 1)
    request = hooks.requests[0]
    assert (request.path, request.headers["x-key"]) == ("/hooks/new", "1234")
    assert request.body == b'{"ver":"ver_1"}'
    edited = await change(partner, webhook, header=None, payloadTemplate=None)
    assert (edited["headerKey"], edited["payloadTemplate"]) == (None, None)
    await complete(partner)
    await assert_eventually(lambda: len(hooks.requests) == 2)
    assert "x-key" not in hooks.requests[1].headers
    assert json.loads(hooks.requests[1].body).keys() == DOCUMENTED


async def test_new_secret_signs_at_once(partner: Developer, hooks: Receiver) -> None:
    """An edited secret signs from the next attempt on; the previous one is kept for a day."""
    webhook = await partner.register({"url": hooks.url, "secret": OLD})
    assert webhook["secret"] == OLD
    edited = await change(partner, webhook, secret=NEW)
    until = datetime.fromisoformat(edited["previousSecretExpiresAt"]) - datetime.now(UTC)
    assert timedelta(hours=23) < until <= timedelta(hours=24)
    assert "secret" not in edited
    await complete(partner)
    await assert_eventually(lambda: len(hooks.requests) == 1)
    request = hooks.requests[0]
    verify("cr3dentials", request.headers, request.body, NEW)
    with pytest.raises(VerificationError):
        verify("cr3dentials", request.headers, request.body, OLD)


async def test_previous_secret_signs_until_the_overlap_ends(
    partner: Developer, hooks: Receiver
) -> None:
    """With `previous` the previous secret signs alone, and the new one once the overlap is over."""
    webhook = await partner.register({"url": hooks.url, "secret": OLD})
    await change(partner, webhook, secret=NEW, signWith="previous", secretOverlapSeconds=2)
    await complete(partner)
    await assert_eventually(lambda: len(hooks.requests) == 1)
    verify("cr3dentials", hooks.requests[0].headers, hooks.requests[0].body, OLD)
    await eventually(
        lambda: read(partner, webhook), lambda it: it["previousSecretExpiresAt"] is None
    )
    await complete(partner)
    await assert_eventually(lambda: len(hooks.requests) == 2)
    verify("cr3dentials", hooks.requests[1].headers, hooks.requests[1].body, NEW)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"secret": "short"}, "secret"),
        ({"secret": None}, "secret"),
        ({"secretOverlapSeconds": -1, "secret": NEW}, "secretOverlapSeconds"),
        ({"secretOverlapSeconds": 604_801, "secret": NEW}, "secretOverlapSeconds"),
        ({"signWith": "both", "secret": NEW}, "signWith"),
        ({"payloadTemplate": "{"}, "payloadTemplate"),
        ({"header": {"key": "X-Webhook-Signature", "value": "forged"}}, "header"),
        ({"header": {"key": "two words", "value": "1"}}, "header"),
        ({"header": {"key": "X-Key"}}, "header"),
        ({"url": "ftp://api.yourcompany.com/", "secret": NEW}, "url"),
        ({"status": "inactive"}, "status"),
        ({"events": ["*"]}, "events"),
    ],
    ids=str,
)
async def test_refused_edits(partner: Developer, fields: dict[str, Any], named: str) -> None:
    """An edit that is refused names the document's field, and changes nothing at all."""
    webhook = await partner.register({**partner.call.body, "secret": OLD})
    webhook.pop("secret")
    sent = {"url": "https://api.yourcompany.com/other", **fields}
    answer = await partner.request("patch", f"/{webhook['id']}", sent)
    assert answer.status_code == 422, answer.text
    assert named in answer.json()["errors"][0]["loc"]
    assert NEW not in answer.text
    assert await read(partner, webhook) == webhook


async def test_test_notification(partner: Developer, hooks: Receiver) -> None:
    """A test sends a sample verification, also to an inactive webhook, and tells the outcome."""
    hooks.behave = answering(200, 503)
    webhook = await partner.register({"url": hooks.url, "secret": OLD, "status": "inactive"})
    sent = await act(partner, webhook, "test")
    assert sent == {
        "type": "verification.completed",
        "delivered": True,
        "durationMs": sent["durationMs"],
        "statusCode": 200,
        "responseBody": "ok",
        "error": None,
    }
    request = hooks.requests[0]
    verify("cr3dentials", request.headers, request.body, OLD)
    sample = json.loads(request.body)
    assert (sample.keys(), sample["status"]) == (DOCUMENTED, "success")
    assert sample["data"].keys() == EXPLAINED
    failed = await act(partner, webhook, "test")
    assert (failed["delivered"], failed["statusCode"]) == (False, 503)
    await change(partner, webhook, url=f"http://127.0.0.1:{free_port()}/")
    refused = await act(partner, webhook, "test")
    assert (refused["delivered"], refused["statusCode"]) == (False, None)
    assert "refused" in refused["error"]
    assert (await partner.request("get", f"/{webhook['id']}/logs")).json() == []
    assert (await read(partner, webhook))["successRate"] is None


async def test_test_with_the_example_of_the_catalogue(partner: Developer, hooks: Receiver) -> None:
    """If the catalogue has an example of the type, a test sends it in place of the sample."""
    entry = {"description": "Completed", "example": {"verificationId": "ver_example"}}
    path = "/v1/event-types/verification.completed"
    try:
        assert (await partner.service.http.put(path, json=entry)).is_success
        webhook = await partner.register({"url": hooks.url})
        await act(partner, webhook, "test")
    finally:
        await partner.service.http.delete(path)
    assert json.loads(hooks.requests[0].body)["data"] == entry["example"]


async def test_logs(partner: Developer, hooks: Receiver) -> None:
    """The logs have each delivery with its attempts and errors, and a Link to older ones."""
    hooks.behave = answering(500, 200)
    webhook = await partner.register({"url": hooks.url})
    path = f"/{webhook['id']}/logs"

    async def logs() -> list[dict[str, Any]]:
        return (await partner.request("get", path)).json()

    for number in (1, 2):
        await complete(partner, id=f"evt_{number}")
        await eventually(
            logs, lambda rows, number=number: [it["status"] for it in rows] == ["success"] * number
        )
    newer, older = await logs()
    assert (newer["eventId"], older["eventId"]) == ("evt_2", "evt_1")
    assert [it["statusCode"] for it in older["attempts"]] == [500, 200]
    first = await partner.request("get", path, params={"limit": 1})
    assert first.json() == [newer]
    below = first.headers["link"].split("; ")[0].strip("<>").removeprefix(partner.call.path)
    assert (await partner.request("get", below)).json() == [older]


async def test_inactive_after_its_retries(partner: Developer, hooks: Receiver) -> None:
    """A webhook whose retries have run out is inactive and red; reactivated, it delivers again."""
    hooks.behave = answering(500)
    webhook = await partner.register({"url": hooks.url})
    native = f"{partner.service.root}/endpoints/{webhook['id']}"
    quick = {"retry": {"schedule_seconds": [0.1] * 5}}
    assert (await partner.service.http.patch(native, json=quick)).is_success
    await complete(partner)
    shown = await eventually(lambda: read(partner, webhook), lambda it: it["status"] == "inactive")
    assert (shown["deliveryStatus"], shown["successRate"]) == ("red", 0.0)
    assert len(hooks.requests) == 6
    hooks.behave = answering(200)
    reactivated = await act(partner, webhook, "reactivate")
    assert reactivated["status"] == "active"
    assert reactivated["lastDelivery"] == shown["lastDelivery"] is not None
    await complete(partner)
    await assert_eventually(lambda: len(hooks.requests) == 7)


@pytest.mark.parametrize(
    ("method", "below"),
    [
        ("get", ""),
        ("get", "/logs"),
        ("post", "/test"),
        ("post", "/deactivate"),
        ("post", "/reactivate"),
    ],
)
async def test_webhooks_of_others(partner: Developer, method: str, below: str) -> None:
    """What is another tenant's or another contract's is a 404, and stays as it is."""
    other = await partner.another()
    theirs = await other.register()
    native = await partner.service.add_endpoint("https://hooks.example.com/", contract="standard")
    for webhook_id in (theirs["id"], native["id"], "wh_0"):
        answer = await partner.request(method, f"/{webhook_id}{below}")
        assert (answer.status_code, answer.json()["detail"]) == (404, "there is no such endpoint")
    assert (await read(other, theirs))["status"] == "active"
