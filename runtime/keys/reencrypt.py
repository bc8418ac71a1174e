"""`hookwright reencrypt`: rewrites what lives long under the first key, and says what may go."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError
from temporalio.common import WorkflowIDConflictPolicy

from activities.keys import KeyLog, KeyUse, OldKey, number_to_look_into, old_keys
from hookwright.ids import REENCRYPTION_WORKFLOW_ID, entities_queue
from hookwright.models import ReencryptionInput, RenewalProgress
from hookwright.temporal import RPC_TIMEOUT, MemoKey, Signal, WorkflowType
from runtime.errors import CommandError
from runtime.progress_bar import progress_bar
from runtime.running import print_line

POLL_SECONDS = 0.5
SLOW_SECONDS = 15.0


async def reencrypt(client: Client, key_ring: Mapping[str, bytes], task_queue: str) -> None:
    """Rewrite tenants, endpoints and the rest under the first key, unless that was done.

    Then print what still needs the older keys. A key that nothing needs any more is taken off the
    list of those that a start asks for. One under which something was written after it was left is
    noted as in use again, so that the next call rewrites all once more. The keys were compared with
    those in use (`check_keys`).

    Raises:
        CommandError: workflows were not rewritten, or a key was not left.
    """
    log, first = KeyLog(client, key_ring, task_queue), next(iter(key_ring))
    uses = await log.uses() or {}
    older = [use for use in uses.values() if use.key_id != first and not use.retired]
    if not older:
        print_line(f"Nothing to do: all that is stored here is encrypted with {first}.")
        return
    if not all(use.left_at for use in older):
        await _rewrite(client, first, task_queue)
        uses = await log.uses() or {}
    retention = await _retention(client)
    not_left = []
    for old in await _old_keys(client, uses, first):
        if old.written:
            await log.note(Signal.KEY_USED, old.use.key_id)
            not_left.append(in_use_again(old, first))
            continue
        if old.may_go:
            await log.note(Signal.KEY_RETIRED, old.use.key_id)
        print_line(still_needed(old, first, retention))
    if not_left:
        raise CommandError("\n".join(not_left))


async def _old_keys(client: Client, uses: dict[str, KeyUse], first: str) -> list[OldKey]:
    """Look into what is stored for anything under an older key, and show the progress."""
    with progress_bar() as bar:
        total = await number_to_look_into(client, uses, first)
        task = bar.add_task("looking", total=total)
        return await old_keys(client, uses, first, lambda number: bar.advance(task, number))


async def _rewrite(client: Client, first: str, task_queue: str) -> None:
    """Start the re-encryption, or join the one that is under way, and show its progress."""
    handle = await client.start_workflow(
        WorkflowType.REENCRYPTION,
        ReencryptionInput(key_id=first),
        id=REENCRYPTION_WORKFLOW_ID,
        task_queue=entities_queue(task_queue),
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        result_type=RenewalProgress,
    )
    with progress_bar() as bar:
        task = bar.add_task("rewriting", total=None)
        waited, progress = 0.0, RenewalProgress()
        while True:
            found = await handle.describe(rpc_timeout=RPC_TIMEOUT)
            progress = await found.memo_value(
                MemoKey.REENCRYPTION, progress, type_hint=RenewalProgress
            )
            bar.update(task, total=progress.total or None, completed=progress.done)
            if found.status is not WorkflowExecutionStatus.RUNNING:
                break
            waited += POLL_SECONDS
            if progress.remaining is None and waited == SLOW_SECONDS:
                bar.print("No worker has begun yet. Is one running? This goes on when one is.")
            await asyncio.sleep(POLL_SECONDS)
    try:
        ended: RenewalProgress = await handle.result(rpc_timeout=RPC_TIMEOUT)
    except WorkflowFailureError as error:
        raise CommandError(str(error.cause or error)) from None
    print_line(
        f"✓ What lives long is encrypted with {first}: {ended.total} workflows were rewritten."
    )


def still_needed(old: OldKey, first: str, retention: timedelta) -> str:
    """Return what still needs an old key, in a sentence, or that it may go."""
    key_id = old.use.key_id
    looked = (
        f"Looked into {old.looked_into:,} workflows, which are all that began since it was left or"
        " live long: none has anything under it."
    )
    if old.may_go:
        return (
            f"✓ {key_id} may go: nothing that is stored needs it any more. {looked} Remove it from"
            " HOOKWRIGHT_ENCRYPTION_KEYS everywhere, also in services that publish through"
            " Temporal, and restart all processes. Keep a copy as long as you keep backups from its"
            " time. Is a process forgotten that has it first? What that one writes from now on"
            f" waits until the workers have {key_id} again."
        )
    kinds = [f"{number} open {kind}" for kind, number in sorted(old.open.items())]
    ended = [f"{old.ended} that have ended and are kept until retention is over"]
    latest = datetime.now(UTC) + retention
    until = (
        "It may go when all of these have ended and their retention is over; ask again then."
        if old.open
        else f"It may go after {latest:%Y-%m-%d} at the latest; ask again then."
    )
    return (
        f"Keep {key_id} behind {first}: workflows from before it was left may need it"
        f" ({', '.join(kinds + (ended if old.ended else []))}). {looked} {until}"
    )


def in_use_again(old: OldKey, first: str) -> str:
    """Return what was written under a key after it was left, and what to do."""
    key_id, since = old.use.key_id, f"{old.use.left_at:%Y-%m-%d %H:%M} UTC"
    return (
        f"{key_id} is still in use: it was left at {since}, and later something was written under"
        f" it in {', '.join(old.written)}, and perhaps in others. So a process still has it first."
        f" Put {first} first in HOOKWRIGHT_ENCRYPTION_KEYS everywhere, also in services that"
        " publish through Temporal, restart all of them, and run `hookwright reencrypt` again,"
        " which rewrites everything once more."
    )


async def _retention(client: Client) -> timedelta:
    answer = await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=client.namespace), timeout=RPC_TIMEOUT
    )
    return answer.config.workflow_execution_retention_ttl.ToTimedelta()
