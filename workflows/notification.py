"""`Notification`: one message about an endpoint, to each of those who are told."""

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

    from activities.notify import NotificationActivities
    from hookwright.models import SLACK, MailInput, NotificationInput, Told
    from hookwright.temporal import WorkflowType

ATTEMPT = timedelta(seconds=60)
"""Longer than one attempt takes, so that an attempt ends by itself and says why."""

GIVE_UP_AFTER = timedelta(days=1)
RETRIES = RetryPolicy(initial_interval=timedelta(seconds=5), maximum_interval=timedelta(minutes=30))
"""Soon at first, because the server may only have been restarted; then twice an hour."""


@workflow.defn(name=WorkflowType.NOTIFICATION)
class Notification:
    """It has nothing to do with deliveries: however long a mail takes, no endpoint waits for it.

    Each address has an activity of its own, so that a refusal for one has no effect on others.
    """

    @workflow.run
    async def run(self, notification: NotificationInput) -> list[Told]:
        """Send the messages; return what became of each."""
        sends = [
            self.send(
                NotificationActivities.send_mail,
                MailInput(notification=notification, address=address),
                address,
                notification.type,
            )
            for address in notification.emails
        ]
        if notification.slack:
            sends.append(
                self.send(NotificationActivities.send_slack, notification, SLACK, notification.type)
            )
        return await asyncio.gather(*sends)

    async def send(self, activity: Any, argument: BaseModel, to: str, kind: str) -> Told:  # noqa: ANN401
        """Send one message, and retry it for up to a day unless it is refused for good."""
        try:
            told: Told = await workflow.execute_activity_method(
                activity,
                argument,
                start_to_close_timeout=ATTEMPT,
                schedule_to_close_timeout=GIVE_UP_AFTER,
                retry_policy=RETRIES,
                summary=f"tell of {kind} by {'Slack' if to == SLACK else 'mail'}",
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            # Without the reason, which may name a person.
            workflow.logger.warning("a message was not sent; the workflow's result says why")
            return Told(to=to, outcome="failed", error=_first_cause(error))
        return told


def _first_cause(error: ActivityError) -> str:
    """Return what the last attempt said, also if the time for further ones ran out."""
    cause: FailureError = error
    while isinstance(cause.cause, FailureError):
        cause = cause.cause
    return cause.message
