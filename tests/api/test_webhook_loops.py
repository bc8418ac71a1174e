"""An endpoint whose URL leads back to this API: its webhooks publish a few times, not for ever."""

import httpx
import pytest
from support.facades import key_of
from support.receiver import Received, Receiver
from support.stack import Stack, unique
from support.waiting import assert_eventually, eventually

from hookwright.webhook import MAX_HOPS, user_agent

PUBLISH = {"type": "loan.funded", "data": {}}
AS_SENT = "{type: type, data: data}"


async def passed_on(service: Stack, path: str, webhook: Received) -> httpx.Response:
    """Send a webhook to this API, as its endpoint would if the URL were the API's."""
    content_type = {"content-type": "application/json"}
    marks = {"user-agent": webhook.headers["user-agent"]}
    return await service.http.post(path, content=webhook.body, headers=content_type | marks)


@pytest.mark.parametrize(
    ("path", "template"),
    [("/events", AS_SENT), ("/events/batch", "{events: [" + AS_SENT + "]}")],
)
async def test_a_loop_ends(service: Stack, hooks: Receiver, path: str, template: str) -> None:
    """Each webhook publishes the next event, until there are too many: a 403, and no event."""
    await service.add_endpoint(hooks.url, payload_template=template)
    await service.publish(**PUBLISH)
    for hops in range(MAX_HOPS + 1):
        await assert_eventually(lambda hops=hops: len(hooks.requests) > hops)
        webhook = hooks.requests[hops]
        assert webhook.headers["user-agent"] == user_agent(hops)
        answer = await passed_on(service, service.root + path, webhook)
        assert answer.status_code == (202 if hops < MAX_HOPS else 403), answer.text
    assert answer.json()["type"].endswith("#webhook-loop")
    assert f"at most {MAX_HOPS}" in answer.json()["detail"]

    async def listed() -> list[dict[str, object]]:
        return (await service.http.get(f"{service.root}/events")).json()["data"]

    # An event is listed within a second of its publish, not at once.
    events = await eventually(listed, lambda found: len(found) > MAX_HOPS)
    assert len(events) == MAX_HOPS + 1
    assert not any("hops" in event for event in events)


async def test_the_same_event_again(service: Stack) -> None:
    """A webhook that publishes an id that is taken gets the first answer, whatever led to it."""
    event = {"id": unique("evt"), **PUBLISH}
    first = await service.publish(**event)
    marked = {"user-agent": user_agent(1)}
    again = await service.http.post(f"{service.root}/events", json=event, headers=marked)
    assert again.json() == {**first, "duplicate": True}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/endpoints"),
        ("POST", "/endpoints/ep_1/test"),
        ("POST", "/endpoints/ep_1/recover"),
        ("POST", "/deliveries/ep_1:evt_1/retry"),
        ("POST", "/events/evt_1/cancel"),
        ("PUT", ""),
        ("DELETE", ""),
    ],
)
async def test_a_webhook_changes_nothing_else(service: Stack, method: str, path: str) -> None:
    """A webhook may not resend, test or change anything: nothing would count that."""
    marked = {"user-agent": user_agent(0)}
    answer = await service.http.request(method, service.root + path, json={}, headers=marked)
    assert answer.status_code == 403
    assert answer.json()["type"].endswith("#webhook-loop")
    assert (await service.http.get(service.root, headers=marked)).status_code == 200


async def test_a_facade_refuses_it_too(service: Stack) -> None:
    """The routes of facades are behind the same check."""
    headers = {**key_of(service.tenant), "user-agent": user_agent(0)}
    answer = await service.http.post("/v1/webhooks", json={}, headers=headers)
    assert answer.status_code == 403
