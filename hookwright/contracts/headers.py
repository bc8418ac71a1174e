"""Headers: what a tenant may send along with its webhooks, and what is shown of those sent."""

import json
import re
from collections.abc import Collection, Mapping

MAX_HEADERS = 20
MAX_BYTES = 4096

# Framing and routing belong to the connection, the rest to Hookwright (RFC 9110, 7.6.1).
FORBIDDEN = frozenset(
    {
        "accept-encoding", "connection", "content-encoding", "content-length", "content-type",
        "cookie", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
        "user-agent",
    }
)  # fmt: skip
FORBIDDEN_PREFIXES = ("webhook-", "proxy-")

REDACTED = "[redacted]"
MAX_SHOWN_BYTES = 2_048
"""As JSON, of one attempt, so that a log of all attempts stays below 2 MiB."""


def check_headers(headers: Mapping[str, str], reserved: Collection[str]) -> dict[str, str]:
    """Return the headers if they may be sent. `reserved` are the contract's own, in lower case.

    Raises:
        ValueError: they may not. The text never repeats a value, which may be a secret.
    """
    if len(headers) > MAX_HEADERS or sum(map(len, [*headers, *headers.values()])) > MAX_BYTES:
        raise ValueError(f"at most {MAX_HEADERS} headers of {MAX_BYTES} bytes in all")
    if len({name.lower() for name in headers}) < len(headers):
        raise ValueError("a header is given twice")
    for name, value in headers.items():
        if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):
            raise ValueError("a header's name has letters, digits and hyphens")
        if name.lower() in {*FORBIDDEN, *reserved} or name.lower().startswith(FORBIDDEN_PREFIXES):
            raise ValueError(f"{name} is not yours to set; choose another name")
        if not re.fullmatch(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?", value):
            raise ValueError(f"the value of {name} must be visible ASCII")
    return dict(headers)


def shown_headers(sent: Mapping[str, str], secret: Collection[str]) -> dict[str, str]:
    """Return what a log shows of headers: all names, in lower case, but no secret one's value.

    Secret ones, whose names a tenant chooses, come last: they go first if there are too many.
    """
    shown: dict[str, str] = {}
    names = {name.lower() for name in secret}
    for name, value in sorted(sent.items(), key=lambda it: it[0].lower() in names):
        hidden = name.lower() in names
        more = {**shown, name.lower(): REDACTED if hidden else value}
        if len(json.dumps(more)) > MAX_SHOWN_BYTES:
            break
        shown = more
    return shown
