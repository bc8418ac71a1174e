"""Straight from a service that has a Temporal client, and through the codec endpoint."""

import json
from base64 import b64encode

import pytest
from google.protobuf import json_format
from support.receiver import Receiver
from support.stack import CODEC, CODEC_TOKEN, Stack, stack, unique
from support.waiting import assert_eventually, eventually
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowUpdateFailedError,
)
from temporalio.common import RawValue
from temporalio.exceptions import WorkflowAlreadyStartedError

import hookwright
from hookwright.models import EventInput
from hookwright.temporal import EncryptionCodec, connect, publish
from runtime.dev import EmbeddedServer


async def test_publish_from_a_service(service: Stack, hooks: Receiver) -> None:
    """`hookwright.publish` delivers; a repeat says that the event was accepted before."""
    await service.add_endpoint(hooks.url)
    event = EventInput(tenant_id=service.tenant, id="evt_1", type="loan.funded", data={"n": 1})
    await publish(service.client, event, task_queue=service.task_queue)
    await assert_eventually(lambda: hooks.ids() == ["evt_1"])
    with pytest.raises(WorkflowAlreadyStartedError):
        await publish(service.client, event, task_queue=service.task_queue)


async def test_the_front_door(
    service: Stack, server: EmbeddedServer, hooks: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two names are all that a service needs: it connects by its environment, and publishes."""
    keys = [f"{name}:{b64encode(key).decode()}" for name, key in CODEC.key_ring.items()]
    monkeypatch.setenv("HOOKWRIGHT_ENCRYPTION_KEYS", ",".join(keys))
    monkeypatch.setenv("TEMPORAL_ADDRESS", server.address)
    await service.add_endpoint(hooks.url)
    client = await hookwright.connect()
    event = {"tenant_id": service.tenant, "id": "evt_1", "type": "loan.funded", "data": {"n": 1}}
    await hookwright.publish(client, event, task_queue=service.task_queue)
    await assert_eventually(lambda: hooks.ids() == ["evt_1"])
    with pytest.raises(ValueError, match="data"):
        await hookwright.publish(client, {**event, "data": float("inf")})


@pytest.mark.parametrize(
    ("keys", "fault"), [(None, "is not set"), ("k1", "name:value"), ("k1:AAAA", "not 32 bytes")]
)
async def test_the_front_door_wants_the_keys(
    keys: str | None, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the API's keys nobody connects: nothing is ever stored in clear."""
    monkeypatch.delenv("HOOKWRIGHT_ENCRYPTION_KEYS", raising=False)
    if keys:
        monkeypatch.setenv("HOOKWRIGHT_ENCRYPTION_KEYS", keys)
    with pytest.raises(ValueError, match=f"HOOKWRIGHT_ENCRYPTION_KEYS.*{fault}"):
        await hookwright.connect()


async def test_start_by_name_with_a_plain_client(service: Stack, hooks: Receiver) -> None:
    """A workflow started by name, as any SDK can, delivers, and lists and REST know the event."""
    await service.add_endpoint(hooks.url)
    await service.client.start_workflow(
        "Event",
        {"tenant_id": service.tenant, "id": "evt_1", "type": "loan.funded", "data": {"n": 1}},
        id=f"event:{service.tenant}:evt_1",
        task_queue=service.task_queue,
    )
    await assert_eventually(lambda: hooks.ids() == ["evt_1"])
    read = (await service.http.get(f"{service.root}/events/evt_1")).json()
    assert json.loads(hooks.requests[0].body)["timestamp"] == read["created_at"][:19] + "Z"

    async def listed() -> list[str]:
        answer = await service.http.get(f"{service.root}/events", params={"type": "loan.funded"})
        return [row["id"] for row in answer.json()["data"]]

    await eventually(listed, lambda ids: ids == ["evt_1"])
    assert (await service.publish(id="evt_1", data={"n": 1}))["duplicate"]


@pytest.mark.parametrize(
    "argument",
    [7, {}, {"tenant_id": "a.b", "id": "evt_1", "type": "a", "data": 1}, {"colour": "red"}],
)
async def test_bad_argument_fails_the_workflow(service: Stack, argument: object) -> None:
    """What is no event fails its workflow at once, naming the fault; nothing retries for ever."""
    handle = await service.client.start_workflow(
        "Event", argument, id=f"event:{service.tenant}:bad", task_queue=service.task_queue
    )
    with pytest.raises(WorkflowFailureError) as failure:
        await handle.result()
    assert failure.value.cause.type == "invalid_event"


async def test_workflow_id_must_be_the_events(service: Stack) -> None:
    """A workflow id that is not derived from the event is refused: it could be accepted twice."""
    argument = {"tenant_id": service.tenant, "id": "evt_1", "type": "a", "data": 1}
    handle = await service.client.start_workflow(
        "Event", argument, id=f"event:{service.tenant}:other", task_queue=service.task_queue
    )
    with pytest.raises(WorkflowFailureError) as failure:
        await handle.result()
    assert "workflow id must be" in failure.value.cause.message


@pytest.mark.parametrize(
    "payload",
    [
        Payload(metadata={"encoding": b"json/plain"}, data=b'{"data": "\\ud800"}'),
        Payload(metadata={"encoding": b"json/plain"}, data=b"[" * 300 + b"]" * 300),
        Payload(metadata={"encoding": b"json/plain"}, data=b"not JSON"),
        Payload(metadata={"encoding": b"unheard/of"}, data=b"x"),
    ],
    ids=["surrogate", "deep", "not JSON", "encoding"],
)
async def test_unreadable_argument_fails_the_workflow(service: Stack, payload: Payload) -> None:
    """What no converter can read fails its workflow too; the tenant's lists go on."""
    workflow_id = f"event:{service.tenant}:bad"
    handle = await service.client.start_workflow(
        "Event", RawValue(payload), id=workflow_id, task_queue=service.task_queue
    )
    with pytest.raises(WorkflowFailureError) as failure:
        await handle.result()
    assert failure.value.cause.type == "invalid_event"
    assert (await service.http.get(f"{service.root}/events/bad")).status_code == 409
    assert (await service.http.get(f"{service.root}/events")).status_code == 200


async def test_clear_payloads_are_refused_if_wished(
    server: EmbeddedServer, client: Client, hooks: Receiver
) -> None:
    """Then an event in clear fails, a signal in clear does nothing, and all else goes on."""
    strict = await connect(
        EncryptionCodec(CODEC.key_ring, refuses_clear=True), target_host=server.address
    )
    keyless = await Client.connect(server.address, namespace=client.namespace)
    async with stack(strict) as service:
        endpoint = await service.add_endpoint(hooks.url)
        argument = {"tenant_id": service.tenant, "id": "bad", "type": "loan.funded", "data": {}}
        handle = await keyless.start_workflow(
            "Event", argument, id=f"event:{service.tenant}:bad", task_queue=service.task_queue
        )
        with pytest.raises(WorkflowFailureError):
            await handle.result()
        description = await service.client.get_workflow_handle(handle.id).describe()
        assert description.status is WorkflowExecutionStatus.FAILED
        tenant = keyless.get_workflow_handle(f"tenant:{service.tenant}")
        with pytest.raises(WorkflowUpdateFailedError):
            await tenant.execute_update("delete", {"erase": True})
        event = await service.publish()
        await assert_eventually(lambda: event["id"] in hooks.ids())
        assert hooks.ids() == [event["id"]]
        kept = await service.http.get(f"{service.root}/endpoints/{endpoint['id']}")
        assert kept.status_code == 200


async def test_event_under_a_foreign_key(service: Stack, server: EmbeddedServer) -> None:
    """An event encrypted with a key that we lack spoils no list, and is a 409 that says so."""
    stranger = await connect(EncryptionCodec({"k9": bytes(32)}), target_host=server.address)
    event = EventInput(tenant_id=service.tenant, id="evt_9", type="loan.funded", data=1)
    await publish(stranger, event, task_queue=unique("queue"))
    await service.publish(id="evt_1")

    async def listed() -> list[str]:
        answer = await service.http.get(f"{service.root}/events")
        return [row["id"] for row in answer.json()["data"]]

    await eventually(listed, lambda ids: ids == ["evt_1"])
    read = await service.http.get(f"{service.root}/events/evt_9")
    assert read.status_code == 409
    assert "HOOKWRIGHT_ENCRYPTION_KEYS" in read.json()["detail"]


async def test_codec_endpoint(service: Stack) -> None:
    """The UI's origin, with the token in the URL, gets clear text; others get nothing."""
    await service.publish(id="evt_1", data={"clear": "text"})
    handle = service.client.get_workflow_handle(f"event:{service.tenant}:evt_1")
    async for entry in handle.fetch_history_events(page_size=1):
        stored = entry.workflow_execution_started_event_attributes.input
        break
    assert b"clear" not in stored.SerializeToString()
    body = json_format.MessageToJson(stored)
    path = f"/codec/{CODEC_TOKEN}/decode"
    ui = {"origin": "http://localhost:8233", "content-type": "application/json"}
    answer = await service.http.post(path, content=body, headers={**ui, "authorization": ""})
    [payload] = json_format.Parse(answer.text, Payloads()).payloads
    assert json.loads(payload.data)["data"] == {"clear": "text"}
    assert answer.headers["access-control-allow-origin"] == "http://localhost:8233"
    preflight = {
        "origin": "http://localhost:8233",
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type,x-namespace",
    }
    assert (await service.http.options(path, headers=preflight)).status_code == 200
    elsewhere = {**preflight, "origin": "http://evil.example"}
    assert (await service.http.options(path, headers=elsewhere)).status_code == 400


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (f"/codec/{'x' * len(CODEC_TOKEN)}/decode", "no json", 404),
        ("/codec/é/decode", "no json", 404),
        (f"/codec/{CODEC_TOKEN}/decode", "no json", 400),
        (f"/codec/{CODEC_TOKEN}/encode", "no json", 400),
        (f"/codec/{CODEC_TOKEN}/encode", '{"payloads": [{"data": "MQ=="}]}', 404),
        ("/codec/wrong/encode", "{}", 404),
    ],
)
async def test_codec_endpoint_refuses(service: Stack, path: str, body: str, status: int) -> None:
    """A wrong token is a 404 like any wrong path, and what is no payload is a 400.

    Nothing is encoded but nothing, which Temporal's command line asks for.
    """
    nothing = await service.http.post(f"/codec/{CODEC_TOKEN}/encode", content="{}")
    assert (nothing.status_code, nothing.json()) == (200, {})
    answer = await service.http.post(path, content=body)
    assert (answer.status_code, answer.json()["status"]) == (status, status)
