"""The pages of logs, health, recoveries and event types in a real browser, in all looks."""

import pytest
from playwright.async_api import Page
from support.looks import check
from support.portal import Portal
from support.receiver import Receiver, Reply
from support.recoveries import LONG_AGO, begin
from support.stack import unique
from support.waiting import eventually

HOSTILE = b'{"error": "<img src=x onerror=alert(1)> ' + b"long-word" * 30 + b'"}'


@pytest.mark.timeout(300)
async def test_pages_of_logs_and_health(portal: Portal, hooks: Receiver, page: Page) -> None:
    """Each page, empty, full, and with a refused form, can be used by everybody."""
    service = portal.service
    await portal.open(page, "/portal/deliveries")
    await check(page, "deliveries-empty")
    hooks.behave = lambda it: Reply(200 if b"good" in it.body else 500, body=HOSTILE)
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": [0.1]})
    for data, state in (({"good": True}, "delivered"), ({"bad": True}, "exhausted")):
        event = await service.publish(data=data)
        await eventually(
            lambda event=event: service.delivery(endpoint["id"], event["id"]),
            lambda it, state=state: it.get("state") == state,
        )
    recovery = await begin(service, endpoint, status="failed", since=LONG_AGO, rate_per_second=0.1)
    event_type = f"{unique('x')}/create:v2"
    example = {"json_schema": {"type": "object"}, "example": {"n": 1}, "deprecated": True}
    assert (await service.http.put(f"/v1/event-types/{event_type}", json=example)).is_success
    for name, path in {
        "deliveries": f"/portal/deliveries?endpoint_id={endpoint['id']}",
        "deliveries-faulty": "/portal/deliveries?event_type=a%20b",
        "delivery": f"/portal/deliveries/{endpoint['id']}:{event['id']}",
        "health": f"/portal/endpoints/{endpoint['id']}/health",
        "recover": f"/portal/endpoints/{endpoint['id']}/recover",
        "recovery": f"/portal/recoveries/{recovery['id']}",
        "event-types": "/portal/event-types",
        "event-type": f"/portal/event-types/{event_type}",
    }.items():
        await page.goto(portal.url + path)
        await check(page, name)
