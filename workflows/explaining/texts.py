"""Texts of others within texts that the Temporal UI shows as Markdown, and times in them."""

import re
from datetime import datetime
from urllib.parse import urlsplit

from hookwright.times import rfc3339_seconds

MAX_QUOTED = 300
HOST = re.compile(r"[\w.:-]{1,253}")


def quoted(text: str) -> str:
    """Return a text that others have written, as Markdown's code: no link and no image in it."""
    line = " ".join(text.replace("`", "'").split())
    return f"`{line[:MAX_QUOTED]}…`" if len(line) > MAX_QUOTED else f"`{line}`"


def at(moment: datetime | None) -> str:
    """Return a time to the second, or what stands for a time that nobody noted."""
    return rfc3339_seconds(moment) if moment else "an unknown time"


def host_of(url: str) -> str:
    """Return a URL's host and nothing else: the rest may hold a secret. Empty: it has none."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return ""
    return host if HOST.fullmatch(host) else ""


def counted(number: int, one: str, many: str) -> str:
    """Return a number with its word: `1 endpoint`, `2 endpoints`."""
    return f"{number:,} {one if number == 1 else many}"
