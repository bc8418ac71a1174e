"""Texts of others within texts that the Temporal UI shows as Markdown, and times in them."""

from datetime import datetime

from hookwright.times import rfc3339_seconds

MAX_QUOTED = 300

MAX_HOST = 100
"""Characters of a host in a summary. By default Temporal takes summaries of 400 bytes, of which the
encryption needs up to 170, and a name has up to 253."""


def quoted(text: str) -> str:
    """Return a text that others have written, as Markdown's code: no link and no image in it."""
    line = " ".join(text.replace("`", "'").split())
    return f"`{line[:MAX_QUOTED]}…`" if len(line) > MAX_QUOTED else f"`{line}`"


def end_of(host: str) -> str:
    """Return a host, or the end of a long one: there its owner's domain stands."""
    return host if len(host) <= MAX_HOST else f"…{host[-MAX_HOST:]}"


def at(moment: datetime | None) -> str:
    """Return a time to the second, or what stands for a time that nobody noted."""
    return rfc3339_seconds(moment) if moment else "an unknown time"


def counted(number: int, one: str, many: str) -> str:
    """Return a number with its word: `1 endpoint`, `2 endpoints`."""
    return f"{number:,} {one if number == 1 else many}"
