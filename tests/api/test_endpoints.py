"""Endpoints over REST."""

import asyncio

import httpx
import pytest
from support.receiver import Receiver
from support.stack import Stack
from support.waiting import assert_eventually, eventually

from hookwright.webhook import generate_secret

FIELDS = {
    "id", "tenant_id", "url", "event_types", "description", "metadata", "contract", "filter",
    "payload_template", "header_names", "client_certificate", "retry", "timeout_seconds",
    "deactivation", "drain_per_second", "status", "disabled_reason", "health", "failing_since",
    "consecutive_failures", "last_error", "last_delivery_at", "success_rate_hour",
    "success_rate_day", "held", "draining_since", "throttled_until", "next_probe_at", "public_key",
    "health_reason", "last_attempt_at", "holding_since", "rate_limit_per_second", "ordering",
    "on_give_up", "waiting", "waiting_since", "blocked_by",
    "secrets", "created_at", "updated_at", "version", "channels",
}  # fmt: skip
GIVEN = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="


async def test_create_read_list_change_delete(service: Stack) -> None:
    """From creation to deletion every field is always answered, and the secret only once."""
    created = await service.add_endpoint(
        "https://Hooks.Example.com/in",
        event_types=["loan.*"],
        description="loans",
        metadata={"team": "a"},
        filter="data.amount > `1000`",
        retry={"strategy": "fixed", "max_retries": 2, "delay_seconds": 30},
        timeout_seconds=5,
    )
    path = f"{service.root}/endpoints/{created['id']}"
    assert set(created) == FIELDS | {"secret"}
    assert created["url"] == "https://hooks.example.com/in"
    assert (created["contract"], created["status"], created["version"]) == ("standard", "active", 1)
    read = (await service.http.get(path)).json()
    assert read == {name: created[name] for name in FIELDS}
    listed = (await service.http.get(f"{service.root}/endpoints")).json()
    assert listed == {"data": [read], "next_cursor": None}
    changed = await service.http.patch(path, json={"description": "", "retry": None})
    assert changed.json() == {
        **read,
        "description": "",
        "retry": None,
        "version": 2,
        "updated_at": changed.json()["updated_at"],
    }
    assert (await service.http.delete(path)).status_code == 204
    for again in (service.http.get(path), service.http.delete(path)):
        assert (await again).status_code == 404
    assert (await service.http.get(f"{service.root}/endpoints")).json()["data"] == []


BAD_FIELDS = {
    "loopback": {"url": "https://127.0.0.2.nip.example:22/"},
    "scheme": {"url": "ftp://hooks.example.com/"},
    "user": {"url": "https://user:pw@hooks.example.com/"},
    "metadata service": {"url": "https://metadata.google.internal/"},
    "no url": {},
    "type": {"url": "https://hooks.example.com/", "event_types": ["a..b"]},
    "contract": {"url": "https://hooks.example.com/", "contract": "nonesuch"},
    "secret": {"url": "https://hooks.example.com/", "secret": "whsec_c2hvcnQ="},
    "filter": {"url": "https://hooks.example.com/", "filter": "data["},
    "deep filter": {"url": "https://hooks.example.com/", "filter": "[" * 1000},
    "retry": {"url": "https://hooks.example.com/", "retry": {"schedule_seconds": [0]}},
    "too many retries": {
        "url": "https://hooks.example.com/",
        "retry": {"schedule_seconds": [1] * 31},
    },
    "timeout": {"url": "https://hooks.example.com/", "timeout_seconds": 61},
    "unknown field": {"url": "https://hooks.example.com/", "colour": "red"},
    "mass assignment": {"url": "https://hooks.example.com/", "version": 7},
    "large": {"url": "https://hooks.example.com/", "metadata": {"k": "v" * 5000}},
}


@pytest.mark.parametrize("name", BAD_FIELDS)
async def test_bad_endpoint_is_refused(service: Stack, name: str) -> None:
    """A bad field gets a 422 that names it, and no endpoint is made."""
    answer = await service.http.post(f"{service.root}/endpoints", json=BAD_FIELDS[name])
    assert answer.status_code == 422, answer.text
    [fault] = answer.json()["errors"][:1]
    expected = (list(BAD_FIELDS[name]) or ["url"])[-1]
    assert expected in fault["loc"]
    assert "c2hvcnQ" not in answer.text
    assert (await service.http.get(f"{service.root}/endpoints")).json()["data"] == []


async def test_bad_change_is_refused(service: Stack) -> None:
    """A change that is not valid is a 422 and changes nothing."""
    created = await service.add_endpoint("https://hooks.example.com/")
    path = f"{service.root}/endpoints/{created['id']}"
    for change in ({"url": None}, {"url": "http://10.0.0.1/"}, {"version": 9}, {"event_types": []}):
        assert (await service.http.patch(path, json=change)).status_code == 422
    assert (await service.http.get(path)).json()["version"] == 1


async def test_given_secret_and_idempotency_key(service: Stack) -> None:
    """A repeat under one Idempotency-Key creates nothing new; with another body it is a 409."""
    headers = {"Idempotency-Key": "register once"}
    body = {"url": "https://hooks.example.com/", "secret": GIVEN}
    path = f"{service.root}/endpoints"

    async def create(**more: object) -> httpx.Response:
        return await service.http.post(path, json={**body, **more}, headers=headers)

    first, second = await asyncio.gather(create(), create())
    assert (first.status_code, first.json()["secret"]) == (201, GIVEN)
    assert second.json() == first.json()
    assert (await create(description="another")).status_code == 409
    assert (await create(secret=generate_secret())).status_code == 409
    assert len((await service.http.get(path)).json()["data"]) == 1


async def test_subscription_decides(service: Stack, hooks: Receiver) -> None:
    """Only endpoints whose types and filter fit get an event, and `endpoint_id` narrows it."""
    every = await service.add_endpoint(f"{hooks.url}/every")
    await service.add_endpoint(f"{hooks.url}/loans", event_types=["loan.*"])
    await service.add_endpoint(f"{hooks.url}/large", filter="data.amount > `1000`")
    await service.publish(id="evt_1", type="loan.funded", data={"amount": 5000})
    await service.publish(id="evt_2", type="invoice.paid", data={"amount": 5})
    await service.publish(id="evt_3", type="loan.funded", data={}, endpoint_id=every["id"])
    expected = {
        ("/hooks/every", "evt_1"), ("/hooks/loans", "evt_1"), ("/hooks/large", "evt_1"),
        ("/hooks/every", "evt_2"), ("/hooks/every", "evt_3"),
    }  # fmt: skip
    await assert_eventually(
        lambda: sorted((r.path, r.webhook_id) for r in hooks.requests) == sorted(expected)
    )


async def test_pages_of_endpoints(service: Stack) -> None:
    """Cursors walk all endpoints exactly once; a forged or foreign one is a 422."""
    ids = [(await service.add_endpoint("https://hooks.example.com/"))["id"] for _ in range(5)]
    path, seen, cursor = f"{service.root}/endpoints", [], None
    while True:
        params = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = (await service.http.get(path, params=params)).json()
        seen += [row["id"] for row in page["data"]]
        first_cursor = cursor or page["next_cursor"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == ids
    other = await service.with_new_tenant()
    for place, forged in (
        (service, "AAAA"),
        (service, first_cursor[:-4] + "AAAA"),
        (other, first_cursor),
    ):
        answer = await service.http.get(f"{place.root}/endpoints", params={"cursor": forged})
        assert answer.status_code == 422


async def test_create_paused(service: Stack, hooks: Receiver) -> None:
    """An endpoint that is created paused gets nothing before it is resumed, in one update."""
    created = await service.add_endpoint(hooks.url, status="paused")
    assert (created["status"], created["version"]) == ("paused", 1)
    event = await service.publish()
    held = await eventually(
        lambda: service.delivery(created["id"], event["id"]), lambda it: it.get("state") == "held"
    )
    assert held["attempts"] == []
    assert hooks.requests == []
    resumed = await service.http.post(f"{service.root}/endpoints/{created['id']}/resume")
    assert resumed.json()["status"] == "active"
    await assert_eventually(lambda: len(hooks.requests) == 1)


async def test_the_first_status_is_active_or_paused(service: Stack) -> None:
    """Nobody creates a disabled endpoint, and a status cannot be set by PATCH."""
    root = f"{service.root}/endpoints"
    body = {"url": "https://hooks.example.com/", "status": "disabled"}
    assert (await service.http.post(root, json=body)).status_code == 422
    created = await service.add_endpoint("https://hooks.example.com/", status="active")
    changed = await service.http.patch(f"{root}/{created['id']}", json={"status": "paused"})
    assert (created["status"], changed.status_code) == ("active", 422)


async def test_a_repeat_with_another_status_is_another_request(service: Stack) -> None:
    """An idempotency key stands for one first status: the other one under it is refused."""
    root, headers = f"{service.root}/endpoints", {"Idempotency-Key": "k"}
    body = {"url": "https://hooks.example.com/", "status": "paused"}
    first, again = [await service.http.post(root, json=body, headers=headers) for _ in range(2)]
    assert (first.status_code, again.json()) == (201, first.json())
    other = await service.http.post(root, json={**body, "status": "active"}, headers=headers)
    assert other.status_code == 409
