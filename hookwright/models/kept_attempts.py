"""The limit of a delivery's log: which attempts it keeps, and how much of each.

Most attempts of a delivery send the same body, and each copy of the log would repeat it for every
attempt. So a log stores a body once: at the newest of the attempts that sent it. Older attempts may
then be left out, and no other attempt loses its body. `request_body` in a log is one of these:

- text: this body;
- null, and `request_bytes` is set: the same as that of the next attempt that sent a body;
- empty, and `request_bytes` is not 0: no longer kept;
- null, and `request_bytes` is null: nothing was sent, or an earlier version recorded the attempt.
"""

from collections.abc import Sequence

from hookwright.models.delivery import Attempt
from hookwright.sizes import MAX_LOG_BYTES

MAX_KEPT_ATTEMPTS = 31
"""The log keeps this many of the latest attempts: as many as the longest retry table makes."""

NOT_KEPT = ""


def trim_attempts(attempts: list[Attempt]) -> list[Attempt]:
    """Return the latest attempts as a log stores them.

    Above MAX_LOG_BYTES the older ones lose what they sent and what came back.
    """
    bytes_left, newest_first = MAX_LOG_BYTES, []
    newer_body: str | None = None
    for attempt, body in _newest_first(attempts[-MAX_KEPT_ATTEMPTS:]):
        kept = _with_body(attempt, None if body == newer_body else body)
        bytes_left -= len(kept.model_dump_json().encode())
        if bytes_left < 0:
            kept = _shortened(kept)
        if body is not None and kept.request_body is not None:
            newer_body = kept.request_body
        newest_first.append(kept)
    return newest_first[::-1]


def whole_attempts(attempts: Sequence[Attempt]) -> list[Attempt]:
    """Return the attempts of a log as people read them: each has its own body, if it is kept."""
    newest_first = [
        _with_body(attempt, None if body == NOT_KEPT and attempt.request_bytes else body)
        for attempt, body in _newest_first(attempts)
    ]
    return newest_first[::-1]


def _newest_first(attempts: Sequence[Attempt]) -> list[tuple[Attempt, str | None]]:
    """Return stored attempts, each with its own body, as far as it is kept."""
    pairs: list[tuple[Attempt, str | None]] = []
    body: str | None = None
    for attempt in reversed(attempts):
        if attempt.request_bytes is None:
            pairs.append((attempt, None))
            continue
        if attempt.request_body is not None:
            body = attempt.request_body
        pairs.append((attempt, body))
    return pairs


def _with_body(attempt: Attempt, body: str | None) -> Attempt:
    if attempt.request_body == body:
        return attempt
    return attempt.model_copy(update={"request_body": body})


def _shortened(attempt: Attempt) -> Attempt:
    """Return an attempt without its bodies, its error and its headers."""
    without: dict[str, object] = {"response_body": None, "error": None}
    if attempt.request_body is not None:
        without["request_body"] = NOT_KEPT
    return attempt.model_copy(update={**without, "request_headers": {}, "response_headers": {}})
