"""Rewriting what lives long under the first key: each workflow is asked to continue as new.

Then its argument and its memo are written afresh. Nothing is decrypted here, and nothing has to be
remembered: what still began before the re-encryption, or has a memo under another key, remains.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

from temporalio import activity
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus
from temporalio.exceptions import ApplicationError

from activities.entities import VISIBILITY_LAG_SECONDS
from activities.grouping import grouped
from activities.heartbeats import heartbeats
from activities.keys.key_log import KeyLog
from activities.keys.lasting import RENEWED, is_being_deleted
from hookwright.models import ReencryptionInput, RenewalProgress
from hookwright.temporal import (
    ActivityName,
    EncryptionCodec,
    ErrorType,
    Signal,
    executions_of,
    has_status,
    is_encrypted,
    key_id_of,
    reached,
)

AT_ONCE, PAUSE_SECONDS = 10, 0.2
"""About 50 workflows a second are asked, so that deliveries go on meanwhile."""

MOST_IN_A_SEARCH = 1_000
"""One activity asks so many, which takes some 20 s, and counts the others."""

NAMES = 5


@dataclass(frozen=True)
class ReencryptionActivities:
    """The activities of `Reencryption`."""

    client: Client
    task_queue: str

    @activity.defn(name=ActivityName.RENEW_ENTITIES)
    async def renew_entities(self, request: ReencryptionInput) -> RenewalProgress:
        """Ask what is not rewritten yet to continue as new; return how much that was.

        A workflow is asked in the run that was found. If it has continued since, it is not asked
        again. Safe to repeat.

        Raises:
            ApplicationError: this worker encrypts with another key; final.
        """
        self._refuse_another_key(request.key_id)
        found = 0
        names: list[str] = []
        async with heartbeats():
            await asyncio.sleep(VISIBILITY_LAG_SECONDS)
            async for rows in grouped(self._old_ones(request), AT_ONCE):
                if found < MOST_IN_A_SEARCH:
                    await asyncio.gather(*map(self._renew, rows))
                    await asyncio.sleep(PAUSE_SECONDS)
                found += len(rows)
                names += [row.id for row in rows][: NAMES - len(names)]
        return request.progress.after(found, names, datetime.now(UTC))

    @activity.defn(name=ActivityName.NOTE_KEYS_LEFT)
    async def note_keys_left(self, request: ReencryptionInput) -> None:
        """Note in the log of keys that what lives long needs only the first key. Safe to repeat."""
        self._refuse_another_key(request.key_id)
        log = KeyLog(self.client, self._codec.key_ring, self.task_queue)
        uses = await log.uses() or {}
        for key_id in {*uses} & {*log.key_ring} - {request.key_id}:
            if not (uses[key_id].left_at or uses[key_id].retired):
                await log.note(Signal.KEY_LEFT, key_id)

    @property
    def _codec(self) -> EncryptionCodec:
        codec = self.client.data_converter.payload_codec
        assert isinstance(codec, EncryptionCodec)  # noqa: S101 - `connect` makes no other client
        return codec

    def _refuse_another_key(self, key_id: str) -> None:
        own = self._codec.current_key_id
        if own != key_id:
            raise ApplicationError(
                f"a worker encrypts with the key {own!r}, and not with {key_id!r}; put {key_id!r}"
                " first in HOOKWRIGHT_ENCRYPTION_KEYS everywhere, restart all processes, and run"
                " `hookwright reencrypt` again",
                type=ErrorType.OTHER_KEY,
                non_retryable=True,
            )

    async def _old_ones(self, request: ReencryptionInput) -> AsyncIterator[WorkflowExecution]:
        """Yield those that began before the re-encryption, or whose memo is under another key.

        What is being deleted follows nobody, and ends by itself: the report counts it.
        """
        for kind in RENEWED:
            query = executions_of(kind, has_status(WorkflowExecutionStatus.RUNNING))
            async for row in self.client.list_workflows(query, page_size=100):
                memo = filter(is_encrypted, row.raw_info.memo.fields.values())
                is_old = request.began_at and row.start_time < request.began_at
                is_old = is_old or any(key_id_of(each) != request.key_id for each in memo)
                if is_old and not await is_being_deleted(self.client, row):
                    yield row

    async def _renew(self, row: WorkflowExecution) -> None:
        handle = self.client.get_workflow_handle(row.id, run_id=row.run_id)
        await reached(handle.signal(Signal.RENEW))
