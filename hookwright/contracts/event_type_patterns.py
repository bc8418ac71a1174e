"""A contract's own pattern for the names of its event types."""

from functools import cache
from typing import Any

import re2

MAX_PATTERN_LENGTH = 256


def check_pattern(pattern: str) -> str:
    """Return the pattern if it is a regular expression in the syntax of RE2.

    RE2 takes time in proportion to the text, so that no pattern can make a publish slow.

    Raises:
        ValueError: it is not one, or it is too long.
    """
    if len(pattern) > MAX_PATTERN_LENGTH:
        raise ValueError(f"a pattern has at most {MAX_PATTERN_LENGTH} characters")
    try:
        _compiled(pattern)
    except re2.error as error:
        reason = error.args[0]
        raise ValueError(
            f"not a regular expression: {reason.decode() if isinstance(reason, bytes) else reason}"
        ) from None
    return pattern


def fits_pattern(pattern: str, event_type: str) -> bool:
    """Return whether the whole event type matches the pattern."""
    return _compiled(pattern).fullmatch(event_type) is not None


@cache
def _compiled(pattern: str) -> Any:  # noqa: ANN401 - re2 has no types
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options)
