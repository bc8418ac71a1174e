"""People are told by e-mail and in a chat what becomes of their endpoints."""

from activities.notify.mail_server import MailServer, TlsMode
from activities.notify.sending import NotificationActivities
from activities.notify.slack import SlackSender
from activities.notify.starting import NotificationStarter

__all__ = ["MailServer", "NotificationActivities", "NotificationStarter", "SlackSender", "TlsMode"]
