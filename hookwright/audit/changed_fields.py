"""Which fields a change has changed, without any secret."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, JsonValue

HIDDEN = "(hidden)"

MAX_VALUE_BYTES = 200
"""A longer value is cut. Ten fields of a change must fit into a trail many times over."""


class AuditedField(BaseModel):
    """One field that was changed. Null is a field that was not set, or is not set any more.

    A value that may be a secret is `(hidden)`, and a long one is cut.
    """

    field: str
    old: JsonValue = None
    new: JsonValue = None

    def without_values(self) -> Self:
        """Return what is left if the values are hidden: that it was set, changed or taken away."""
        return self.model_copy(update={"old": self.old and HIDDEN, "new": self.new and HIDDEN})


def _origin(url: str) -> str:
    """Return a URL's scheme, host and port. A path is often the receiver's only secret."""
    try:
        parts = urlsplit(url)
    except ValueError:  # whoever has access to Temporal can set any text
        return HIDDEN
    if not parts.netloc:
        return HIDDEN
    _, at, host = parts.netloc.rpartition("@")
    rest = parts.path.strip("/") or parts.query or parts.fragment
    user = f"{HIDDEN}@" if at else ""
    return f"{parts.scheme}://{user}{host}/{HIDDEN if rest else ''}"


def _hidden(_: object) -> str:
    return HIDDEN


SHOWN: Mapping[str, Callable[[Any], JsonValue]] = {
    "url": _origin,
    "headers": sorted,  # their names
    "client_certificate": _hidden,
    "secret": _hidden,
    "notify.slack_url": _hidden,
}
"""How fields are shown that are or may contain secrets. All others are shown as they are."""

OF_PEOPLE = ("notify.emails",)
"""The fields about people. Their values are hidden, too, once the tenant is deleted."""


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[AuditedField]:
    """Return the fields whose values differ, in the order of `after`."""
    return [
        AuditedField(field=name, old=_shown(name, before.get(name)), new=_shown(name, value))
        for name, value in after.items()
        if value != before.get(name)
    ]


def _shown(name: str, value: Any) -> JsonValue:  # noqa: ANN401 - any JSON
    """Return what a trail shows of a field's value; of a long value its beginning."""
    if value in (None, {}, []):
        return None
    shown: JsonValue = SHOWN[name](value) if name in SHOWN else value
    text = json.dumps(shown, ensure_ascii=False)
    if len(text.encode()) <= MAX_VALUE_BYTES:
        return shown
    if isinstance(shown, str):
        text = text[1:-1]
    return text.encode()[:MAX_VALUE_BYTES].decode(errors="ignore") + "…"
