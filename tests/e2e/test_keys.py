"""Keys that cannot be mixed up: wrong ones, a rotation, re-encryption under load, an old one gone.

All tests share one server. A namespace of its own has each that writes to the log of keys.
"""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from support.receiver import Receiver
from support.stack import CONTRACTS, KEY, LOOPBACK, Stack, stack, unique
from support.waiting import assert_eventually, eventually
from temporalio.client import Client, WorkflowExecution, WorkflowFailureError

from activities.keys import (
    KeyLog,
    KeyUse,
    OldKey,
    ReencryptionActivities,
    WrongKeysError,
    old_keys,
)
from hookwright.models import EventInput
from hookwright.temporal import (
    EncryptionCodec,
    Signal,
    connect,
    is_encrypted,
    key_id_of,
    publish,
    set_up_namespace,
)
from runtime.dev import EmbeddedServer
from runtime.errors import CommandError
from runtime.keys.reencrypt import reencrypt
from runtime.worker import WorkerConfig, worker

Printed = pytest.CaptureFixture[str]

K1, K2 = {"k1": KEY}, {"k2": bytes(32)}
OTHER_K1 = {"k1": b"o" * 32}


async def client_with(server: EmbeddedServer, ring: dict[str, bytes], namespace: str) -> Client:
    return await connect(EncryptionCodec(ring), target_host=server.address, namespace=namespace)


async def new_namespace(server: EmbeddedServer) -> str:
    """Make a namespace, and wait until it can be used."""
    name = unique("keys")
    client = await client_with(server, K1, name)
    await set_up_namespace(client, timedelta(days=1))

    async def usable() -> bool:
        try:
            await client.count_workflows("TenantId = 'x' AND DeliveryState IS NULL")
            await KeyLog(client, K1, "q").uses()
        except Exception:  # noqa: BLE001 - the server has not noticed the namespace yet
            return False
        return True

    await eventually(usable, within=60)
    return name


async def check(server: EmbeddedServer, ring: dict[str, bytes], namespace: str) -> None:
    """Do what every start does."""
    await KeyLog(await client_with(server, ring, namespace), ring, "q").check()


async def refusal(server: EmbeddedServer, ring: dict[str, bytes], namespace: str) -> str:
    with pytest.raises(WrongKeysError) as refused:
        await check(server, ring, namespace)
    return str(refused.value)


async def test_starts_with_right_and_wrong_keys(server: EmbeddedServer) -> None:
    """The first key is noted; each wrong ring is refused with ids and remedy."""
    namespace = await new_namespace(server)
    both = await asyncio.gather(
        check(server, K1, namespace), check(server, K2, namespace), return_exceptions=True
    )
    assert [type(it) for it in both if it] == [WrongKeysError], "two first starts at once"
    first, other = (K2, K1) if both[0] else (K1, K2)
    [mine], [theirs] = first, other
    await check(server, first, namespace)
    missing = await refusal(server, other, namespace)
    assert re.search(f"needs the key '{mine}', and only '{theirs}' is given. Add '{mine}'", missing)
    same_id = await refusal(server, {mine: b"x" * 32}, namespace)
    assert "another one of the same id. Put the earlier key back" in same_id
    await check(server, first | other, namespace)  # a key at the end is not noted
    await check(server, first, namespace)
    await check(server, other | first, namespace)  # one at the front is
    assert f"needs the key '{theirs}'" in await refusal(server, first, namespace)


async def test_data_from_before_there_was_a_log(server: EmbeddedServer) -> None:
    """Without a log the tenants themselves are tried, and their keys are noted."""
    namespace = await new_namespace(server)
    async with stack(await client_with(server, K1, namespace)) as service:
        await eventually(
            lambda: service.client.count_workflows("WorkflowType = 'Tenant'"), lambda it: it.count
        )
        await assert_eventually_refused(server, K2, namespace)
        assert "another one of the same id" in await refusal(server, OTHER_K1, namespace)
        await check(server, K2 | K1, namespace)
        assert "needs the key 'k1'" in await refusal(server, K2, namespace)


async def assert_eventually_refused(
    server: EmbeddedServer, ring: dict[str, bytes], namespace: str
) -> None:
    """Refuse the ring; the tenant's row has its memo a moment after it is there."""
    client = await client_with(server, K1, namespace)

    async def has_memo() -> bool:
        rows = [row async for row in client.list_workflows("WorkflowType = 'Tenant'")]
        return any(is_encrypted(it) for row in rows for it in row.raw_info.memo.fields.values())

    await eventually(has_memo)
    assert "needs the key 'k1'" in await refusal(server, ring, namespace)


async def test_direct_start_under_a_foreign_key(server: EmbeddedServer) -> None:
    """It fails at once with the key's id, which its starter can read; operators have it in a list.

    An event under a key that is in use, but not here, waits for the key.
    """
    namespace = await new_namespace(server)
    client = await client_with(server, K1, namespace)
    await KeyLog(client, K1, "q").check()
    async with stack(client) as service:
        for name, ring in (("foreign", {"k9": bytes(32)}), ("same_id", OTHER_K1)):
            stranger = await client_with(server, ring, namespace)
            event = EventInput(tenant_id=service.tenant, id=name, type="loan.funded", data=1)
            handle = await publish(stranger, event, task_queue=service.task_queue)
            with pytest.raises(WorkflowFailureError) as failure:
                await handle.result()
            assert f"encrypted with a key '{next(iter(ring))}'" in failure.value.cause.message
            assert failure.value.cause.type == "unreadable"

        async def listed() -> list[tuple[str, str, bool]]:
            answer = await service.http.get("/v1/unreadable-events")
            rows = answer.json()["data"]
            return [(row["event_id"], row["key_id"], row["readable_now"]) for row in rows]

        await eventually(
            listed, lambda it: it == [("same_id", "k1", False), ("foreign", "k9", False)]
        )
        deliveries = (await service.http.get(f"{service.root}/deliveries")).json()["data"]
        assert deliveries == [], "a failure of ours looks like a receiver's"
        ring = K1 | K2
        other = await client_with(server, ring, namespace)
        await KeyLog(other, ring, "q").note(Signal.KEY_USED, "k2")
        publisher = await client_with(server, K2, namespace)
        event = EventInput(tenant_id=service.tenant, id="known", type="loan.funded", data=1)
        waiting = await publish(publisher, event, task_queue=service.task_queue)

        async def tries() -> int:
            pending = (await waiting.describe()).raw_description.pending_workflow_task
            return pending.attempt

        await eventually(tries, lambda it: it > 1)
    async with worker(other, WorkerConfig(service.task_queue, LOOPBACK, CONTRACTS)):
        await other.get_workflow_handle(waiting.id).result()


@asynccontextmanager
async def loaded(service: Stack, hooks: Receiver) -> AsyncIterator[list[str]]:
    """Publish while the context lasts, one event after the other has arrived; give the ids."""
    ids: list[str] = []

    async def load() -> None:
        while True:
            ids.append((await service.publish())["id"])
            await assert_eventually(lambda: ids[-1] in hooks.ids())

    task = asyncio.create_task(load())
    try:
        yield ids
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def stopped_in_the_middle(
    client: Client, config: WorkerConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run a worker that asks one workflow to be rewritten and no more, and stop it then."""
    asked: list[str] = []
    ask = ReencryptionActivities._renew

    async def ask_one(self: ReencryptionActivities, row: WorkflowExecution) -> None:
        if asked:
            await asyncio.Event().wait()
        asked.append(row.id)
        await ask(self, row)

    with monkeypatch.context() as patch:
        patch.setattr(ReencryptionActivities, "_renew", ask_one)
        patch.setattr("runtime.worker.sdk_workers.SHUTDOWN_TIMEOUT", timedelta())
        async with worker(client, config):
            await assert_eventually(lambda: bool(asked))


async def after_retention(
    client: Client, uses: dict[str, KeyUse], first: str, told: Callable[[int], None]
) -> list[OldKey]:
    """Return the old keys as they are when all that began under them is over, and forgotten."""
    found = await old_keys(client, uses, first, told)
    return [replace(it, open=Counter(), ended=0) for it in found]


async def resent(service: Stack, delivery: str) -> None:
    """Have a delivery that was delivered sent again: its new run needs no older key."""
    path = f"{service.root}/deliveries/{delivery}"

    async def read() -> str:
        return (await service.http.get(path)).json()["state"]

    await eventually(read, lambda state: state == "delivered")
    assert (await service.http.post(f"{path}/retry")).status_code == 202


async def a_forgotten_publisher_is_noticed(old: Client, client: Client, tenant: str) -> None:
    """What it wrote under the old key is named, and the key is in use again."""
    event = EventInput(tenant_id=tenant, id="forgotten", type="loan.funded", data=1)
    stale = await publish(old, event, task_queue="nobody")
    log = KeyLog(client, K2 | K1, "q")
    uses = await log.uses() or {}
    assert uses["k1"].left_at
    await eventually(
        lambda: old_keys(client, uses, "k2"), lambda keys: keys[0].written == (stale.id,), within=30
    )
    with pytest.raises(CommandError, match=f"k1 is still in use: .* under it in {stale.id},"):
        await reencrypt(client, K2 | K1, "q")
    uses = await log.uses() or {}
    assert not uses["k1"].left_at
    await log.note(Signal.KEY_LEFT, "k1")  # as after one more re-encryption


@pytest.mark.timeout(120)
async def test_rotation_under_load(
    server: EmbeddedServer, hooks: Receiver, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    """Under load all is rewritten under the new key, and nothing is lost.

    The worker that begins it stops in the middle, and the next one goes on.
    """
    namespace = await new_namespace(server)
    old = await client_with(server, K1, namespace)
    await KeyLog(old, K1, "q").check()
    async with stack(old) as service:
        endpoint = await service.add_endpoint(hooks.url)
        await service.publish(id="before")
        due = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        await service.publish(id="scheduled", deliver_at=due)
    ring = K2 | K1
    client = await client_with(server, ring, namespace)
    log = KeyLog(client, ring, "q")
    await log.check()
    async with stack(client) as other:
        await other.add_endpoint(hooks.url)
        tenant = Stack(client, other.http, other.task_queue, service.tenant)
        await other.add_endpoint(hooks.url)
        # The entities wait in the task queue of their first worker.
        config = WorkerConfig(service.task_queue, LOOPBACK, CONTRACTS)
        command = asyncio.create_task(reencrypt(client, ring, service.task_queue))
        await stopped_in_the_middle(client, config, monkeypatch)
        async with worker(client, config), loaded(other, hooks) as ids:
            await command
            kept = await tenant.http.get(f"{tenant.root}/endpoints/{endpoint['id']}")
            assert kept.json()["url"] == endpoint["url"]
            await assert_eventually(lambda: "before" in hooks.ids())
            await resent(tenant, f"{endpoint['id']}:before")
        await assert_eventually(lambda: {*ids} <= {*hooks.ids()})
        for kind in ("Tenant", "Endpoint"):
            rows = client.list_workflows(f"WorkflowType = '{kind}' AND ExecutionStatus = 'Running'")
            async for row in rows:
                memo = filter(is_encrypted, row.raw_info.memo.fields.values())
                assert {key_id_of(it) for it in memo} == {"k2"}
        rewritten, keep = capsys.readouterr().out.splitlines()
        assert re.fullmatch(
            r"✓ .+ is encrypted with k2: [3-9] workflows were rewritten.", rewritten
        )
        assert re.match(r"Keep k1 behind k2: .+ \(1 open Event, \d+ that have ended", keep)
        assert "needs the key 'k1'" in await refusal(server, K2, namespace)
    await a_forgotten_publisher_is_noticed(old, client, service.tenant)
    monkeypatch.setattr("runtime.keys.reencrypt.old_keys", after_retention)
    await reencrypt(client, ring, service.task_queue)
    assert "✓ k1 may go: nothing that is stored needs it any more." in capsys.readouterr().out
    await reencrypt(client, ring, service.task_queue)
    assert capsys.readouterr().out.startswith("Nothing to do: ")
    await check(server, K2, namespace)
