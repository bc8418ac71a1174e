"""Payloads under keys that a worker lacks: which of them wait for the key, and which do not."""

from datetime import UTC, datetime
from typing import cast

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.converter import WorkflowSerializationContext

from activities.keys import KeyLog, KeyUse, knowing_foreign_keys
from hookwright.ids import ENCRYPTION_KEYS_WORKFLOW_ID
from hookwright.temporal import CodecError, EncryptionCodec, connect

NEW, OLD = {"k2": b"2" * 32}, {"k1": b"1" * 32}
CLEAR = Payload(metadata={"encoding": b"json/plain"}, data=b'"k1"')


class ReadLog(KeyLog):
    """A log whose entries are given, and which counts how often it is read."""

    def __init__(self, *key_ids: str) -> None:
        super().__init__(cast("Client", None), NEW, "hookwright")
        self.reads = 0
        self.key_ids = [*key_ids]

    async def uses(self) -> dict[str, KeyUse]:
        """Return the entries."""
        self.reads += 1
        return {it: KeyUse(it, CLEAR, datetime.now(UTC), retired=it == "k1") for it in self.key_ids}


async def test_a_key_that_was_noted_meanwhile_is_not_foreign() -> None:
    """What the log lacked when another key was looked up, it may have now."""
    log = ReadLog("k2")
    assert await log.is_foreign("of-a-stranger")
    log.key_ids.append("k3")
    assert not await log.is_foreign("k3")


async def test_a_foreign_key_is_looked_up_once_in_a_while() -> None:
    """Many events under one foreign key cost one look into the log."""
    log = ReadLog("k2")
    assert [await log.is_foreign("of-a-stranger") for _ in range(5)] == [True] * 5
    assert log.reads == 1


@pytest.mark.parametrize("waits", [False, True], ids=["the log of keys", "another workflow"])
async def test_the_log_of_keys_does_not_wait_for_a_retired_key(*, waits: bool) -> None:
    """Its workflow goes on without the key; any other one waits until the key is back."""
    workflow_id = "endpoint:t1:ep_1" if waits else ENCRYPTION_KEYS_WORKFLOW_ID
    context = WorkflowSerializationContext("default", workflow_id)
    sealed = await EncryptionCodec(OLD).with_context(context).encode([CLEAR])
    codec = EncryptionCodec(NEW)
    codec.is_foreign = ReadLog("k1", "k2").is_foreign
    if not waits:
        assert await codec.with_context(context).decode(sealed) == sealed
        return
    with pytest.raises(CodecError, match="'k1' is not in the key ring"):
        await codec.with_context(context).decode(sealed)


async def test_a_codec_asks_only_while_a_worker_runs() -> None:
    """Once its worker has ended, a codec asks no log: the worker's server may be gone by then."""
    codec = EncryptionCodec({"k1": bytes(32)})
    client = await connect(codec, target_host="127.0.0.1:1", lazy=True)
    async with knowing_foreign_keys(client, "outer"):
        asks = codec.is_foreign
        assert asks
        async with knowing_foreign_keys(client, "inner"):
            assert codec.is_foreign != asks
        assert codec.is_foreign == asks
    assert codec.is_foreign is None
