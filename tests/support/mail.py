"""A mail server: a real one, which keeps what it got and answers as the test sets it."""

import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from activities.notify import MailServer

SENDER = "Hookwright <webhooks@example.com>"
USERNAME, PASSWORD = "hookwright", "mail-password-0123456789"
TAKEN = "250 OK"


@dataclass(frozen=True)
class Mail:
    """A mail as the server got it."""

    sender: str
    recipients: list[str]
    content: bytes
    encrypted: bool
    authenticated: bool

    @property
    def message(self) -> EmailMessage:
        parsed = message_from_bytes(self.content, policy=default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    def part(self, subtype: str) -> str:
        body = self.message.get_body((subtype,))
        assert body is not None
        return str(body.get_content())


@dataclass
class MailBox:
    """What the server has taken, and what it answers to a recipient and to a mail.

    An answer is used once, and the last one of its list from then on.
    """

    port: int = 0
    mails: list[Mail] = field(default_factory=list)
    to_recipients: dict[str, list[str]] = field(default_factory=dict)
    to_mails: list[str] = field(default_factory=lambda: [TAKEN])
    tries: int = 0

    def server(self, **fields: Any) -> MailServer:
        """Return how Hookwright is told of this server."""
        return MailServer("127.0.0.1", self.port, SENDER, **{"tls": "none", **fields})

    def to(self, address: str) -> list[Mail]:
        return [mail for mail in self.mails if address in mail.recipients]

    # The names that aiosmtpd asks for.

    async def handle_RCPT(  # noqa: N802
        self, _: SMTP, __: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.tries += 1
        answers = self.to_recipients.get(address, [TAKEN])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if answer == TAKEN:
            envelope.rcpt_tos.append(address)
            envelope.rcpt_options.extend(options)
        return answer

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        answer = self.to_mails.pop(0) if len(self.to_mails) > 1 else self.to_mails[0]
        if answer == TAKEN:
            content = envelope.content or b""
            assert isinstance(content, bytes)
            transport = server.transport
            over_tls = transport is not None and transport.get_extra_info("ssl_object") is not None
            self.mails.append(
                Mail(
                    sender=str(envelope.mail_from),
                    recipients=list(envelope.rcpt_tos),
                    content=content,
                    encrypted=over_tls or session.ssl is not None,
                    authenticated=bool(session.authenticated),
                )
            )
        return answer


def _authenticate(*arguments: Any) -> AuthResult:
    data = arguments[-1]
    assert isinstance(data, LoginPassword)
    fits = (data.login, data.password) == (USERNAME.encode(), PASSWORD.encode())
    return AuthResult(success=fits, handled=fits)


@asynccontextmanager
async def mail_box(
    *,
    starttls: ssl.SSLContext | None = None,
    tls: ssl.SSLContext | None = None,
    login: bool = False,
) -> AsyncIterator[MailBox]:
    """Run a mail server on loopback while the context lasts."""
    it = MailBox()

    def protocol() -> SMTP:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a login without TLS is not safe
            return new_server()

    def new_server() -> SMTP:
        return SMTP(
            it,
            hostname="mail.test",
            tls_context=starttls,
            require_starttls=starttls is not None,
            authenticator=_authenticate,
            auth_required=login,
            auth_require_tls=login and starttls is not None,
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=tls)
    it.port = server.sockets[0].getsockname()[1]
    try:
        yield it
    finally:
        server.close()
        await server.wait_closed()
