"""The mail server's settings."""

from runtime.mail.settings import MailSettings

__all__ = ["MailSettings"]
