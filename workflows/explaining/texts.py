"""Texts of others within texts that the Temporal UI shows as Markdown, and times in them."""

from datetime import datetime

from hookwright.times import rfc3339_seconds

MAX_QUOTED = 300


def quoted(text: str) -> str:
    """Return a text that others have written, as Markdown's code: no link and no image in it."""
    line = " ".join(text.replace("`", "'").split())
    return f"`{line[:MAX_QUOTED]}…`" if len(line) > MAX_QUOTED else f"`{line}`"


def at(moment: datetime | None) -> str:
    """Return a time to the second, or what stands for a time that nobody noted."""
    return rfc3339_seconds(moment) if moment else "an unknown time"


def counted(number: int, one: str, many: str) -> str:
    """Return a number with its word: `1 endpoint`, `2 endpoints`."""
    return f"{number:,} {one if number == 1 else many}"
