"""The activities that a worker registers, bound to the objects that they use."""

import ssl
from collections.abc import Callable
from typing import Any

from temporalio.client import Client

from activities.delivery import DeliveryActivities, EndpointTestActivities
from activities.egress import Egress
from activities.endpoint_snapshots import EndpointSnapshots
from activities.entities import EntityActivities
from activities.erasure import ErasureActivities
from activities.fan_out import FanOutActivities
from activities.held_rows import HeldRows
from activities.keys import ReencryptionActivities
from activities.notices import NoticeActivities
from activities.notify import NotificationActivities, NotificationStarter, SlackSender
from activities.recovery import RecoveryActivities
from activities.releases import ReleaseActivities
from activities.shares import TenantTurns
from activities.turns import TurnActivities
from hookwright.expressions import Evaluator
from hookwright.ids import deliveries_queue, notifications_queue
from runtime.worker.config import WorkerConfig


def activities_of(  # noqa: PLR0913 - one parameter for each object that activities share
    client: Client,
    config: WorkerConfig,
    attempts: DeliveryActivities,
    endpoints: EndpointSnapshots,
    evaluator: Evaluator,
    turns: TenantTurns,
) -> list[Callable[..., Any]]:
    """Return the activities, bound to the objects that they use."""
    queue = deliveries_queue(config.task_queue)
    fan_outs = FanOutActivities(client, queue, evaluator, turns)
    entities = EntityActivities(client)
    reencryption = ReencryptionActivities(client, config.task_queue)
    releases = ReleaseActivities(client, endpoints, HeldRows(client))
    recoveries = RecoveryActivities(client, endpoints, queue, evaluator)
    return [
        fan_outs.fan_out,
        fan_outs.fan_out_rest,
        attempts.first_attempt,
        attempts.retry,
        attempts.report_ended,
        EndpointTestActivities(endpoints, attempts.runner.sender).send_test,
        attempts.recorded_log,
        attempts.cancel_workflow,
        entities.register_route,
        entities.unregister_route,
        entities.delete_endpoints,
        entities.cancel_deliveries,
        NoticeActivities(
            client,
            config.operator_tenant,
            config.task_queue,
            NotificationStarter(
                client,
                notifications_queue(config.task_queue),
                mails=config.mail_server is not None,
            ),
        ).publish,
        releases.probe,
        releases.release,
        releases.expire,
        releases.cancel,
        releases.count,
        recoveries.recover,
        recoveries.recorded_progress,
        ErasureActivities(client).erase_tenant,
        TurnActivities(client, endpoints).give_turns,
        reencryption.renew_entities,
        reencryption.note_keys_left,
    ]


def notification_activities(
    client: Client, config: WorkerConfig, egress: Egress, tls: ssl.SSLContext
) -> list[Callable[..., Any]]:
    """Return the activities that send messages to people."""
    messages = NotificationActivities(
        client, SlackSender(egress), config.mail_server, config.portal_url, tls
    )
    return [messages.send_mail, messages.send_slack]
