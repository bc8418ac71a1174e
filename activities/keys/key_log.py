"""The log of the keys that a namespace's data needs: the history of the `EncryptionKeys` workflow.

Each entry is the workflow's argument or a signal, encrypted with the key that it is about. So it is
a sentinel: who can decrypt it has that key. Temporal appends entries one after the other, keeps
them for as long as the workflow runs, and shows them without a worker.
docs/decisions/0035-keys.md says why.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain

from temporalio.api.common.v1 import Payload
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.converter import WorkflowSerializationContext
from temporalio.exceptions import WorkflowAlreadyStartedError

from hookwright.ids import ENCRYPTION_KEYS_WORKFLOW_ID, entities_queue
from hookwright.temporal import (
    RPC_TIMEOUT,
    EncryptionCodec,
    Signal,
    WorkflowType,
    data_converter,
    described,
    executions_of,
    has_status,
    is_encrypted,
    key_id_of,
)

KNOWN_SECONDS = 5.0
"""How long a worker relies on what it has read of the log."""

LASTING = (WorkflowType.TENANT, WorkflowType.ENDPOINT, WorkflowType.EVENT_TYPES)


class WrongKeysError(Exception):
    """What the namespace holds cannot be read with these keys. The text says what to do."""


@dataclass(frozen=True)
class KeyUse:
    """What the log says of one key.

    A key is in use from `used_at` on. At `left_at` all that lives long was rewritten under another
    key, so only what began before may still need it. When nothing does, it is `retired`.
    """

    key_id: str
    sentinel: Payload
    used_at: datetime
    left_at: datetime | None = None
    retired: bool = False


@dataclass
class KeyLog:
    """Reads the log of a client's namespace, and adds to it with the keys of a ring."""

    client: Client
    key_ring: Mapping[str, bytes] = field(repr=False)
    task_queue: str
    _known: dict[str, KeyUse] | None = field(default=None, init=False)
    _read_at: dict[str, float] = field(default_factory=dict, init=False)

    async def check(self) -> None:
        """Compare the ring with the keys in use, and note its first key as one of them.

        Two processes that start at once with other keys cannot both begin the log: the later one
        reads what the first has noted, and is refused.

        Raises:
            WrongKeysError: a key is missing, or is another one than that of its id.
            RPCError: Temporal is away.
        """
        uses = await self.uses()
        if uses is None:
            needed = await self._keys_of_data()
            with suppress(WorkflowAlreadyStartedError):
                await self._begin()
            uses = await self.uses() or {}
            await self._refuse_wrong_keys(uses)
            for key_id in needed - {*uses}:
                await self.note(Signal.KEY_USED, key_id)
        await self._refuse_wrong_keys(uses)
        first = next(iter(self.key_ring))
        if first not in uses or uses[first].left_at or uses[first].retired:
            await self.note(Signal.KEY_USED, first)
            await self._refuse_wrong_keys(await self.uses() or {})

    async def uses(self) -> dict[str, KeyUse] | None:
        """Return what the log says of each key that was ever in use; None if there is no log."""
        log = await described(self.client, ENCRYPTION_KEYS_WORKFLOW_ID, RPC_TIMEOUT)
        if log is None or log.status is not WorkflowExecutionStatus.RUNNING:
            return None
        uses: dict[str, KeyUse] = {}
        handle = self.client.get_workflow_handle(ENCRYPTION_KEYS_WORKFLOW_ID, run_id=log.run_id)
        async for event in handle.fetch_history_events(rpc_timeout=RPC_TIMEOUT):
            signal = event.workflow_execution_signaled_event_attributes
            name = signal.signal_name or Signal.KEY_USED
            started = event.workflow_execution_started_event_attributes
            for payload in chain(started.input.payloads, signal.input.payloads):
                _note(uses, name, payload, event.event_time.ToDatetime(UTC))
        return uses

    async def is_foreign(self, key_id: str) -> bool:
        """Return whether no data of this namespace was ever written with this key.

        Without a log nobody can say. What was read for one key says nothing of another key, which
        may have been noted since then: an event under it would be given up, and is to wait.

        Raises:
            RPCError: Temporal is away.
        """
        clock = asyncio.get_running_loop().time
        if key_id in (self._known or {}):
            return False
        began = clock()
        if began > self._read_at.get(key_id, float("-inf")) + KNOWN_SECONDS:
            self._known = await self.uses()
            recent = {key: at for key, at in self._read_at.items() if began <= at + KNOWN_SECONDS}
            self._read_at = {**recent, key_id: began}
        return self._known is not None and key_id not in self._known

    async def note(self, what: Signal, key_id: str) -> None:
        """Add an entry about a key of the ring.

        Raises:
            RPCError: Temporal did not store it.
        """
        handle = self._writing_with(key_id).get_workflow_handle(ENCRYPTION_KEYS_WORKFLOW_ID)
        await handle.signal(what, key_id, rpc_timeout=RPC_TIMEOUT)

    async def _begin(self) -> None:
        first = next(iter(self.key_ring))
        await self._writing_with(first).start_workflow(
            WorkflowType.ENCRYPTION_KEYS,
            first,
            id=ENCRYPTION_KEYS_WORKFLOW_ID,
            task_queue=entities_queue(self.task_queue),
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            rpc_timeout=RPC_TIMEOUT,
        )

    def _writing_with(self, key_id: str) -> Client:
        """Return a client that encrypts with this key, and that may encrypt before the check."""
        codec = EncryptionCodec({key_id: self.key_ring[key_id]})
        config = self.client.config()
        config["data_converter"] = data_converter(codec)
        return Client(**config)

    async def _refuse_wrong_keys(self, uses: Mapping[str, KeyUse]) -> None:
        """Raise unless every key in use is in the ring, and is the one that was used."""
        needed = [use.key_id for use in uses.values() if not use.retired]
        sentinels = {use.key_id: use.sentinel for use in uses.values()}
        others = [key_id for key_id, it in sentinels.items() if not await self._fits(it)]
        self._refuse(needed, others)

    def _refuse(self, needed: Iterable[str], others: Iterable[str]) -> None:
        namespace = self.client.namespace
        if others := sorted(others):
            raise WrongKeysError(
                f"the key {_named(others)} is not the one with which the data in the Temporal"
                f" namespace {namespace!r} was encrypted, but another one of the same id. Put the"
                " earlier key back under its id. A new key needs an id of its own:"
                " `hookwright keys --add` makes one"
            )
        if missing := sorted({*needed} - {*self.key_ring}):
            raise WrongKeysError(
                f"the data in the Temporal namespace {namespace!r} needs the key {_named(missing)},"
                f" and only {_named(self.key_ring)} is given. Add {_named(missing)} again, at the"
                " end; `hookwright reencrypt` says when an old key may go. If a key is lost, what"
                " it encrypted is lost, too: begin in another namespace (TEMPORAL_NAMESPACE)"
            )

    async def _fits(self, payload: Payload, workflow_id: str = ENCRYPTION_KEYS_WORKFLOW_ID) -> bool:
        """Return whether the ring lacks the key of a payload, or its key decrypts it."""
        key_id = key_id_of(payload)
        if key_id not in self.key_ring:
            return True
        context = WorkflowSerializationContext(self.client.namespace, workflow_id)
        codec = EncryptionCodec({key_id: self.key_ring[key_id]}).with_context(context)
        [decoded] = await codec.decode([payload])
        return not is_encrypted(decoded)

    async def _keys_of_data(self) -> set[str]:
        """Return the keys of what an earlier version of Hookwright has stored.

        That is done once in the life of a namespace, and for all of them: visibility lists the
        newest first, and the oldest have the oldest keys.

        Raises:
            WrongKeysError: a tenant, an endpoint or the catalogue cannot be read.
        """
        needed, others = set[str](), set[str]()
        for kind in LASTING:
            query = executions_of(kind, has_status(WorkflowExecutionStatus.RUNNING))
            async for row in self.client.list_workflows(query, page_size=100):
                for payload in filter(is_encrypted, row.raw_info.memo.fields.values()):
                    needed.add(key_id_of(payload))
                    if not await self._fits(payload, row.id):
                        others.add(key_id_of(payload))
        self._refuse(needed, others)
        return needed


@asynccontextmanager
async def knowing_foreign_keys(client: Client, task_queue: str) -> AsyncIterator[None]:
    """Let a client's codec ask the log of keys while the context is open, and no longer.

    The codec outlives the worker that needs this, and several clients can share it.
    """
    codec = client.data_converter.payload_codec
    assert isinstance(codec, EncryptionCodec)  # noqa: S101 - `connect` makes no other client
    before = codec.is_foreign
    codec.is_foreign = KeyLog(client, codec.key_ring, task_queue).is_foreign
    try:
        yield
    finally:
        codec.is_foreign = before


def _note(uses: dict[str, KeyUse], name: str, sentinel: Payload, at: datetime) -> None:
    """Note what one entry says."""
    key_id = key_id_of(sentinel)
    known = uses.get(key_id)
    if name == Signal.KEY_USED:
        uses[key_id] = KeyUse(key_id, sentinel, known.used_at if known else at)
    elif known and name == Signal.KEY_LEFT:
        uses[key_id] = KeyUse(key_id, sentinel, known.used_at, left_at=at)
    elif known and name == Signal.KEY_RETIRED:
        uses[key_id] = KeyUse(key_id, sentinel, known.used_at, known.left_at, retired=True)


def _named(key_ids: Iterable[str]) -> str:
    return ", ".join(map(repr, key_ids))
