"""The operator's mail server, spoken to by SMTP."""

import asyncio
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Literal

import aiosmtplib

from activities.notify.refusals import not_now, refused
from hookwright.security import hidden_from_logs

REPLY_SECONDS, MAIL_SECONDS = 15.0, 40.0
"""How long the server may take for one reply, and for a whole mail."""

FIRST_PERMANENT = 500
LOGIN_CODES = (530, 534, 535, 538)
"""The server wants another login (RFC 4954). The operator can mend that, and the mail is good."""

TlsMode = Literal["starttls", "tls", "none"]


@dataclass(frozen=True)
class MailServer:
    """Where mails are handed in, and who sends them."""

    host: str
    port: int
    sender: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: TlsMode = "starttls"

    async def send(self, mail: EmailMessage, address: str, context: ssl.SSLContext) -> None:
        """Hand in a mail for one address.

        With `starttls` the connection is encrypted or not used: there is no way back to clear text.

        Raises:
            ApplicationError: the server did not take it. Not to be retried if it said 5xx to this
                mail, its sender or its recipient.
        """
        sender = parseaddr(self.sender)[1]
        try:
            with hidden_from_logs(self.password or ""):
                async with asyncio.timeout(MAIL_SECONDS):
                    await aiosmtplib.send(
                        mail,
                        sender=sender,
                        recipients=[address],
                        hostname=self.host,
                        port=self.port,
                        username=self.username,
                        password=self.password,
                        local_hostname=sender.rpartition("@")[2],
                        timeout=REPLY_SECONDS,
                        use_tls=self.tls == "tls",
                        start_tls=self.tls == "starttls",
                        tls_context=None if self.tls == "none" else context,
                    )
        except aiosmtplib.SMTPRecipientsRefused as refusal:
            raise _error_of(refusal.recipients[0], address) from None
        except (aiosmtplib.SMTPSenderRefused, aiosmtplib.SMTPDataError) as refusal:
            raise _error_of(refusal, address) from None
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            # TimeoutError and TLS errors are OSErrors. The message has no password in it.
            raise not_now(f"the mail server: {str(error) or type(error).__name__}") from None


def _error_of(refusal: aiosmtplib.SMTPResponseException, address: str) -> Exception:
    """Return the error of a refusal. It is logged, so the person's address is not in it."""
    text = refusal.message.replace(address, "***")
    reason = f"the mail server answered {refusal.code}: {text}"
    permanent = refusal.code >= FIRST_PERMANENT and refusal.code not in LOGIN_CODES
    return refused(reason) if permanent else not_now(reason)
