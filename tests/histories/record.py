"""Record one history for each way that a workflow can go, for `test_replay.py`.

Run it after a change that alters commands on purpose (and is guarded by `workflow.patched`, or is
before the first release): `python tests/histories/record.py`. It writes into this folder the
histories, and `fingerprints.json` with the commands that each history shows.
"""

import asyncio
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent)]

import httpx
from support.commands_made import write_fingerprints
from support.endpoints import create_endpoint
from support.receiver import Receiver, Reply, answering, receiver
from support.stack import CODEC, PORTAL_KEY, Stack, stack
from support.waiting import eventually
from temporalio.client import WorkflowExecutionStatus

from activities.delivery.paces import FAILING_AFTER
from activities.keys import KeyLog
from api.portal.grants import GrantKey, GrantUse
from hookwright.ids import (
    ENCRYPTION_KEYS_WORKFLOW_ID,
    EVENT_TYPES_WORKFLOW_ID,
    REENCRYPTION_WORKFLOW_ID,
    endpoint_workflow_id,
    entities_queue,
    event_workflow_id,
    notification_workflow_id,
    portal_link_workflow_id,
    queue_workflow_id,
    recovery_workflow_id,
    tenant_workflow_id,
)
from hookwright.models import ReencryptionInput
from hookwright.temporal import WorkflowType, connect, described, set_up_namespace
from hookwright.temporal import publish as start_event
from hookwright.times import rfc3339
from runtime.dev import EmbeddedServer, free_port


async def save(service: Stack, name: str, workflow_id: str) -> None:
    """Wait for the workflow's end and write its history."""
    handle = service.client.get_workflow_handle(workflow_id)

    async def ended() -> bool:
        return (await handle.describe()).status is not WorkflowExecutionStatus.RUNNING

    await eventually(ended, within=90)
    (HERE / f"{name}.json").write_text((await handle.fetch_history()).to_json() + "\n")
    print(f"recorded {name}")  # noqa: T201


async def until_rows(service: Stack, query: str, number: int) -> None:
    async def count() -> int:
        return (await service.client.count_workflows(query)).count

    await eventually(count, lambda found: found == number)


async def deliveries(service: Stack, hooks: Receiver) -> None:
    """Record a delivery for each way that one can end."""
    failing = {"schedule_seconds": [0.1]}
    endpoint = await service.add_endpoint(hooks.url, retry=failing)

    async def publish(event_id: str, *statuses: int) -> str:
        left = list(statuses)
        hooks.behave = lambda _: Reply(left.pop(0))
        await service.publish(id=event_id)
        await eventually(
            lambda: service.delivery(endpoint["id"], event_id), lambda it: "state" in it
        )
        return event_workflow_id(service.tenant, event_id)

    await save(service, "delivery_delivered", await publish("delivered", 200))
    direct = {"tenant_id": service.tenant, "id": "direct", "type": "loan.funded", "data": {}}
    hooks.behave = lambda _: Reply()
    event = await start_event(service.client, direct, task_queue=service.task_queue)
    await save(service, "event", event.id)
    await costly_event(service)
    hooks.behave = lambda _: Reply()
    due = rfc3339(datetime.now(UTC) + timedelta(seconds=1))
    await service.publish(id="scheduled", deliver_at=due)
    await save(service, "event_scheduled", event_workflow_id(service.tenant, "scheduled"))
    await save(service, "delivery_retried", await publish("retried", 500, 200))
    exhausted = await publish("exhausted", 500, 500)
    await save(service, "delivery_exhausted", exhausted)
    hooks.behave = lambda _: Reply()
    await service.http.post(f"{service.root}/deliveries/{endpoint['id']}:exhausted/retry")
    await save(service, "delivery_resent", exhausted)
    await recovery(service, endpoint)
    path = f"{service.root}/endpoints/{endpoint['id']}"
    await service.http.post(f"{path}/pause")
    held = await publish("held", 200)
    await until_rows(service, "DeliveryState = 'held'", 1)
    await service.http.post(f"{path}/resume")
    await save(service, "delivery_held", held)
    await service.http.put(service.root, json={"hold_for_seconds": 1})
    await service.http.post(f"{path}/pause")
    await save(service, "delivery_expired", await publish("expired", 200))
    await service.http.post(f"{path}/resume")
    await service.http.post(f"{path}/test")
    await until_rows(service, "WorkflowType = 'EndpointTest'", 1)
    [test] = [row async for row in service.client.list_workflows("WorkflowType = 'EndpointTest'")]
    await save(service, "endpointtest", test.id)
    await service.http.patch(path, json={"retry": {"schedule_seconds": [600]}})
    waiting = await publish("cancelled", 500)
    await eventually(
        lambda: service.delivery(endpoint["id"], "cancelled"), lambda it: it.get("next_attempt_at")
    )
    await service.http.post(f"{path}/secret/rotate", json={})
    await service.http.delete(path)
    await save(service, "delivery_cancelled", waiting)
    await save(service, "endpoint", endpoint_workflow_id(service.tenant, endpoint["id"]))


async def switched_endpoint(service: Stack) -> None:
    """Record an endpoint that is created paused, with search attributes, and resumed."""
    made = await service.add_endpoint("http://localhost:9999/", status="paused")
    path = f"{service.root}/endpoints/{made['id']}"
    await service.http.post(f"{path}/resume")
    await service.http.delete(path)
    await save(service, "endpoint_switched", endpoint_workflow_id(service.tenant, made["id"]))


async def endpoint_of_an_earlier_version(service: Stack) -> None:
    """Record an endpoint that is started without search attributes, and gets them."""
    queue = entities_queue(service.task_queue)
    await create_endpoint(service.client, queue, "ep_earlier", service.tenant)
    path = f"{service.root}/endpoints/ep_earlier"
    await service.http.post(f"{path}/pause")
    await service.http.delete(path)
    workflow_id = endpoint_workflow_id(service.tenant, "ep_earlier")
    await save(service, "endpoint_indexed_later", workflow_id)


async def queues(service: Stack, hooks: Receiver) -> None:
    """Record an ordered queue, and deliveries that wait in it and in one with a rate limit."""
    retry = {"schedule_seconds": [0.1]}
    ordered = await service.add_endpoint(hooks.url, ordering="fifo", retry=retry)
    hooks.behave = answering(500, 200)
    for event_id in ("first", "second"):
        await service.publish(id=event_id, endpoint_id=ordered["id"])
    await save(service, "delivery_in_order", event_workflow_id(service.tenant, "second"))
    limited = await service.add_endpoint(hooks.url, rate_limit_per_second=1, retry=retry)
    hooks.behave = answering(500, 200)
    await service.publish(id="limited", endpoint_id=limited["id"])
    await save(service, "delivery_limited", event_workflow_id(service.tenant, "limited"))
    for name, endpoint in (("endpointqueue", ordered), ("endpointqueue_limited", limited)):
        await save(service, name, queue_workflow_id(service.tenant, endpoint["id"]))


async def slow_endpoint(service: Stack, hooks: Receiver) -> None:
    """Record a delivery whose first attempt is left to the slow lane: its endpoint fails."""
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": []})
    hooks.behave = lambda _: Reply(500)
    for number in range(FAILING_AFTER):
        await service.publish(id=f"failed_{number}")
        await eventually(
            lambda event_id=f"failed_{number}": service.delivery(endpoint["id"], event_id),
            lambda it: it.get("state") == "exhausted",
        )
    hooks.behave = lambda _: Reply()
    await service.publish(id="untried")
    await save(service, "delivery_untried", event_workflow_id(service.tenant, "untried"))


async def slow_receiver(service: Stack, hooks: Receiver) -> None:
    """Record a delivery whose first attempt leaves its workflow task: its receiver takes long."""
    gate = asyncio.Event()
    hooks.behave = lambda _: Reply(gate=gate)
    await service.add_endpoint(hooks.url)
    await service.publish(id="slow")
    delivery = await service.out_of_its_task("slow")
    gate.set()
    await save(service, "delivery_slow", delivery.id)


async def costly_event(service: Stack) -> None:
    """Record events for filters that cost too much: for a workflow task, and for one activity."""
    hostile, other = "data.l[?" + "&&".join("@" * 200) + "]", "data.l[?@ > `5000`]"
    for name, filters in (("costly", [other]), ("in_parts", [hostile, other])):
        costly = [
            await service.add_endpoint("http://localhost:9999/", filter=each) for each in filters
        ]
        await service.publish(id=name, data={"l": [*range(5_000)]})
        await save(service, f"event_{name}", event_workflow_id(service.tenant, name))
        for endpoint in costly:
            await service.http.delete(f"{service.root}/endpoints/{endpoint['id']}")


async def notification(service: Stack, hooks: Receiver) -> None:
    """Record a message to a chat about an endpoint that is switched off."""
    await service.http.put(service.root, json={"notify": {"slack_url": f"{hooks.url}/chat"}})
    hooks.behave = lambda it: Reply(410 if "gone" in it.path else 200)
    endpoint = await service.add_endpoint(f"{hooks.url}/gone")
    await service.publish(endpoint_id=endpoint["id"])
    workflow_id = notification_workflow_id(service.tenant, endpoint["id"], "1")
    await eventually(lambda: described(service.client, workflow_id), within=90)
    await save(service, "notification", workflow_id)


async def portal_sign_in(service: Stack) -> None:
    """Record the use of a link to the portal."""
    url = (await service.http.post(f"{service.root}/portal-links")).json()["url"]
    link = httpx.URL(url).params["link"]
    grant = GrantKey(PORTAL_KEY).read(link, GrantUse.LINK)
    assert grant
    await service.http.post("/portal/sign-in", data={"link": link})
    await save(service, "portalsignin", portal_link_workflow_id(service.tenant, grant.jti))


async def recovery(service: Stack, endpoint: dict[str, object]) -> None:
    """Record a recovery that is paused, resumed, and ends."""
    path = f"{service.root}/endpoints/{endpoint['id']}"
    body = {"since": "2020-01-01T00:00:00Z", "status": "missing", "rate_per_second": 1}
    begun = (await service.http.post(f"{path}/recover", json=body)).json()
    for switch in ("pause", "resume"):
        await service.http.post(f"{service.root}/recoveries/{begun['id']}/{switch}")
    await save(service, "recovery", recovery_workflow_id(service.tenant, endpoint["id"]))


async def encryption_keys(service: Stack) -> None:
    """Record the log of keys, and a re-encryption of what there is."""
    await KeyLog(service.client, CODEC.key_ring, service.task_queue).check()
    reencryption = await service.client.start_workflow(
        WorkflowType.REENCRYPTION,
        ReencryptionInput(key_id=CODEC.current_key_id),
        id=REENCRYPTION_WORKFLOW_ID,
        task_queue=entities_queue(service.task_queue),
    )
    await save(service, "reencryption", reencryption.id)
    log = service.client.get_workflow_handle(ENCRYPTION_KEYS_WORKFLOW_ID)
    (HERE / "encryptionkeys.json").write_text((await log.fetch_history()).to_json() + "\n")


async def main() -> None:
    """Record everything on a server of its own."""
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedServer(Path(folder), free_port())
        async with server.running(), receiver() as hooks:
            client = await connect(CODEC, target_host=server.address)
            await set_up_namespace(client, timedelta(days=1))
            async with stack(client) as service:
                await switched_endpoint(service)
                await endpoint_of_an_earlier_version(service)
                await deliveries(service, hooks)
                await service.http.put("/v1/event-types/loan.funded", json={"json_schema": {}})
                await service.http.delete("/v1/event-types/loan.funded")
                history = await client.get_workflow_handle(EVENT_TYPES_WORKFLOW_ID).fetch_history()
                (HERE / "eventtypes.json").write_text(history.to_json() + "\n")
                await encryption_keys(service)
                await portal_sign_in(service)
                await queues(await service.with_new_tenant(), hooks)
                await slow_endpoint(await service.with_new_tenant(), hooks)
                await slow_receiver(await service.with_new_tenant(), hooks)
                await notification(await service.with_new_tenant(), hooks)
                last = await service.add_endpoint(hooks.url)
                await service.http.delete(service.root)
                await save(service, "tenant", tenant_workflow_id(service.tenant))
                last_id = endpoint_workflow_id(service.tenant, last["id"])
                await save(service, "endpoint_of_deleted_tenant", last_id)
    write_fingerprints()


if __name__ == "__main__":
    asyncio.run(main())
