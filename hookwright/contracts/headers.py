"""Headers: which ones a tenant may add to its webhooks, and what logs show of them."""

import json
import re
from collections.abc import Collection, Mapping

MAX_HEADERS = 20
MAX_BYTES = 4096

# Headers for framing and routing belong to the connection (RFC 9110, 7.6.1). Hookwright sets the
# others itself.
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
"""The limit for the headers of one attempt as JSON, so that a log of all attempts stays below
2 MiB."""


def check_headers(headers: Mapping[str, str], reserved: Collection[str]) -> dict[str, str]:
    """Return the headers if they may be sent.

    `reserved` are the names, in lower case, of the headers that the contract sets.

    Raises:
        ValueError: they may not be sent. The text never repeats a value: it may be a secret.
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
    """Return the headers that a log shows: names in lower case, and no values of secret headers.

    Secret headers, whose names a tenant chooses, come last, so they are left out first if there
    are too many.
    """
    shown: dict[str, str] = {}
    bytes_left = MAX_SHOWN_BYTES
    secret_names = {name.lower() for name in secret}
    lower = [(name.lower(), value) for name, value in sent.items()]
    for name, value in sorted(lower, key=lambda header: header[0] in secret_names):
        header = {name: REDACTED if name in secret_names else value}
        # In the JSON of all headers a comma and a space stand for the two braces of this one.
        bytes_left -= len(json.dumps(header))
        if bytes_left < 0:
            break
        shown |= header
    return shown
