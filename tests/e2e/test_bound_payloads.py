"""What Temporal stores of one workflow cannot be used in another by whoever writes to Temporal."""

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.message import Message
from support.receiver import Receiver, Reply
from support.stack import CODEC, Stack, unique
from support.waiting import assert_eventually, eventually
from temporalio.api.common.v1 import Payload, WorkflowExecution
from temporalio.api.update.v1 import Input, Meta, Request
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    UpdateWorkflowExecutionRequest,
)
from temporalio.client import Client
from temporalio.converter import WorkflowSerializationContext
from temporalio.worker import Replayer

from hookwright.models import EventInput
from hookwright.temporal import EncryptionCodec, connect, publish
from hookwright.temporal.codec import data_converter
from runtime.dev import EmbeddedServer
from runtime.worker import WORKFLOWS


class UnboundCodec(EncryptionCodec):
    """The codec of a client in another language, or of the version before."""

    def with_context(self, _context: Any) -> "UnboundCodec":
        return self


async def test_all_that_is_stored_is_bound(service: Stack, hooks: Receiver) -> None:
    """Of each workflow of a full life every stored payload is bound to it, and can be read."""
    failing = "/hooks/fails-once"

    def posts() -> int:
        return sum(it.path == failing for it in hooks.requests)

    hooks.behave = lambda it: Reply(500 if it.path == failing and posts() == 1 else 200)
    endpoint = await service.add_endpoint(
        f"{hooks.url}/fails-once", retry={"schedule_seconds": [0.1]}
    )
    other = await service.add_endpoint(hooks.url)
    path = f"{service.root}/endpoints/{endpoint['id']}"
    event = await service.publish()
    sole = await service.publish(endpoint_id=other["id"])
    for sent_to, sent in ((endpoint, event), (other, sole)):
        await eventually(
            lambda to=sent_to["id"], it=sent["id"]: service.delivery(to, it),
            lambda it: it.get("state") == "delivered",
        )
    assert (await service.http.patch(path, json={"description": "x"})).status_code == 200
    resent = f"{service.root}/deliveries/{endpoint['id']}:{event['id']}/retry"
    assert (await service.http.post(resent)).status_code == 202
    await assert_eventually(lambda: posts() == 3)
    assert (await service.http.post(f"{path}/test")).status_code == 200
    workflows = [
        f"tenant:{service.tenant}",
        *(f"endpoint:{service.tenant}:{it['id']}" for it in (endpoint, other)),
        *(f"event:{service.tenant}:{it['id']}" for it in (event, sole)),
        f"delivery:{service.tenant}:{endpoint['id']}:{event['id']}",
    ]
    for workflow_id in workflows:
        bound = CODEC.with_context(WorkflowSerializationContext("default", workflow_id))
        stored = [it async for it in stored_payloads(service.client, workflow_id)]
        assert stored, workflow_id
        digest = hashlib.sha256(workflow_id.encode()).digest()[:16]
        assert {it.metadata.get("workflow") for it in stored} == {digest}, workflow_id
        assert not [it for it in await bound.decode(stored) if "key-id" in it.metadata]


@pytest.mark.parametrize("workflow_id", ["event:{}:evt_1", "delivery:{}:{}:evt_1"])
async def test_bound_histories_replay(service: Stack, hooks: Receiver, workflow_id: str) -> None:
    """A history of bound payloads replays, though a replayer has another namespace."""
    endpoint = await service.add_endpoint(hooks.url)
    await service.add_endpoint(hooks.url)
    await service.publish(id="evt_1")
    await eventually(
        lambda: service.delivery(endpoint["id"], "evt_1"), lambda it: it.get("state") == "delivered"
    )
    handle = service.client.get_workflow_handle(workflow_id.format(service.tenant, endpoint["id"]))
    history = await handle.fetch_history()
    replayer = Replayer(workflows=WORKFLOWS, data_converter=data_converter(CODEC))
    await replayer.replay_workflow(history)


async def test_a_copied_change_redirects_nothing(service: Stack, hooks: Receiver) -> None:
    """Another tenant's stored change of a URL, handed to an endpoint, changes nothing there."""
    thief = await service.with_new_tenant()
    theirs = await thief.add_endpoint(f"{hooks.url}/thief")
    endpoint = await service.add_endpoint(hooks.url)
    source = f"endpoint:{thief.tenant}:{theirs['id']}"
    changed = await thief.http.patch(
        f"{thief.root}/endpoints/{theirs['id']}", json={"url": f"{hooks.url}/mine"}
    )
    assert changed.status_code == 200
    copied = [it async for it in updates_of(service.client, source)][-1]
    outcome = await send_update(
        service.client, f"endpoint:{service.tenant}:{endpoint['id']}", copied
    )
    assert outcome.HasField("failure")
    kept = await service.http.get(f"{service.root}/endpoints/{endpoint['id']}")
    assert kept.json()["url"] == hooks.url
    event = await service.publish()
    await assert_eventually(lambda: hooks.ids() == [event["id"]])
    assert hooks.requests[0].path == "/hooks"


@pytest.mark.parametrize("codec", [CODEC, UnboundCodec(CODEC.key_ring)], ids=["bound", "unbound"])
async def test_clients_of_both_kinds_publish(
    service: Stack, server: EmbeddedServer, hooks: Receiver, codec: EncryptionCodec
) -> None:
    """A client that binds nothing, as those of before, publishes as one that does."""
    endpoint = await service.add_endpoint(hooks.url)
    client = await connect(codec, target_host=server.address)
    event = EventInput(tenant_id=service.tenant, id=unique("evt"), type="loan.funded", data={})
    await publish(client, event, task_queue=service.task_queue)
    await assert_eventually(lambda: hooks.ids() == [event.id])
    await eventually(
        lambda: service.delivery(endpoint["id"], event.id), lambda it: it["state"] == "delivered"
    )
    assert (await service.http.get(f"{service.root}/events/{event.id}")).status_code == 200


async def stored_payloads(client: Client, workflow_id: str) -> Any:
    """Yield each encrypted payload in the history and the memo of all that Temporal tells of it."""
    execution = WorkflowExecution(workflow_id=workflow_id)
    described = await client.workflow_service.describe_workflow_execution(
        DescribeWorkflowExecutionRequest(namespace=client.namespace, execution=execution)
    )
    for payload in payloads_in(described):
        yield payload
    async for entry in client.get_workflow_handle(workflow_id).fetch_history_events():
        for payload in payloads_in(entry):
            yield payload


async def updates_of(client: Client, workflow_id: str) -> Any:
    """Yield the updates that a workflow has accepted, as they are stored."""
    async for entry in client.get_workflow_handle(workflow_id).fetch_history_events():
        if entry.HasField("workflow_execution_update_accepted_event_attributes"):
            yield entry.workflow_execution_update_accepted_event_attributes.accepted_request.input


async def send_update(client: Client, workflow_id: str, stored: Input) -> Any:
    """Hand a stored update to a workflow, as anyone can who reaches Temporal."""
    answer = await client.workflow_service.update_workflow_execution(
        UpdateWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=workflow_id),
            request=Request(meta=Meta(update_id=unique("update")), input=stored),
            wait_policy={"lifecycle_stage": "UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED"},
        )
    )
    return answer.outcome


def payloads_in(message: Message) -> Iterator[Payload]:
    """Return all encrypted payloads of a message of Temporal's, however deep they are."""
    if isinstance(message, Payload):
        if message.metadata.get("encoding", b"").startswith(b"binary/encrypted"):
            yield message
        return
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            held = [it for it in value.values() if isinstance(it, Message)]
        else:
            held = list(value) if field.is_repeated else [value]
        for each in held:
            yield from payloads_in(each)
