"""A message as a mail: plain text, and the same as simple HTML."""

import hashlib
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from html import escape

from activities.notify.message import Message
from hookwright.models import MailInput

PAGE = """\
<!doctype html>
<html lang="en">
<body style="font-family: sans-serif; line-height: 1.5">
<h1 style="font-size: 1.2em">{title}</h1>
<p>{lead}</p>
<table>
{rows}
</table>
{link}
</body>
</html>
"""

ROW = (
    '<tr><th scope="row" style="text-align: left; vertical-align: top; padding-right: 1em">{}</th>'
    "<td>{}</td></tr>"
)


def build_mail(message: Message, mail: MailInput, sender: str, workflow_id: str) -> EmailMessage:
    """Return the mail to one address.

    Its Message-ID is the same at each attempt, so that a mail server can drop one that comes twice
    because the answer to the first was lost. The standard library refuses a header with a line
    break, and encodes what is not ASCII. But it also decodes what looks like an encoded word, and
    writes a line break that comes out of it as it is. So the subject begins no such word.
    """
    name, address = parseaddr(sender)
    domain = address.rpartition("@")[2]
    identity = hashlib.sha256(f"{workflow_id} {mail.address}".encode()).hexdigest()[:32]
    it = EmailMessage(policy=SMTP)
    it["From"] = Address(name, addr_spec=address)
    it["To"] = Address(addr_spec=mail.address)
    it["Subject"] = message.subject.replace("=?", "= ?")
    it["Date"] = format_datetime(mail.notification.at)
    it["Message-ID"] = f"<{identity}@{domain}>"
    it["Auto-Submitted"] = "auto-generated"  # RFC 3834: keeps absence notes from being sent back
    it.set_content(_as_text(message))
    it.add_alternative(_as_html(message), subtype="html")
    return it


def _as_text(message: Message) -> str:
    lines = [message.title, "", message.lead, ""]
    lines += [f"{label}: {value}" for label, value in message.facts]
    lines += ["", message.link] if message.link else []
    return "\n".join(lines) + "\n"


def _as_html(message: Message) -> str:
    link = message.link and escape(message.link)
    return PAGE.format(
        title=escape(message.title),
        lead=escape(message.lead),
        rows="\n".join(ROW.format(escape(label), escape(it)) for label, it in message.facts),
        link=f'<p><a href="{link}">Open the endpoint in the portal</a></p>' if link else "",
    )
