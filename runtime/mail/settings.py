"""The settings of the mail server that messages to people are handed in to."""

import re
from email.headerregistry import Address
from email.utils import parseaddr
from ipaddress import ip_address
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings

from activities.notify import MailServer, TlsMode
from hookwright.models import check_email
from runtime.errors import CommandError
from runtime.setting_values import none_if_empty

PORTS: dict[TlsMode, int] = {"starttls": 587, "tls": 465, "none": 25}
HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?|[0-9A-Fa-f:.]+")


def check_host(host: str | None) -> str | None:
    """Return the name or address of a mail server, without a scheme and a port."""
    if host is not None and not HOST.fullmatch(host):
        raise ValueError("write the server's name or address alone: smtp.example.com")
    return host


def check_sender(text: str | None) -> str | None:
    """Return who mails come from: an address, with a name before it or not."""
    if text is None:
        return None
    name, address = parseaddr(text)
    try:
        check_email(address)
        Address(name, addr_spec=address)
    except ValueError:
        raise ValueError(
            "write it as `webhooks@example.com` or `Name <webhooks@example.com>`"
        ) from None
    if not name.isprintable() or text.strip() not in (
        address,
        f"{name} <{address}>",
        f'"{name}" <{address}>',
    ):
        raise ValueError("write it as `webhooks@example.com` or `Name <webhooks@example.com>`")
    return text.strip()


class MailSettings(BaseSettings):
    """Where mails are handed in. Nothing is mailed until `smtp_host` is set."""

    smtp_host: Annotated[str | None, BeforeValidator(none_if_empty), AfterValidator(check_host)] = (
        Field(
            default=None,
            description="The mail server that mails are handed in to. Unset: no mails.",
        )
    )
    smtp_port: Annotated[int | None, BeforeValidator(none_if_empty)] = Field(
        default=None,
        ge=1,
        le=65_535,
        description="Its port. Unset: 587 for starttls, 465 for tls, 25 for none.",
    )
    smtp_username: Annotated[str | None, BeforeValidator(none_if_empty)] = Field(
        default=None, description="The name to log in with. Unset: no login."
    )
    smtp_password: Annotated[SecretStr | None, BeforeValidator(none_if_empty)] = Field(
        default=None, description="The password to log in with."
    )
    smtp_tls: Annotated[TlsMode, BeforeValidator(lambda text: text or "starttls")] = Field(
        default="starttls",
        description="starttls: encrypt after the greeting; tls: from the beginning; none: never.",
    )
    mail_from: Annotated[
        str | None, BeforeValidator(none_if_empty), AfterValidator(check_sender)
    ] = Field(
        default=None,
        description="Whom mails come from: an address, perhaps with a name before it.",
    )

    @property
    def mail_server(self) -> MailServer | None:
        """The mail server, if there is one.

        Raises:
            CommandError: Settings do not fit together. The text names one and the remedy.
        """
        if self.smtp_host is None:
            self._refuse_without_host()
            return None
        if self.mail_from is None:
            raise CommandError(
                "HOOKWRIGHT_MAIL_FROM is not set; set the address that mails come from,"
                " or unset HOOKWRIGHT_SMTP_HOST"
            )
        if (self.smtp_username is None) != (self.smtp_password is None):
            missing = "PASSWORD" if self.smtp_password is None else "USERNAME"
            raise CommandError(
                f"HOOKWRIGHT_SMTP_{missing} is not set; set both, username and password, or neither"
            )
        if self.smtp_password and self.smtp_tls == "none" and not _is_loopback(self.smtp_host):
            raise CommandError(
                "HOOKWRIGHT_SMTP_TLS: without TLS the password could be read on its way;"
                " set starttls or tls"
            )
        return MailServer(
            host=self.smtp_host,
            port=self.smtp_port or PORTS[self.smtp_tls],
            sender=self.mail_from,
            username=self.smtp_username,
            password=self.smtp_password.get_secret_value() if self.smtp_password else None,
            tls=self.smtp_tls,
        )

    def _refuse_without_host(self) -> None:
        """Refuse a half of the settings: whoever sets it expects mails."""
        others = ("smtp_port", "smtp_username", "smtp_password", "mail_from")
        if name := next((name for name in others if getattr(self, name) is not None), None):
            raise CommandError(
                f"HOOKWRIGHT_SMTP_HOST is not set, though HOOKWRIGHT_{name.upper()} is; set the"
                " mail server, or unset both"
            )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
