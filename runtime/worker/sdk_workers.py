"""The worker: it registers the workflows and activities, and runs them.

It consists of six SDK workers. Each has its own task queue and its own slots, so that events cannot
take the slots of their deliveries, nor slow endpoints those of others, entities answer under any
load, and a mail server that does not answer delays mails only (docs/decisions/0020). The sixth goes
on with what this worker alone can go on with, and so it stops last.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.worker import (
    CustomSlotSupplier,
    FixedSizeSlotSupplier,
    Worker,
    WorkerTuner,
    WorkflowRunner,
)

from activities.delivery import (
    AttemptRunner,
    DeliveryActivities,
    DeliveryReports,
    HandOvers,
    Ledger,
    QueuePlaces,
    ReportQueue,
    WebhookSender,
)
from activities.egress import Egress, tls_context
from activities.endpoint_snapshots import EndpointSnapshots
from activities.keys import knowing_foreign_keys
from activities.shares import TenantTurns
from activities.slow_slots import SlowSlots
from activities.task_slots import MAX_TASKS_IN_ALL, POLLS, TaskSlots
from hookwright.expressions import Evaluator
from hookwright.ids import (
    deliveries_queue,
    entities_queue,
    notifications_queue,
    own_queue,
    slow_lane,
)
from runtime.deployment import deployment_config
from runtime.running import run_workers
from runtime.worker.activities import activities_of, notification_activities
from runtime.worker.config import WorkerConfig
from runtime.worker.evictions import EmptyingRunner
from workflows.delivery import Delivery
from workflows.endpoint import Endpoint
from workflows.endpoint_queue import EndpointQueue
from workflows.endpoint_test import EndpointTest
from workflows.event import Event
from workflows.event_types import EventTypes
from workflows.keys import EncryptionKeys, Reencryption
from workflows.notification import Notification
from workflows.portal_sign_in import PortalSignIn
from workflows.recovery import Recovery
from workflows.tenant import Tenant

WORKFLOWS = [
    Tenant,
    Endpoint,
    Event,
    Delivery,
    EndpointTest,
    Recovery,
    EventTypes,
    PortalSignIn,
    Notification,
    EndpointQueue,
    EncryptionKeys,
    Reencryption,
]

EVENT_TASK_SLOTS = 8
"""So many events start their deliveries at the same time; each starts several at once. Measured:
eight keep the full rate under a flood of events, and leave the server time to complete the
deliveries that they have started."""

ENTITY_TASK_SLOTS = 8
"""A worker that has just started replays the history of each entity that something comes for, at
about a thousand events a second. Eight at once end before their tasks time out; of a hundred long
ones none did, and all began again (docs/decisions/0020)."""

NOTIFICATION_TASK_SLOTS, MESSAGE_SLOTS = 8, 16
"""A mail server allows a sender few connections at the same time, often ten or twenty."""

ACTIVITY_SLOTS = 1_000
"""Activities wait for the network and cost little while they wait. The number of attempts is
limited by their shares (`activities.shares`), not by these slots."""

SHUTDOWN_TIMEOUT = timedelta(seconds=65)
"""On shutdown, requests in flight may finish: the longest timeout of an endpoint, and 5 s more."""

MAX_HEARTBEAT_INTERVAL = timedelta(seconds=1)
"""The SDK sends an activity's heartbeats to Temporal at most this far apart. The answer to a
heartbeat reports a cancellation, so a recovery stops within 2 s. Activities that send heartbeats
all the time send no more than necessary (`activities.delivery.attempts`)."""

POLLS_OF_BACKLOG = 0.6
"""This part of the polls for workflow tasks asks the task queue itself, and not for what this
worker's cache has. By default it is a fifth: one poll, which brought 3 tasks a second of a
backlog."""

CACHED_DELIVERIES = MAX_TASKS_IN_ALL + 100
"""So many deliveries stay in memory, at 85 KB each. Those whose task is open must; of the others,
one that goes on is read from the server again (docs/decisions/0028-memory.md)."""

STICKY_TIMEOUT = timedelta(seconds=3)
"""How long a workflow task waits for the worker that has the workflow in its cache. That worker may
have been killed."""


@asynccontextmanager
async def worker(
    client: Client, config: WorkerConfig, workflow_runner: WorkflowRunner | None = None
) -> AsyncIterator[None]:
    """Run a worker while the context is open.

    Workflows run without the SDK's sandbox by default, because it costs about 5 ms of CPU for each
    run. The tests use the sandbox.
    """
    task_queue = config.task_queue
    async with (
        Egress(config.destinations, proxy=config.proxy, authorities=config.authorities) as egress,
        ReportQueue(client) as reports,
        Ledger() as ledger,
        Evaluator() as evaluator,
        knowing_foreign_keys(client, task_queue),
    ):
        slots, turns = TaskSlots(), TenantTurns()
        sender = WebhookSender(egress, config.contracts, evaluator, config.webhook_headers)
        endpoints = EndpointSnapshots(client)
        runner = AttemptRunner(sender, DeliveryReports(reports, endpoints, sender), ledger)
        queues = QueuePlaces(client, entities_queue(task_queue))
        hand_overs = HandOvers(own_queue(deliveries_queue(task_queue)))
        attempts = DeliveryActivities(
            client, endpoints, runner, queues, hand_overs, slots.lent, turns
        )
        lasting: dict[str, Any] = {
            "graceful_shutdown_timeout": SHUTDOWN_TIMEOUT,
            "max_heartbeat_throttle_interval": MAX_HEARTBEAT_INTERVAL,
            "deployment_config": deployment_config(config.version),
        }
        common: dict[str, Any] = {
            **lasting,
            "workflows": WORKFLOWS,
            "activities": [
                *activities_of(client, config, attempts, endpoints, evaluator, turns),
                *notification_activities(client, config, egress, tls_context(config.authorities)),
            ],
            "workflow_runner": workflow_runner or EmptyingRunner(),
            "sticky_queue_schedule_to_start_timeout": STICKY_TIMEOUT,
            "nonsticky_to_sticky_poll_ratio": POLLS_OF_BACKLOG,
        }
        async with (
            run_workers(_own_worker(client, attempts)),
            hand_overs,
            run_workers(
                Worker(client, task_queue=task_queue, tuner=_tuner(EVENT_TASK_SLOTS), **common),
                Worker(
                    client,
                    task_queue=deliveries_queue(task_queue),
                    tuner=_tuner(slots),
                    max_concurrent_workflow_task_polls=POLLS,
                    max_cached_workflows=CACHED_DELIVERIES,
                    **common,
                ),
                Worker(
                    client,
                    task_queue=slow_lane(deliveries_queue(task_queue)),
                    activities=[attempts.retry],
                    tuner=_tuner(ACTIVITY_SLOTS, SlowSlots(slots.seconds_of_a_task)),
                    **lasting,
                ),
                Worker(
                    client,
                    task_queue=entities_queue(task_queue),
                    tuner=_tuner(ENTITY_TASK_SLOTS),
                    **common,
                ),
                Worker(
                    client,
                    task_queue=notifications_queue(task_queue),
                    tuner=_tuner(NOTIFICATION_TASK_SLOTS, MESSAGE_SLOTS),
                    **common,
                ),
            ),
        ):
            yield


def _own_worker(client: Client, attempts: DeliveryActivities) -> Worker:
    """Return the worker of what this process has begun.

    It has no version: a version keeps a list of its task queues, at most 100 by default, and the
    next one would have to poll each of them before it can be promoted.
    """
    return Worker(
        client,
        task_queue=attempts.hand_overs.task_queue,
        activities=[attempts.first_attempt],
        max_concurrent_activities=ACTIVITY_SLOTS,
        graceful_shutdown_timeout=SHUTDOWN_TIMEOUT,
        max_heartbeat_throttle_interval=MAX_HEARTBEAT_INTERVAL,
    )


def _tuner(
    workflow_tasks: int | CustomSlotSupplier, activities: int | CustomSlotSupplier = ACTIVITY_SLOTS
) -> WorkerTuner:
    """Return a tuner with these slots for workflow tasks and activities, and enough for others."""
    return WorkerTuner.create_composite(
        workflow_supplier=_slots(workflow_tasks),
        activity_supplier=_slots(activities),
        local_activity_supplier=_slots(ACTIVITY_SLOTS),
        nexus_supplier=_slots(ACTIVITY_SLOTS),
    )


def _slots(slots: int | CustomSlotSupplier) -> FixedSizeSlotSupplier | CustomSlotSupplier:
    return FixedSizeSlotSupplier(slots) if isinstance(slots, int) else slots
