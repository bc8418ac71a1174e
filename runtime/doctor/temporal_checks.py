"""Checks of Temporal: is it there, is its namespace prepared, and do workers ask for work?"""

import asyncio
import re
import uuid
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.taskqueue.v1 import PollerInfo, TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeTaskQueueRequest,
    GetSystemInfoRequest,
    PollWorkflowTaskQueueRequest,
)
from temporalio.client import Client
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError, RPCStatusCode

from hookwright.ids import deliveries_queue, entities_queue, notifications_queue, slow_lane
from hookwright.temporal import RPC_TIMEOUT, SEARCH_ATTRIBUTES, EncryptionCodec, connect
from runtime.doctor.findings import Finding, clocks, failed, ok, skipped, warning
from runtime.settings import Settings

SET_UP = "Run `hookwright setup`; on Temporal Cloud see docs/temporal-cloud.md."
POLLED_WITHIN = timedelta(seconds=70)
"""A poll lasts a minute; Temporal lists a worker for some minutes after it has gone."""

POLL_TIMEOUT = timedelta(seconds=10)  # Temporal refuses polls of less than 2 s
LOOKS, LOOK_SECONDS = 10, 0.2
WORKFLOWS = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
ACTIVITIES = TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY
MESSAGE = re.compile(r'message: "([^"]+)"')


async def examine(settings: Settings) -> list[Finding]:
    """Return what was found."""
    address = "It"
    try:
        address = str(
            ClientConfig.load_client_connect_config().get("target_host", "localhost:7233")
        )
        client = await connect(EncryptionCodec(settings.key_ring), lazy=True)
        info = await client.workflow_service.get_system_info(
            GetSystemInfoRequest(), timeout=RPC_TIMEOUT
        )
    except (RPCError, RuntimeError, ValueError) as error:
        remedy = "Start Temporal, or correct TEMPORAL_ADDRESS and the TEMPORAL_TLS_ variables."
        return [
            failed("Temporal", f"{address} cannot be reached: {_reason(error)}.", remedy),
            skipped("namespace", "Not looked at, because Temporal cannot be reached."),
            skipped("workers", "Not looked at, because Temporal cannot be reached."),
        ]
    findings = [ok("Temporal", f"{address} answers, version {info.server_version}.")]
    namespace = await _namespace(client, settings.retention_days)
    findings += namespace
    if any(finding.verdict == "failed" for finding in namespace):
        return findings
    findings += [await _search_attributes(client), await _clock(client)]
    return [*findings, await _workers(client, settings.task_queue)]


async def _namespace(client: Client, retention_days: int) -> list[Finding]:
    try:
        answer = await client.workflow_service.describe_namespace(
            DescribeNamespaceRequest(namespace=client.namespace), timeout=RPC_TIMEOUT
        )
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return [failed("namespace", f"{client.namespace} does not exist.", SET_UP)]
        return [failed("namespace", f"It cannot be read: {error.message}.", SET_UP)]
    kept = answer.config.workflow_execution_retention_ttl.ToTimedelta()
    if kept != timedelta(days=retention_days):
        text = f"{client.namespace} keeps what has ended for {kept}, and HOOKWRIGHT_RETENTION_DAYS"
        return [warning("namespace", f"{text} is {retention_days}.", SET_UP)]
    return [ok("namespace", f"{client.namespace} keeps what has ended for {kept.days} days.")]


async def _search_attributes(client: Client) -> Finding:
    subject = "search attributes"
    try:
        answer = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace), timeout=RPC_TIMEOUT
        )
    except RPCError as error:
        return skipped(subject, f"Temporal does not show them: {error.message}.")
    present = answer.custom_attributes
    missing = [key.name for key in SEARCH_ATTRIBUTES if key.name not in present]
    wrong = [
        key.name
        for key in SEARCH_ATTRIBUTES
        if key.name in present and present[key.name] != key.indexed_value_type.value
    ]
    if missing:
        return failed(subject, f"These are missing: {', '.join(missing)}.", SET_UP)
    if wrong:
        remedy = "Remove them, and run `hookwright setup`."
        return failed(subject, f"These have another type: {', '.join(wrong)}.", remedy)
    return ok(subject, f"All {len(SEARCH_ATTRIBUTES)} are there.")


async def _clock(client: Client) -> Finding:
    """Compare clocks by a poll of a queue that nobody uses: Temporal notes when it began."""
    subject, queue = "clock of Temporal", f"hookwright-doctor-{uuid.uuid4()}"
    before = datetime.now(UTC)
    poll = asyncio.create_task(
        client.workflow_service.poll_workflow_task_queue(
            PollWorkflowTaskQueueRequest(
                namespace=client.namespace,
                task_queue=TaskQueue(name=queue),
                identity="hookwright doctor",
            ),
            timeout=POLL_TIMEOUT,
        )
    )
    try:
        for _ in range(LOOKS):
            await asyncio.sleep(LOOK_SECONDS)
            if pollers := await _pollers(client, queue, WORKFLOWS):
                began = pollers[0].last_access_time.ToDatetime(UTC)
                return clocks(subject, "Temporal", (began - before).total_seconds())
    except RPCError as error:
        return skipped(subject, f"Temporal does not tell its time: {error.message}.")
    finally:
        poll.cancel()
        with suppress(asyncio.CancelledError, RPCError):
            await poll
    return skipped(subject, "Temporal does not tell its time.")


async def _workers(client: Client, task_queue: str) -> Finding:
    """Ask each task queue who has polled it of late."""
    deliveries = deliveries_queue(task_queue)
    queues = [task_queue, deliveries, slow_lane(deliveries)]
    queues += [entities_queue(task_queue), notifications_queue(task_queue)]
    oldest = datetime.now(UTC) - POLLED_WITHIN
    identities: set[str] = set()
    idle = []
    for queue in queues:
        try:
            # The slow lane has activities only.
            pollers = [*await _pollers(client, queue, WORKFLOWS)]
            pollers += await _pollers(client, queue, ACTIVITIES)
        except RPCError as error:
            return failed("workers", f"{queue} cannot be read: {error.message}.", SET_UP)
        polled_by = {
            poller.identity
            for poller in pollers
            if poller.last_access_time.ToDatetime(UTC) > oldest
        }
        identities |= polled_by
        idle += [] if polled_by else [queue]
    if idle:
        return failed(
            "workers",
            f"Nobody polls {', '.join(idle)}: what is put there waits.",
            "Start `hookwright worker` or `serve`; HOOKWRIGHT_TASK_QUEUE must be the API's.",
        )
    count = len(identities)
    return ok("workers", f"{count} {'polls' if count == 1 else 'poll'} all {len(queues)} queues.")


async def _pollers(
    client: Client, queue: str, kind: TaskQueueType.ValueType
) -> Sequence[PollerInfo]:
    """Return who has polled a task queue in the last minutes.

    Raises:
        RPCError: Temporal does not say.
    """
    answer = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind
        ),
        timeout=RPC_TIMEOUT,
    )
    return answer.pollers


def _reason(error: Exception) -> str:
    """Return the core of what the SDK says, which repeats the names of its own errors."""
    text = error.message if isinstance(error, RPCError) else str(error)
    messages = MESSAGE.findall(text)
    return str(messages[-1]) if messages else text
