"""What no log line may hold: fields by their name, and the values that are in use right now."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

SECRET_FIELDS = frozenset(
    {
        "api_key", "authorization", "body", "client_key", "cookie", "data", "headers", "key",
        "password", "payload", "proxy", "secret", "secrets", "signature", "token", "url",
    }
)  # fmt: skip
"""Names of fields whose values are secrets, or hold them: URLs of receivers often have a token."""

MIN_LENGTH = 6
"""A shorter value is no secret, and to blot it out would make logs unreadable."""

LINGER_SECONDS = 1.0
"""An exception is logged once it has left the place where the value was in use."""

_in_use: Counter[str] = Counter()


@contextmanager
def concealed(*values: str) -> Iterator[None]:
    """Keep values out of this process's logs while the context lasts, and a second longer."""
    kept = [value for value in values if len(value) >= MIN_LENGTH]
    _in_use.update(kept)
    try:
        yield
    finally:
        asyncio.get_running_loop().call_later(LINGER_SECONDS, _release, kept)


def _release(values: list[str]) -> None:
    for value in values:
        _in_use[value] -= 1
        if not _in_use[value]:
            del _in_use[value]


def redact(text: str) -> str:
    """Return the text without the values in use, also as JSON or a traceback would write them."""
    for value in sorted(_in_use, key=len, reverse=True):
        for written in (value, json.dumps(value)[1:-1], repr(value)[1:-1]):
            text = text.replace(written, "***")
    return text


def secret_values(value: object, *, within: bool = False) -> Iterator[str]:
    """Yield the texts of a JSON value that stand, however deep, below the name of a secret."""
    match value:
        case str() if within:
            yield value
        case Mapping():
            for name, inner in value.items():
                yield from secret_values(inner, within=within or name in SECRET_FIELDS)
        case list():
            for inner in value:
                yield from secret_values(inner, within=within)
