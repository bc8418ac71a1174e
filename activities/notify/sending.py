"""The activities of `Notification`: they send one message to one address, or to the chat."""

import ssl
from dataclasses import dataclass

from temporalio import activity
from temporalio.client import Client

from activities.notify.mail import build_mail
from activities.notify.mail_server import MailServer
from activities.notify.message import compose
from activities.notify.refusals import not_now
from activities.notify.slack import SlackSender
from activities.notify.wishes import wishes_of
from hookwright.models import SLACK, MailInput, NotificationInput, Told
from hookwright.temporal import ActivityName


@dataclass(frozen=True)
class NotificationActivities:
    """Sends messages to people.

    Each activity first reads what its tenant wants now: it is retried for up to a day, and by then
    an address may be gone, or the tenant with all of them. `tls` verifies the mail server.
    """

    client: Client
    slack: SlackSender
    mail_server: MailServer | None
    portal_url: str | None
    tls: ssl.SSLContext

    @activity.defn(name=ActivityName.SEND_MAIL)
    async def send_mail(self, mail: MailInput) -> Told:
        """Send a mail to one address, if its tenant still wants it.

        Raises:
            ApplicationError: the mail server did not take it.
        """
        wishes = await wishes_of(self.client, mail.notification.endpoint.tenant_id)
        if wishes is None or mail.address not in wishes.emails:
            return Told(to=mail.address, outcome="unwanted")
        if self.mail_server is None:
            raise not_now("this worker has no HOOKWRIGHT_SMTP_HOST, though another has")
        message = compose(mail.notification, self.portal_url)
        workflow_id = activity.info().workflow_id or ""
        built = build_mail(message, mail, self.mail_server.sender, workflow_id)
        await self.mail_server.send(built, mail.address, self.tls)
        return Told(to=mail.address, outcome="sent")

    @activity.defn(name=ActivityName.SEND_SLACK)
    async def send_slack(self, notification: NotificationInput) -> Told:
        """Send a message to the chat, if its tenant still has one.

        Raises:
            ApplicationError: the chat did not take it.
        """
        tenant_id = notification.endpoint.tenant_id
        wishes = await wishes_of(self.client, tenant_id)
        if wishes is None or wishes.slack_url is None:
            return Told(to=SLACK, outcome="unwanted")
        message = compose(notification, self.portal_url)
        await self.slack.send(wishes.slack_url, message, tenant_id)
        return Told(to=SLACK, outcome="sent")
