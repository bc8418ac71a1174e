"""Times as people give them: RFC 3339, or how long ago."""

import re
from datetime import UTC, datetime, timedelta

from runtime.errors import CommandError

AGO = re.compile(r"(\d{1,6})([smhd])")
SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def moment(option: str, text: str | None, now: datetime | None = None) -> str | None:
    """Return a time as the API takes it. `2h` is two hours ago; units are s, m, h and d.

    Raises:
        CommandError: It is neither a length nor a time with its zone.
    """
    if text is None:
        return None
    if length := AGO.fullmatch(text):
        ago = timedelta(seconds=int(length[1]) * SECONDS[length[2]])
        return ((now or datetime.now(UTC)) - ago).isoformat()
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise CommandError(
            f"{option} {text}: write how long ago, such as 90s, 30m, 2h or 7d, or a time with its"
            " zone, such as 2026-01-31T03:00:00Z."
        )
    return time.isoformat()
