"""What messages say, and that strangers' texts stay texts: in headers, in HTML and in a chat."""

import re
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.mail import SENDER

from activities.notify.mail import build_mail
from activities.notify.message import Message, compose, one_line
from activities.notify.slack import as_chat_text
from hookwright.contracts import DisabledReason
from hookwright.health import DISABLED_BECAUSE
from hookwright.models import EndpointRef, MailInput, NotificationInput
from hookwright.outcomes import Outcome

AT = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
PORTAL = "https://webhooks.example.com"
ENDPOINT = EndpointRef(tenant_id="acme", endpoint_id="ep_1")
HEADERS = {
    "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type",
}  # fmt: skip
HOSTILE = [
    "x\r\nBcc: victim@example.com\r\n\r\nHello",
    "x\n.\r\nMAIL FROM:<a@example.com>",
    "x\u2028Bcc: victim@example.com\x85\x0b\x0c",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "\"><a href='https://evil.example.com'>click</a>",
    "<!channel> <!here> <@U012AB3CD> <https://evil.example.com|your bank>",
    "@channel @all `@here` ```<!everyone>``` *bold* _it_ https://evil.example.com",
    "&lt;!channel&gt; &amp;",
    "=?utf-8?q?x=0D=0ABcc:_victim@example.com?= =?utf-8?b?DQpCY2M6IHZAZXhhbXBsZS5jb20=?=",
    "\x1b[2J\x1b]0;title\x07 \u202egnp.exe \ud800",
]


def told(event_type: str = "endpoint.disabled", **fields: Any) -> NotificationInput:
    """Return something to tell."""
    given_fields = {"url": "https://hooks.example.com/in?token=s3cret", "data": {}, **fields}
    return NotificationInput(endpoint=ENDPOINT, type=event_type, at=AT, **given_fields)


def facts(notification: NotificationInput) -> dict[str, str]:
    return dict(compose(notification, None).facts)


def mail_of(notification: NotificationInput, workflow_id: str = "notification:a:b:1") -> Any:
    """Return the mail as its reader's program parses it."""
    message = compose(notification, PORTAL)
    mail = MailInput(notification=notification, address="ops@example.com")
    return message_from_bytes(
        build_mail(message, mail, SENDER, workflow_id).as_bytes(), policy=default
    )


@pytest.mark.parametrize(
    ("event_type", "data", "title", "lead"),
    [
        ("endpoint.warned", {"percent": 70}, "is failing", "reached 70 %"),
        ("endpoint.disabled", {"reason": "exhausted"}, "switched off", "are held"),
        ("endpoint.disabled", {"reason": "gone"}, "switched off", "are cancelled"),
        ("endpoint.recovered", {"reason": "exhausted"}, "works again", "delivered now"),
        ("delivery.exhausted", {"attempts": 8}, "failed for good", "3 deliveries have failed"),
    ],
)
def test_each_type_says_what_happened(event_type, data, title, lead):
    """The title says what happened, the lead what it means, and all say what is held."""
    notification = told(event_type, data=data, count=3, held=12, description="Accounting")
    message = compose(notification, PORTAL)
    assert title in message.title
    assert lead in message.lead
    assert message.subject == f"{message.title}: Accounting"
    assert message.link == "https://webhooks.example.com/portal/endpoints/ep_1"
    shown = dict(message.facts)
    assert (shown["Endpoint id"], shown["Tenant"]) == ("ep_1", "acme")
    assert (shown["Held deliveries"], shown["When"]) == ("12", "2026-01-15T10:30:00Z")
    assert compose(notification, None).link is None


@pytest.mark.parametrize("reason", DisabledReason)
def test_every_reason_has_words(reason):
    """Whatever disables an endpoint is said in words, when it goes and when it is back."""
    assert facts(told(data={"reason": reason}))["Reason"] == DISABLED_BECAUSE[reason]
    back = facts(told("endpoint.recovered", data={"reason": reason}, last_error="timeout"))
    assert back["Reason"] == f"it was switched off because {DISABLED_BECAUSE[reason]}"
    assert back["Last error"] == "timeout"


@pytest.mark.parametrize("outcome", [it for it in Outcome if it is not Outcome.DELIVERED])
def test_every_outcome_has_words(outcome):
    """An exhausted delivery says its last error, also if only the outcome is known."""
    data = {"last_outcome": outcome, "last_status_code": None, "attempts": 8}
    if outcome is Outcome.HTTP_ERROR:
        data["last_status_code"] = 503
    shown = facts(told("delivery.exhausted", data=data))
    assert len(shown["Last error"]) > 10
    assert shown["Reason"] == "the last of 8 attempts failed"


def test_a_url_is_shown_without_its_token():
    """A URL often holds a token, and mails are no place for it."""
    assert facts(told())["URL"] == "https://hooks.example.com/…"
    assert "s3cret" not in mail_of(told()).as_string()
    assert facts(told(url="https://hooks.example.com/"))["URL"] == "https://hooks.example.com"


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_becomes_a_header(text):
    """A mail has the headers that we gave it, and one recipient, whatever a name or error says."""
    data = {"reason": "exhausted", "last_error": text, "next_probe_at": text}
    mail = mail_of(told(data=data, description=text, url=f"https://{text}/"))
    assert set(mail.keys()) == HEADERS
    assert all("\n" not in value and "\r" not in value for value in mail.values())
    assert [str(it) for it in mail["To"].addresses] == ["ops@example.com"]
    assert mail["From"] == SENDER
    plain = mail.get_body(("plain",)).get_content()
    label = re.compile(r"(Endpoint( id)?|Tenant|URL|When|Reason|Last error|Held.*|Next try): ")
    lines = [line for line in plain.splitlines()[4:-2] if line]
    assert all(label.match(line) for line in lines)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_becomes_html(text):
    """In the HTML part a stranger's text makes no element, no attribute and no link."""
    page = mail_of(told(data={"last_error": text}, description=text)).get_body(("html",))
    html = page.get_content()
    tags = {it.lower() for it in re.findall(r"<\s*/?\s*([a-z!]+)", html, re.IGNORECASE)}
    assert tags <= {"!doctype", "html", "body", "h", "p", "table", "tr", "th", "td", "a"}
    assert re.findall(r'href="([^"]*)"', html) == [f"{PORTAL}/portal/endpoints/ep_1"]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_becomes_markup_of_a_chat(text):
    """In a chat a stranger's text calls nobody, and makes no link and no format."""
    chat = as_chat_text(compose(told(data={"last_error": text}, description=text), PORTAL))
    assert re.findall(r"<[^>]*>", chat) == [
        f"<{PORTAL}/portal/endpoints/ep_1|Open the endpoint in the portal>"
    ]
    outside = "".join(chat.split("`")[::2])
    assert len(chat.split("`")) % 2 == 1
    for mark in ("@", "evil.example.com", "_it_", "&lt;"):
        assert mark not in outside


def test_slack_escapes():
    """The three characters that Slack wants escaped are escaped, each once."""
    message = Message("T", "S", "L", (("Endpoint", "a & <b> `c`"),), None)
    assert as_chat_text(message) == "*T*\nL\n• Endpoint: `a &amp; &lt;b&gt; 'c'`"


@given(st.text(max_size=2_000))
def test_one_line_is_one_line(text):
    """Any text becomes one short line that can be printed."""
    line = one_line(text, 80)
    assert len(line) <= 80
    assert line.isprintable() or " " in line
    assert len(line.splitlines()) <= 1


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_text_can_be_mailed(description, error):
    """No description and no error keeps a mail from being built."""
    mail = mail_of(told(data={"last_error": error}, description=description))
    assert mail["Subject"].startswith("Webhook endpoint switched off: ")
    assert set(mail.keys()) == HEADERS


def test_the_message_id_follows_from_the_workflow():
    """The same message to the same address has the same id, and no other has it."""
    first = mail_of(told(), "notification:a:b:1")["Message-ID"]
    assert first == mail_of(told(), "notification:a:b:1")["Message-ID"]
    assert first != mail_of(told(), "notification:a:b:2")["Message-ID"]
    assert re.fullmatch(r"<[0-9a-f]{32}@example\.com>", first)
