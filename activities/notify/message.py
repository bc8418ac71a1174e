"""What people are told about an endpoint, before it becomes a mail or a line in a chat.

Descriptions, URLs and errors come from tenants and from receivers. Here they become plain text on
one line; a mail and a chat then escape them as their format requires.
"""

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import urlsplit

from hookwright.contracts import DisabledReason
from hookwright.health import DISABLED_BECAUSE
from hookwright.models import NotificationInput
from hookwright.outcomes import Outcome
from hookwright.times import rfc3339_seconds

MAX_NAME, MAX_VALUE = 80, 500

OUTCOMES = {
    Outcome.TIMEOUT: "the receiver gave no complete answer in time",
    Outcome.CONNECTION_ERROR: "the connection to the receiver failed",
    Outcome.TLS_ERROR: "TLS with the receiver failed",
    Outcome.DNS_ERROR: "the name of the receiver does not resolve",
    Outcome.PROTOCOL_ERROR: "the receiver's answer is not valid HTTP",
    Outcome.BLOCKED_DESTINATION: "the URL leads to an address that webhooks may not go to",
    Outcome.TEMPLATE_ERROR: "the endpoint's payload template does not fit the event",
    Outcome.FILTER_ERROR: "the endpoint's filter costs too much for the event",
}

SWITCHED_OFF = (
    "Its deliveries are held and nothing is lost yet. It is tried now and then, and the first"
    " success switches it on."
)
GONE = "Its deliveries are cancelled until somebody switches it on again."
WORKS_AGAIN = "It is switched on. What was held is delivered now, the oldest first."
FAILED_FOR_GOOD = (
    "Nothing is sent again unless somebody retries. Further ones of this endpoint in this hour have"
    " no message of their own; the delivery log has all of them."
)


@dataclass(frozen=True)
class Message:
    """A message. Only `subject` and the values of `facts` may have text of strangers in them.

    `link` leads to the endpoint's page in the portal.
    """

    title: str
    subject: str
    lead: str
    facts: tuple[tuple[str, str], ...]
    link: str | None


def one_line(text: object, limit: int = MAX_VALUE) -> str:
    """Return a text on one line, without characters that control a terminal, a header or a script.

    These are Unicode's classes C (line breaks, escapes, changes of direction), Zl and Zp.
    """
    shown = "".join(
        " " if unicodedata.category(letter)[0] == "C" or letter in "\u2028\u2029" else letter
        for letter in str(text)[: 4 * limit]
    )
    line = re.sub(r"\s+", " ", shown).strip()
    return line if len(line) <= limit else line[: limit - 1] + "…"


def compose(told: NotificationInput, portal_url: str | None) -> Message:
    """Return what is told, with a link if the operator has a portal."""
    title, lead = _title_and_lead(told)
    name = one_line(told.description, MAX_NAME) or told.endpoint.endpoint_id
    page = f"portal/endpoints/{told.endpoint.endpoint_id}"
    return Message(
        title=title,
        subject=f"{title}: {name}",
        lead=lead,
        facts=tuple((label, value) for label, value in _facts(told, name) if value),
        link=f"{portal_url.rstrip('/')}/{page}" if portal_url else None,
    )


def _title_and_lead(told: NotificationInput) -> tuple[str, str]:
    """Return what happened in a few words, and what it means for the deliveries."""
    match told.type:
        case "endpoint.warned":
            part = _number(told, "percent")
            lead = (
                f"It has reached {part} % of what switches it off. Failed deliveries are retried."
            )
            return "Webhook endpoint is failing", lead
        case "endpoint.disabled":
            gone = told.data.get("reason") == DisabledReason.GONE
            return "Webhook endpoint switched off", GONE if gone else SWITCHED_OFF
        case "endpoint.recovered":
            return "Webhook endpoint works again", WORKS_AGAIN
        case _:
            lead = f"{_deliveries(told.count)} failed at the last attempt. {FAILED_FOR_GOOD}"
            return "Webhook deliveries have failed for good", lead


def _deliveries(number: int) -> str:
    return "1 delivery has" if number == 1 else f"{number} deliveries have"


def _number(told: NotificationInput, field: str) -> int:
    value = told.data.get(field)
    return int(value) if isinstance(value, int | float) else 0


def _facts(told: NotificationInput, name: str) -> list[tuple[str, str]]:
    next_probe = told.data.get("next_probe_at")
    event = f"{told.data.get('event_type')} {told.data.get('event_id')}"
    return [
        ("Endpoint", name),
        ("Endpoint id", told.endpoint.endpoint_id),
        ("Tenant", told.endpoint.tenant_id),
        ("URL", _without_secrets(told.url)),
        ("When", rfc3339_seconds(told.at)),
        ("Reason", _reason(told)),
        ("Last error", _last_error(told)),
        ("Event", one_line(event) if "event_id" in told.data else ""),
        ("Held deliveries", str(told.held)),
        ("Next try", one_line(next_probe) if next_probe else ""),
    ]


def _without_secrets(url: str) -> str:
    """Return a URL without its path and query, which often hold a token; mails are not secret."""
    try:
        parts = urlsplit(one_line(url))
        rest = "/…" if parts.path not in ("", "/") or parts.query else ""
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{rest}"
    except ValueError:
        return ""


def _reason(told: NotificationInput) -> str:
    reason = told.data.get("reason")
    if isinstance(reason, str) and reason in [*DisabledReason]:
        words = DISABLED_BECAUSE[DisabledReason(reason)]
        return (
            f"it was switched off because {words}" if told.type == "endpoint.recovered" else words
        )
    if told.type == "endpoint.warned":
        since = one_line(told.data.get("failing_since"))
        return (
            f"{_number(told, 'consecutive_failures')} attempts have failed in a row since {since}"
        )
    if attempts := _number(told, "attempts"):
        return f"the last of {attempts} attempts failed"
    return "a person switched it on" if told.type == "endpoint.recovered" else ""


def _last_error(told: NotificationInput) -> str:
    if error := told.data.get("last_error") or told.last_error:
        return one_line(error)
    if status := _number(told, "last_status_code"):
        return f"the receiver answered {status}"
    outcome = told.data.get("last_outcome")
    if isinstance(outcome, str) and outcome in [*Outcome]:
        return OUTCOMES.get(Outcome(outcome), "")
    return ""
