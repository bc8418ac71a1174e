"""Each facade's answers, field by field, as its document prints them."""

import re
from datetime import UTC, datetime

import pytest
from support.facades import CALLS, Developer
from support.receiver import Receiver, answering
from support.stack import Stack
from support.waiting import assert_eventually, eventually

pytestmark = pytest.mark.usefixtures("large_tenant")

WHOLE_SECONDS = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ")
SECRET = re.compile(r"whsec_[A-Za-z0-9+/]{43}=")


def developer_at(service: Stack, contract: str) -> Developer:
    return Developer(service, CALLS[contract])


def age(text: str) -> float:
    """Return the seconds since a time that is written as the documents do."""
    assert WHOLE_SECONDS.fullmatch(text), text
    return (datetime.now(UTC) - datetime.fromisoformat(text)).total_seconds()


async def test_reflow(service: Stack) -> None:
    """The answer has the five documented fields: `wh_` id, what was sent, status, whole seconds."""
    it = developer_at(service, "reflow")
    created = await it.register()
    assert re.fullmatch(r"wh_[0-9a-f]+", created["id"])
    assert 0 <= age(created["created_at"]) < 60
    assert created == {
        "id": created["id"],
        "url": "https://your-app.com/webhooks/reflow",
        "events": ["loan.funded", "investment.created", "repayment.received"],
        "status": "active",
        "created_at": created["created_at"],
    }


@pytest.mark.parametrize("secret", ["short", "x" * 257, "tab\tin_a_long_secret", None])
@pytest.mark.parametrize("contract", ["reflow", "plain"])
async def test_bad_secrets(service: Stack, contract: str, secret: str | None) -> None:
    """A secret that cannot sign is a 422 that names the field and never repeats the secret."""
    it = developer_at(service, contract)
    answer = await it.request("post", json={**it.call.body, "secret": secret})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["body", "secret"]
    assert secret is None or secret not in answer.text
    assert await it.listed() == []


@pytest.mark.parametrize("contract", ["clearway", "dossier"])
async def test_secrets_are_not_given(service: Stack, contract: str) -> None:
    """Where the document makes the secret, a given one is a field that it does not have."""
    it = developer_at(service, contract)
    answer = await it.request("post", json={**it.call.body, "secret": "sixteen_and_more"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["body", "secret"]


async def test_secrets_are_not_changed(service: Stack) -> None:
    """Only the document of cr3dentials has a secret among the fields that change."""
    for contract in CALLS.keys() - {"cr3dentials"}:
        it = developer_at(service, contract)
        path = f"/{(await it.register())['id']}"
        answer = await it.request("patch", path, {**it.call.change, "secret": "another_secret_1"})
        assert answer.status_code == 422


async def test_plain(service: Stack) -> None:
    """The document's own body, its short secret too, is taken; the answer has its field names."""
    it = developer_at(service, "plain")
    created = await it.register()
    assert 0 <= age(created["createdAt"]) < 60
    assert created == {
        "id": created["id"],
        "url": "https://client.com/webhooks/orders",
        "events": ["order.created", "order.shipped"],
        "createdAt": created["createdAt"],
    }
    path = f"/{created['id']}"
    changed = await it.request("patch", path, {"url": "https://client.com/new"})
    assert changed.json() == {**created, "url": "https://client.com/new"}


async def test_plain_delivery_log(service: Stack, hooks: Receiver) -> None:
    """The log has each delivery of the webhook with its attempts, and a Link to the next page."""
    it = developer_at(service, "plain")
    hooks.behave = answering(200, 302)
    webhook = await it.register({**it.call.body, "url": hooks.url})
    path = f"/{webhook['id']}/deliveries"
    for number, status in ((1, "success"), (2, "failed")):
        await service.publish(id=f"evt_{number}", type="order.shipped")

        async def log() -> list[dict[str, object]]:
            return (await it.request("get", path)).json()

        await eventually(log, lambda rows, status=status: rows and rows[0]["status"] == status)
    failed, delivered = await log()
    assert [failed["eventId"], delivered["eventId"]] == ["evt_2", "evt_1"]
    [attempt] = failed["attempts"]
    assert (attempt["statusCode"], attempt["number"]) == (302, 1)
    assert attempt["durationMs"] >= 0
    assert 0 <= age(attempt["startedAt"]) < 60
    assert set(attempt) == {
        "number", "startedAt", "durationMs", "statusCode", "responseBody", "error",
    }  # fmt: skip
    assert delivered == {
        "id": f"{webhook['id']}:evt_1",
        "eventId": "evt_1",
        "type": "order.shipped",
        "status": "success",
        "attempts": delivered["attempts"],
        "nextAttemptAt": None,
        "createdAt": delivered["createdAt"],
    }
    first = await it.request("get", path, params={"limit": 1})
    assert first.json() == [failed]
    following, relation = first.headers["link"].split("; ")
    assert relation == 'rel="next"'
    below = following.strip("<>").removeprefix(it.call.path)
    second = await it.request("get", below)
    assert second.json() == [delivered]
    assert "link" not in (await it.request("get", path)).headers


async def test_plain_delivery_log_of_others(service: Stack) -> None:
    """The log of another tenant's webhook, or of another contract's endpoint, is a 404."""
    it = developer_at(service, "plain")
    theirs = (await (await it.another()).register())["id"]
    native = (await service.add_endpoint("https://hooks.example.com/"))["id"]
    for endpoint_id in (theirs, native, "wh_0"):
        answer = await it.request("get", f"/{endpoint_id}/deliveries")
        assert answer.status_code == 404


async def test_clearway(service: Stack) -> None:
    """Answers stand under `data`; the secret is in the create answer only."""
    it = developer_at(service, "clearway")
    answer = await it.request("post", json=it.call.body)
    assert (answer.status_code, set(answer.json())) == (201, {"data"})
    created = answer.json()["data"]
    assert SECRET.fullmatch(created["secret"])
    assert abs(created["created"] - datetime.now(UTC).timestamp()) < 60
    assert isinstance(created["created"], int)
    assert created == {
        "id": created["id"],
        "url": "https://your-app.com/webhooks/clearway",
        "events": ["capital_call.created", "capital_call.approved", "payment.received"],
        "enabled": True,
        "secret": created["secret"],
        "created": created["created"],
    }
    without = {name: value for name, value in created.items() if name != "secret"}
    assert (await it.request("get")).json() == {"data": [without]}
    changed = await it.request("patch", f"/{created['id']}", {"enabled": True})
    assert changed.json() == {"data": without}


async def test_clearway_disabled(service: Stack, hooks: Receiver) -> None:
    """While a webhook is not `enabled` its deliveries are held; enabled again, it gets them."""
    it = developer_at(service, "clearway")
    created = await it.register({"url": hooks.url, "events": ["*"], "enabled": False})
    assert created["enabled"] is False
    await service.publish(endpoint_id=created["id"])
    changed = await it.request("patch", f"/{created['id']}", {"enabled": True})
    assert changed.json()["data"]["enabled"] is True
    await assert_eventually(lambda: len(hooks.requests) == 1)
    await it.request("patch", f"/{created['id']}", {"enabled": False})
    assert [webhook["enabled"] for webhook in await it.listed()] == [False]


async def test_dossier(service: Stack) -> None:
    """The answer has the documented fields: a number for an id, the policy as sent, the secret."""
    it = developer_at(service, "dossier")
    created = await it.register()
    assert isinstance(created["id"], int)
    assert 0 < created["id"] < 2**53
    assert SECRET.fullmatch(created["secret"])
    assert 0 <= age(created["createdAt"]) < 60
    assert created == {
        "id": created["id"],
        "name": "Production Webhook",
        "url": "https://your-app.com/webhooks/endpoint",
        "eventType": "dossier.created",
        "status": "ACTIVE",
        "secret": created["secret"],
        "retryPolicy": {
            "maxRetries": 3,
            "retryDelaySeconds": 60,
            "backoffStrategy": "exponential",
        },
        "createdAt": created["createdAt"],
    }
    without = {name: value for name, value in created.items() if name != "secret"}
    read = await it.request("get", f"/{created['id']}")
    assert (read.status_code, read.json()) == (200, without)
    native = await service.http.get(f"{service.root}/endpoints/{created['id']}")
    assert native.json()["description"] == "Receive notifications for new dossiers"
    assert native.json()["retry"] == {
        "strategy": "exponential",
        "max_retries": 3,
        "delay_seconds": 60,
    }


async def test_dossier_retry_policies(service: Stack) -> None:
    """A policy is answered as it was sent; without one, and after null, it is the contract's."""
    it = developer_at(service, "dossier")
    contracts = {"maxRetries": 3, "retryDelaySeconds": 60, "backoffStrategy": "exponential"}
    fixed = {"maxRetries": 5, "retryDelaySeconds": 300, "backoffStrategy": "fixed"}
    none = {"maxRetries": 0, "retryDelaySeconds": 7, "backoffStrategy": "exponential"}
    body = {name: value for name, value in it.call.body.items() if name != "retryPolicy"}
    created = await it.register(body)
    assert created["retryPolicy"] == contracts
    for sent, answered in ((fixed, fixed), (none, none), (None, contracts)):
        path = f"/{created['id']}"
        changed = await it.request("patch", path, {"retryPolicy": sent})
        assert changed.json()["retryPolicy"] == answered
        assert (await it.request("get", path)).json() == changed.json()
    native = f"{service.root}/endpoints/{created['id']}"
    await service.http.patch(native, json={"retry": {"schedule_seconds": [0.5, 9, 9]}})
    nearest = {"maxRetries": 3, "retryDelaySeconds": 1, "backoffStrategy": "exponential"}
    assert (await it.request("get", path)).json()["retryPolicy"] == nearest


@pytest.mark.parametrize(
    ("policy", "field"),
    [
        ({"maxRetries": 31}, "maxRetries"),
        ({"maxRetries": -1}, "maxRetries"),
        ({"retryDelaySeconds": 0}, "retryDelaySeconds"),
        ({"retryDelaySeconds": 604_801}, "retryDelaySeconds"),
        ({"backoffStrategy": "linear"}, "backoffStrategy"),
        ({"max_retries": 3}, "max_retries"),
    ],
)
async def test_dossier_bad_policies(service: Stack, policy: dict[str, object], field: str) -> None:
    """A policy that cannot be followed is a 422 that names the document's field."""
    it = developer_at(service, "dossier")
    wrong = {**it.call.body["retryPolicy"], **policy}
    answer = await it.request("post", json={**it.call.body, "retryPolicy": wrong})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["body", "retryPolicy", field]


async def test_dossier_changes(service: Stack) -> None:
    """Each field changes by itself; the rest, and metadata that is not the name, stays."""
    it = developer_at(service, "dossier")
    created = await it.register()
    del created["secret"]
    native = f"{service.root}/endpoints/{created['id']}"
    metadata = {"name": "Production Webhook", "team": "a"}
    await service.http.patch(native, json={"metadata": metadata})
    for change in ({"name": "Renamed"}, {"url": "https://your-app.com/2"}, {"description": "d"}):
        answer = await it.request("patch", f"/{created['id']}", change)
        shown = {name: value for name, value in change.items() if name in created}
        created |= shown
        assert answer.json() == created
    read = (await service.http.get(native)).json()
    assert read["metadata"] == {"name": "Renamed", "team": "a"}
    assert read["description"] == "d"


async def test_dossier_of_the_native_routes(service: Stack) -> None:
    """An endpoint that has no number is not listed, and one with several types names them all."""
    it = developer_at(service, "dossier")
    await service.add_endpoint("https://hooks.example.com/", contract="dossier")
    created = await it.register()
    types = ["dossier.created", "message.*"]
    native = f"{service.root}/endpoints/{created['id']}"
    await service.http.patch(native, json={"event_types": types, "metadata": {}})
    [listed] = await it.listed()
    assert (listed["id"], listed["name"]) == (created["id"], "")
    assert listed["eventType"] == "dossier.created,message.*"
