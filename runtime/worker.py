"""The worker: registers workflows and activities, and runs.

It is three of the SDK's workers, each with a task queue and slots of its own: events do not hold
what their deliveries need, and entities answer whatever is under way
(docs/decisions/0020-workers-and-slots.md).
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.worker import (
    FixedSizeSlotSupplier,
    UnsandboxedWorkflowRunner,
    Worker,
    WorkerTuner,
    WorkflowRunner,
)

from activities.delivery import (
    AttemptRunner,
    DeliveryActivities,
    DeliveryReports,
    Ledger,
    ReportQueue,
    WebhookSender,
)
from activities.egress import Egress, Proxy
from activities.endpoint_snapshots import EndpointSnapshots
from activities.entities import EntityActivities
from activities.erasure import ErasureActivities
from activities.fan_out import FanOutActivities
from activities.notices import NoticeActivities
from activities.recovery import RecoveryActivities
from activities.releases import ReleaseActivities
from activities.task_slots import MAX_TASKS_IN_ALL, TaskSlots
from hookwright.contracts import Contracts
from hookwright.expressions import Evaluator
from hookwright.ids import deliveries_queue, entities_queue
from hookwright.security import DestinationPolicy
from workflows.delivery import Delivery
from workflows.endpoint import Endpoint
from workflows.endpoint_test import EndpointTest
from workflows.event import Event
from workflows.event_types import EventTypes
from workflows.recovery import Recovery
from workflows.tenant import Tenant

WORKFLOWS = [Tenant, Endpoint, Event, Delivery, EndpointTest, Recovery, EventTypes]

EVENTS = 8
"""Events whose deliveries are being started at once; each starts several at once. Measured: eight
keep the rate of a flood, and leave the server time to complete what they have started."""

ENTITIES = 100
ACTIVITIES = 1_000
"""Slots. Activities wait for the network and cost little while they do; what bounds attempts are
their shares (`activities.shares`)."""

DRAIN = timedelta(seconds=65)
"""On shutdown, POSTs in flight may end: the longest timeout of an endpoint, and 5 s."""

HEARTBEATS_APART = timedelta(seconds=1)
"""The SDK tells Temporal of heartbeats no more often. The answer brings a cancellation: a recovery
halts within 2 s. What beats all the time beats no faster than it must
(`activities.delivery.attempts`)."""

STICKY_TIMEOUT = timedelta(seconds=3)
"""How long a task waits for the worker that has the workflow cached, which may have been killed."""


@dataclass(frozen=True)
class WorkerConfig:
    """What a worker is told: made at the edge from the settings, and handed down.

    `proxy` and `authorities` (PEM) are for the way out to receivers. `operator_tenant` gets a copy
    of every tenant's operational events.
    """

    task_queue: str
    destinations: DestinationPolicy
    contracts: Contracts
    proxy: Proxy | None = None
    authorities: str | None = None
    operator_tenant: str | None = None


@asynccontextmanager
async def worker(
    client: Client, config: WorkerConfig, workflow_runner: WorkflowRunner | None = None
) -> AsyncIterator[None]:
    """Run a worker while the context lasts.

    Workflows run unsandboxed by default: the sandbox costs about 5 ms of CPU a run, and the tests
    run inside it.
    """
    task_queue = config.task_queue
    async with (
        Egress(config.destinations, proxy=config.proxy, authorities=config.authorities) as egress,
        ReportQueue(client) as reports,
        Ledger() as ledger,
        Evaluator() as evaluator,
    ):
        slots = TaskSlots()
        sender = WebhookSender(egress, config.contracts, evaluator)
        endpoints = EndpointSnapshots(client)
        runner = AttemptRunner(sender, DeliveryReports(reports, endpoints, sender), ledger)
        common: dict[str, Any] = {
            "workflows": WORKFLOWS,
            "activities": _activities(client, config, runner, endpoints, evaluator, slots),
            "workflow_runner": workflow_runner or UnsandboxedWorkflowRunner(),
            "graceful_shutdown_timeout": DRAIN,
            "max_heartbeat_throttle_interval": HEARTBEATS_APART,
            "sticky_queue_schedule_to_start_timeout": STICKY_TIMEOUT,
        }
        async with _all(
            Worker(client, task_queue=task_queue, tuner=_tuner(EVENTS), **common),
            Worker(
                client,
                task_queue=deliveries_queue(task_queue),
                tuner=_tuner(slots),
                max_cached_workflows=2 * MAX_TASKS_IN_ALL,
                **common,
            ),
            Worker(client, task_queue=entities_queue(task_queue), tuner=_tuner(ENTITIES), **common),
        ):
            yield


@asynccontextmanager
async def _all(*workers: Worker) -> AsyncIterator[None]:
    """Run workers while the context lasts; in the end they all stop at the same time."""
    async with AsyncExitStack() as stack:
        for each in workers:
            await stack.enter_async_context(each)
        try:
            yield
        finally:
            await asyncio.gather(*(each.shutdown() for each in workers))


def _tuner(workflow_tasks: int | TaskSlots) -> WorkerTuner:
    """Return slots: so many for workflow tasks, and enough for all activities."""
    many = FixedSizeSlotSupplier(ACTIVITIES)
    return WorkerTuner.create_composite(
        workflow_supplier=workflow_tasks
        if isinstance(workflow_tasks, TaskSlots)
        else FixedSizeSlotSupplier(workflow_tasks),
        activity_supplier=many,
        local_activity_supplier=many,
        nexus_supplier=many,
    )


def _activities(  # noqa: PLR0913 - what they share
    client: Client,
    config: WorkerConfig,
    runner: AttemptRunner,
    endpoints: EndpointSnapshots,
    evaluator: Evaluator,
    slots: TaskSlots,
) -> list[Callable[..., Any]]:
    """Return the activities, bound to what they need."""
    queue = deliveries_queue(config.task_queue)
    fan_outs = FanOutActivities(client, queue, evaluator)
    attempts = DeliveryActivities(client, endpoints, runner, slots.lent)
    entities = EntityActivities(client)
    releases = ReleaseActivities(client, endpoints)
    recoveries = RecoveryActivities(client, endpoints, queue, evaluator)
    return [
        fan_outs.fan_out,
        fan_outs.fan_out_rest,
        attempts.first_attempt,
        attempts.retry,
        attempts.report_ended,
        attempts.send_test,
        attempts.recorded_log,
        attempts.cancel_workflow,
        entities.register_route,
        entities.unregister_route,
        entities.delete_endpoints,
        entities.cancel_deliveries,
        NoticeActivities(client, config.operator_tenant, config.task_queue).publish,
        releases.probe,
        releases.release,
        releases.expire,
        releases.cancel,
        releases.count,
        recoveries.recover,
        recoveries.recorded_progress,
        ErasureActivities(client).erase_tenant,
    ]
