"""The main job, end to end: a real server, worker, API and receiver."""

import json

import pytest
from standardwebhooks import Webhook
from support.receiver import Receiver, answering
from support.stack import Stack
from support.waiting import assert_eventually, eventually
from svix.webhooks import Webhook as SvixWebhook

from hookwright.ids import delivery_workflow_id, event_workflow_id

pytestmark = pytest.mark.cluster


async def test_signed_delivery(service: Stack, hooks: Receiver) -> None:
    """A published event arrives once, signed so that strangers' libraries verify it."""
    endpoint = await service.add_endpoint(hooks.url)
    event = await service.publish(data={"amount": 1500, "who": "zoë"})
    await assert_eventually(lambda: len(hooks.requests) == 1)
    [request] = hooks.requests
    for verifier in (Webhook, SvixWebhook):
        verifier(endpoint["secret"]).verify(request.body, request.headers)
    body = json.loads(request.body)
    assert body == {
        "type": "loan.funded",
        "timestamp": event["created_at"][:19] + "Z",
        "data": {"amount": 1500, "who": "zoë"},
    }
    assert request.webhook_id == event["id"]
    delivery = await eventually(
        lambda: service.delivery(endpoint["id"], event["id"]),
        lambda it: it.get("state") == "delivered",
    )
    assert [a["outcome"] for a in delivery["attempts"]] == ["delivered"]


async def test_failed_attempt_is_retried_and_recorded(service: Stack, hooks: Receiver) -> None:
    """After a 500 and a 503 the third attempt delivers, and the log shows all three."""
    hooks.behave = answering(500, 503, 200)
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": [0.2, 0.2]})
    event = await service.publish()
    delivery = await eventually(
        lambda: service.delivery(endpoint["id"], event["id"]),
        lambda it: it.get("state") == "delivered",
    )
    assert [a["status_code"] for a in delivery["attempts"]] == [500, 503, 200]
    assert [a["number"] for a in delivery["attempts"]] == [1, 2, 3]
    assert hooks.ids() == [event["id"]] * 3


async def test_delivered_deliveries_leave_few_events(service: Stack, hooks: Receiver) -> None:
    """A delivery that is delivered at once has six history events, and an event to two has six."""
    endpoints = [await service.add_endpoint(hooks.url) for _ in range(2)]
    event = await service.publish()
    ids = [event_workflow_id(service.tenant, event["id"])] + [
        delivery_workflow_id(service.tenant, each["id"], event["id"]) for each in endpoints
    ]
    await assert_eventually(lambda: len(hooks.requests) == 2)
    for workflow_id in ids:
        handle = service.client.get_workflow_handle(workflow_id)
        await handle.result()
        assert (await handle.describe()).history_length == 6
