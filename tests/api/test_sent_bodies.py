"""The delivery log shows the body of each attempt as it was sent."""

import json
from typing import Any
from urllib.parse import parse_qs

from support.paths import REPOSITORY
from support.receiver import Receiver, answering
from support.stack import Stack, stack
from support.waiting import assert_eventually, eventually
from temporalio.client import Client

from hookwright.contracts import load_contracts
from hookwright.ids import event_workflow_id
from runtime.dev import free_port

DATA = {"name": "Zoë 😀", "n": 1.5}


async def attempts_of(
    service: Stack, endpoint: str, event: str, state: str
) -> list[dict[str, Any]]:
    """Return a delivery's attempts, once it is in this state."""
    delivery = await eventually(
        lambda: service.delivery(endpoint, event), lambda it: it.get("state") == state
    )
    return delivery["attempts"]


async def two_attempts(service: Stack, hooks: Receiver, **config: Any) -> tuple[str, str]:
    """Return an endpoint and an event whose delivery waits after two failed attempts."""
    hooks.behave = answering(500)
    endpoint = await service.add_endpoint(
        hooks.url, retry={"schedule_seconds": [0.1, 600]}, **config
    )
    event = await service.publish(data=DATA)
    await eventually(
        lambda: service.delivery(endpoint["id"], event["id"]),
        lambda it: len(it.get("attempts", ())) == 2 and it["next_attempt_at"],
    )
    return endpoint["id"], event["id"]


def shows(attempt: dict[str, Any], sent: bytes) -> bool:
    """Return whether an attempt shows this body, which is short."""
    return attempt["request_body"].encode() == sent and attempt["request_bytes"] == len(sent)


async def test_a_delivered_body(service: Stack, hooks: Receiver) -> None:
    """The log has the bytes that arrived, and a delivery still has six history events."""
    endpoint = await service.add_endpoint(hooks.url)
    event = await service.publish(data=DATA)
    [attempt] = await attempts_of(service, endpoint["id"], event["id"], "delivered")
    assert shows(attempt, hooks.requests[0].body)
    workflow_id = event_workflow_id(service.tenant, event["id"])
    handle = service.client.get_workflow_handle(workflow_id)
    assert (await handle.describe()).history_length == 6
    stored = b"".join([each.SerializeToString() async for each in handle.fetch_history_events()])
    assert service.task_queue.encode() in stored  # so what is in clear would be found
    assert b"request_body" not in stored
    assert "Zoë".encode() not in stored


async def test_every_attempt_shows_its_body(service: Stack, hooks: Receiver) -> None:
    """Attempts with the same body all show it, while the delivery is pending and after a resend."""
    endpoint, event = await two_attempts(service, hooks)
    hooks.behave = answering(200)
    path = f"{service.root}/deliveries/{endpoint}:{event}/retry"
    for number in (3, 4):
        assert (await service.http.post(path)).status_code == 202
        await assert_eventually(lambda n=number: len(hooks.requests) == n)
        attempts = await attempts_of(service, endpoint, event, "delivered")
        assert len(attempts) == number
        assert all(shows(each, hooks.requests[0].body) for each in attempts)


async def test_a_template_changes_between_attempts(service: Stack, hooks: Receiver) -> None:
    """After a change of the payload template each attempt shows the body that it sent."""
    endpoint, event = await two_attempts(service, hooks, payload_template="{before: data.name}")
    hooks.behave = answering(200)
    changed = await service.http.patch(
        f"{service.root}/endpoints/{endpoint}", json={"payload_template": "{after: data.n}"}
    )
    assert changed.status_code == 200, changed.text
    retried = await service.http.post(f"{service.root}/deliveries/{endpoint}:{event}/retry")
    assert retried.status_code == 202, retried.text
    attempts = await attempts_of(service, endpoint, event, "delivered")
    bodies = [json.loads(each["request_body"]) for each in attempts]
    assert bodies == [{"before": DATA["name"]}] * 2 + [{"after": DATA["n"]}]
    assert all(map(shows, attempts, [each.body for each in hooks.requests]))


async def test_a_form(client: Client, hooks: Receiver) -> None:
    """The body of a contract that sends forms is shown as the form that was sent."""
    contracts = load_contracts(REPOSITORY / "docs/contracts")
    async with stack(client, contracts=contracts) as service:
        endpoint = await service.add_endpoint(
            hooks.url, contract="twilio-like", secret="0123456789abcdef" * 2
        )
        event = await service.publish(type="onMessageAdded", data={"Body": "a b&c=ü"})
        [attempt] = await attempts_of(service, endpoint["id"], event["id"], "delivered")
    assert shows(attempt, hooks.requests[0].body)
    assert parse_qs(attempt["request_body"])["Body"] == ["a b&c=ü"]


async def test_a_long_body_is_cut(service: Stack, hooks: Receiver) -> None:
    """Of a long body the log has the first 2 KiB in whole characters, and the size of all of it."""
    endpoint = await service.add_endpoint(hooks.url, payload_template="data")
    event = await service.publish(data="😀" * 5_000)
    [attempt] = await attempts_of(service, endpoint["id"], event["id"], "delivered")
    body = hooks.requests[0].body
    assert attempt["request_bytes"] == len(body) == 20_002
    assert attempt["request_body"] == '"' + "😀" * 511
    assert body.startswith(attempt["request_body"].encode())


async def test_a_test_event(service: Stack, hooks: Receiver) -> None:
    """The answer to a test of an endpoint shows the body of the test event."""
    endpoint = await service.add_endpoint(hooks.url, payload_template="{test: data.name}")
    path = f"{service.root}/endpoints/{endpoint['id']}/test"
    answer = await service.http.post(path, json={"data": DATA})
    assert answer.status_code == 200, answer.text
    assert shows(answer.json(), hooks.requests[0].body)
    assert json.loads(answer.json()["request_body"]) == {"test": DATA["name"]}


async def test_nothing_was_sent(service: Stack) -> None:
    """Attempts that reach no receiver have no body."""
    endpoint = await service.add_endpoint(
        f"http://127.0.0.1:{free_port()}/", retry={"schedule_seconds": [0.1]}
    )
    event = await service.publish()
    attempts = await attempts_of(service, endpoint["id"], event["id"], "exhausted")
    assert [(each["request_body"], each["request_bytes"]) for each in attempts] == [
        (None, None)
    ] * 2


async def test_erasure_takes_the_body(service: Stack, hooks: Receiver) -> None:
    """After an event's erasure no run of its delivery is left, so no body that was sent."""
    endpoint, event = await two_attempts(service, hooks)
    hooks.behave = answering(200)
    retry = f"{service.root}/deliveries/{endpoint}:{event}/retry"
    for number in (3, 4):  # the fourth is a resend: a run of its own, with the attempts before it
        assert (await service.http.post(retry)).status_code == 202
        attempts = await attempts_of(service, endpoint, event, "delivered")
        await assert_eventually(lambda n=number: len(hooks.requests) == n)
    assert attempts
    assert all(each["request_body"] for each in attempts)
    workflow_id = event_workflow_id(service.tenant, event)

    async def runs() -> int:
        return (await service.client.count_workflows(f"WorkflowId = '{workflow_id}'")).count

    await eventually(runs, lambda it: it == 2)
    erased = await service.http.delete(f"{service.root}/events/{event}/content")
    assert erased.status_code == 200, erased.text
    await eventually(runs, lambda it: it == 0, within=60)
    read = await service.http.get(f"{service.root}/deliveries/{endpoint}:{event}")
    assert read.status_code == 404
