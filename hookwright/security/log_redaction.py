"""What logs must not show: fields with certain names, and the secret values in use right now."""

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice

from hookwright.security.hidden_values import MIN_SECRET_LENGTH, HiddenValues

SECRET_FIELDS = frozenset(
    {
        "api_key", "authorization", "body", "client_key", "cookie", "data", "headers", "key",
        "password", "payload", "proxy", "secret", "secrets", "signature", "slack_url",
        "smtp_password", "token", "url",
    }
)  # fmt: skip
"""The names of fields whose values are or contain secrets. URLs of receivers often have a token."""

MAX_VALUES = 1_000
"""How many values of one request are hidden: the event data of a request has tens of thousands."""

MAX_VALUE_LENGTH = 16_384
"""Of a longer text of a request this much is hidden. No secret is longer."""

LINGER_SECONDS = 1.0
"""How long values stay hidden after use, because an exception is logged after the context has
ended."""

_hidden = HiddenValues()


@contextmanager
def hidden_from_logs(*values: str) -> Iterator[None]:
    """Hide values in this process's logs while the context lasts, and LINGER_SECONDS longer."""
    secrets = [value for value in values if len(value) >= MIN_SECRET_LENGTH]
    _hidden.add(secrets)
    try:
        yield
    finally:
        asyncio.get_running_loop().call_later(LINGER_SECONDS, _hidden.remove, secrets)


def redact_hidden_values(text: str) -> str:
    """Return the text with `***` in place of hidden values, also if they are escaped."""
    return _hidden.redact(text)


def find_secret_values(value: object) -> list[str]:
    """Return the texts inside the fields of a JSON value that SECRET_FIELDS names, at any depth.

    At most MAX_VALUES of them, and those at the least depth: secrets, URLs and headers are higher
    up than most of an event's data.
    """
    long_enough = (it for it in _secret_values(value) if len(it) >= MIN_SECRET_LENGTH)
    return [value[:MAX_VALUE_LENGTH] for value in islice(long_enough, MAX_VALUES)]


def _secret_values(value: object) -> Iterator[str]:
    waiting = deque([(value, False)])
    while waiting:
        match waiting.popleft():
            case str() as text, True:
                yield text
            case Mapping() as fields, is_secret:
                for name, inner in fields.items():
                    waiting.append((inner, is_secret or name in SECRET_FIELDS))
            case list() as items, is_secret:
                waiting.extend((inner, is_secret) for inner in items)
