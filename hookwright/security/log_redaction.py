"""What logs must not show: fields with certain names, and the secret values in use right now."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

SECRET_FIELDS = frozenset(
    {
        "api_key", "authorization", "body", "client_key", "cookie", "data", "headers", "key",
        "password", "payload", "proxy", "secret", "secrets", "signature", "slack_url",
        "smtp_password", "token", "url",
    }
)  # fmt: skip
"""The names of fields whose values are or contain secrets. URLs of receivers often have a token."""

MIN_SECRET_LENGTH = 6
"""A shorter value is not a secret, and hiding it would make logs unreadable."""

LINGER_SECONDS = 1.0
"""How long values stay hidden after use, because an exception is logged after the context has
ended."""

_hidden: Counter[str] = Counter()


@contextmanager
def hidden_from_logs(*values: str) -> Iterator[None]:
    """Hide values in this process's logs while the context lasts, and LINGER_SECONDS longer."""
    secrets = [value for value in values if len(value) >= MIN_SECRET_LENGTH]
    _hidden.update(secrets)
    try:
        yield
    finally:
        asyncio.get_running_loop().call_later(LINGER_SECONDS, _stop_hiding, secrets)


def _stop_hiding(values: list[str]) -> None:
    for value in values:
        _hidden[value] -= 1
        if not _hidden[value]:
            del _hidden[value]


def redact_hidden_values(text: str) -> str:
    """Return the text with `***` in place of hidden values, also if they are escaped.

    JSON and tracebacks escape some characters of a value, which makes it longer. So a text cannot
    contain a value that is longer than itself, and most texts of a log line are short.
    """
    possible = [value for value in _hidden if len(value) <= len(text)]
    for value in sorted(possible, key=len, reverse=True):
        for written in (value, json.dumps(value)[1:-1], repr(value)[1:-1]):
            text = text.replace(written, "***")
    return text


def find_secret_values(value: object, *, is_secret: bool = False) -> Iterator[str]:
    """Yield the texts inside the fields of a JSON value that SECRET_FIELDS names, at any depth."""
    match value:
        case str() if is_secret:
            yield value
        case Mapping():
            for name, inner in value.items():
                yield from find_secret_values(inner, is_secret=is_secret or name in SECRET_FIELDS)
        case list():
            for inner in value:
                yield from find_secret_values(inner, is_secret=is_secret)
