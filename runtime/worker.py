"""The worker: registers workflows and activities, and runs.

It is three of the SDK's workers, each with a task queue and slots of its own: events do not hold
what their deliveries need, and entities answer whatever is under way
(docs/decisions/0020-workers-and-slots.md).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
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

from activities.delivery import Attempts, Ledger, Posting, Reporter, Telling
from activities.egress import Egress, Proxy
from activities.endpoint_snapshots import Endpoints
from activities.entities import Entities
from activities.erasure import Erasures
from activities.fan_out import FanOuts
from activities.notices import Notices
from activities.recovery import Recoveries
from activities.releases import Releases
from activities.task_slots import MOST_IN_ALL, TaskSlots
from hookwright.contracts import Contract
from hookwright.expressions import Evaluator
from hookwright.ids import deliveries_queue, entities_queue
from hookwright.security import DestinationPolicy
from workflows.delivery import Delivery
from workflows.endpoint import Endpoint
from workflows.event import Event
from workflows.event_types import EventTypes
from workflows.recovery import Recovery
from workflows.tenant import Tenant
from workflows.trial import Trial

WORKFLOWS = [Tenant, Endpoint, Event, Delivery, Trial, Recovery, EventTypes]

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


@asynccontextmanager
async def worker(  # noqa: PLR0913 - what a worker is told
    client: Client,
    destinations: DestinationPolicy,
    contracts: Mapping[str, Contract],
    task_queue: str,
    workflow_runner: WorkflowRunner | None = None,
    proxy: Proxy | None = None,
    authorities: str | None = None,
    operator_tenant: str | None = None,
) -> AsyncIterator[None]:
    """Run a worker while the context lasts.

    Workflows run unsandboxed by default: the sandbox costs about 5 ms of CPU a run, and the tests
    run inside it.
    """
    async with (
        Egress(destinations, proxy=proxy, authorities=authorities) as egress,
        Reporter(client) as reporter,
        Ledger() as ledger,
        Evaluator() as evaluator,
    ):
        slots = TaskSlots()
        own = activities(
            client,
            Posting(egress, contracts, evaluator),
            reporter,
            Notices(client, operator_tenant, task_queue),
            FanOuts(client, deliveries_queue(task_queue), evaluator),
            ledger,
            slots,
        )
        common: dict[str, Any] = {
            "workflows": WORKFLOWS,
            "activities": own,
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
                max_cached_workflows=2 * MOST_IN_ALL,
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


def activities(  # noqa: PLR0913 - what they need
    client: Client,
    posting: Posting,
    reporter: Reporter,
    notices: Notices,
    fan_outs: FanOuts,
    ledger: Ledger,
    slots: TaskSlots,
) -> list[Callable[..., Any]]:
    """Return the activities, bound to what they need."""
    endpoints = Endpoints(client)
    telling = Telling(reporter, endpoints, posting)
    attempts = Attempts(client, endpoints, posting, telling, ledger, slots.lent)
    entities = Entities(client)
    releases = Releases(client, endpoints)
    recoveries = Recoveries(client, endpoints, fan_outs.deliveries_queue, fan_outs.evaluator)
    return [
        fan_outs.fan_out,
        fan_outs.fan_out_rest,
        Erasures(client).erase_tenant,
        attempts.attempt,
        attempts.retry,
        attempts.leave,
        attempts.try_out,
        attempts.recorded_log,
        attempts.cancel_workflow,
        entities.register_route,
        entities.unregister_route,
        entities.delete_endpoints,
        entities.cancel_deliveries,
        releases.probe,
        releases.release,
        releases.expire,
        releases.end_held,
        releases.count_held,
        notices.publish,
        recoveries.recover,
        recoveries.recorded_progress,
    ]
