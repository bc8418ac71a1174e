"""Pages: Jinja2 templates, their headers, and the texts that several of them share."""

import json
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from api.access import app_state
from api.portal.timing import phases
from api.portal.words import AUDITED, CHANGES, OUTCOMES, TRIGGERS, why_changed
from hookwright.times import rfc3339

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)

PAGE_HEADERS = {
    "Content-Security-Policy": POLICY,
    # With `no-referrer` browsers would send forms with `Origin: null`.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

MAX_GROWTH = 16
"""How many times as long line breaks may make a text. Indentation grows with depth squared."""

templates = Environment(
    loader=PackageLoader("api.portal"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(
    request: Request, template: str, status: HTTPStatus = HTTPStatus.OK, **values: object
) -> HTMLResponse:
    """Return a page. Every template can use `session`, which is None if nobody is signed in."""
    common: dict[str, object] = {
        "portal": app_state(request).config.portal,
        "session": getattr(request.state, "portal_session", None),
        "path": request.url.path,
    }
    html = templates.get_template(template).render(common | values)
    return HTMLResponse(html, status, PAGE_HEADERS)


def _when(moment: datetime | None) -> Markup:
    """Return a time for people in UTC, and for programs in RFC 3339."""
    if moment is None:
        return Markup("never")
    utc = moment.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(
        rfc3339(utc), f"{utc.day} {utc:%b %Y, %H:%M:%S} UTC"
    )


def _percent(share: float | None) -> str:
    """Return a share as a percentage that is never rounded up to 100 %."""
    if share is None:
        return "no attempts"
    hundredths = int(share * 1_000) / 10
    return f"{hundredths:g} %"


def _sentence(text: str) -> str:
    """Return a text that begins with a capital letter and ends with a full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def _pretty(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return json.dumps(value, indent=2, ensure_ascii=False)


def _pretty_text(text: str | None) -> str:
    r"""Return a text of JSON with line breaks, and any other text as it is.

    Receivers choose it. As it is also stays half of a surrogate pair (`"\ud800"`), which no page
    can have, and JSON whose nesting would make it many times as long.
    """
    text = text or ""
    try:
        pretty = _pretty(json.loads(text))
        pretty.encode()
    except (ValueError, RecursionError):
        return text
    return pretty if len(pretty) <= MAX_GROWTH * len(text) else text


def _audited_value(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return a value of the audit trail: a text as it is, anything else as JSON."""
    if value in (None, ""):
        return "nothing"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _duration(seconds: float) -> str:
    """Return a duration in its two largest units: `2 min 5 s`."""
    parts, left = [], seconds
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if left >= size:
            parts.append(f"{int(left // size)} {unit}")
            left %= size
    if left or not parts:
        parts.append(f"{left:g} s")
    return " ".join(parts[:2])


templates.filters |= {
    "duration": _duration,
    "when": _when,
    "percent": _percent,
    "pretty": _pretty,
    "pretty_text": _pretty_text,
    "sentence": _sentence,
    "phases": phases,
    "outcome": OUTCOMES.__getitem__,
    "trigger": TRIGGERS.__getitem__,
    "change": CHANGES.__getitem__,
    "why_changed": why_changed,
    "audited": AUDITED.__getitem__,
    "audited_value": _audited_value,
}
