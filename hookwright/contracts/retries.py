"""Retry rules: when the next attempt is due.

In every contract, delays count from the end of the previous attempt.
"""

import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

MAX_RETRIES = 30
"""Thirty records of an attempt (at most 25 KiB each) are below Temporal's limit of 2 MiB for a
payload."""

MAX_DELAY_SECONDS = 7 * 86_400
MAX_RETRY_AFTER_SECONDS = 86_400
"""A receiver may ask for a pause of at most one day (contracts.md)."""

StatusClass = Literal["1xx", "3xx", "4xx", "5xx"]
Delay = Annotated[float, Field(gt=0, le=MAX_DELAY_SECONDS, allow_inf_nan=False)]


class RetryRule(BaseModel):
    """A retry table: the delay before each retry, in seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    delays_seconds: tuple[Delay, ...] = Field(max_length=MAX_RETRIES)
    jitter: float = Field(default=0.0, ge=0, lt=1)
    honours_retry_after: bool = True
    not_retried: tuple[StatusClass, ...] = ()

    def gives_up_on(self, status_code: int | None) -> bool:
        """Return whether a status ends a delivery at once. A missing answer never does."""
        return status_code is not None and f"{status_code // 100}xx" in self.not_retried


class Backoff(BaseModel):
    """An endpoint's own retries by formula: a fixed delay, or one that doubles at each retry.

    A delay that doubles grows to at most seven days.
    """

    model_config = ConfigDict(extra="forbid")

    strategy: Literal["exponential", "fixed"]
    max_retries: int = Field(ge=0, le=MAX_RETRIES)
    delay_seconds: Delay

    def delays(self) -> tuple[float, ...]:
        """Return the delay before each retry, in seconds."""
        growth = 2 if self.strategy == "exponential" else 1
        return tuple(
            min(self.delay_seconds * growth**retry, MAX_DELAY_SECONDS)
            for retry in range(self.max_retries)
        )


class Table(BaseModel):
    """An endpoint's own retries as a table of delays."""

    model_config = ConfigDict(extra="forbid")

    schedule_seconds: list[Delay] = Field(max_length=MAX_RETRIES)

    def delays(self) -> tuple[float, ...]:
        """Return the delay before each retry, in seconds."""
        return tuple(self.schedule_seconds)


def _kind(value: object) -> str:
    is_table = isinstance(value, Table) or (isinstance(value, dict) and "schedule_seconds" in value)
    return "table" if is_table else "formula"


Retry = Annotated[
    Annotated[Backoff, Tag("formula")] | Annotated[Table, Tag("table")], Discriminator(_kind)
]
"""An endpoint's own retries: `{"strategy", "max_retries", "delay_seconds"}`, or
`{"schedule_seconds": [...]}`. That key decides which kind it is, so that an error names the faults
of one kind only."""


def effective_rule(contract: RetryRule, own: Retry | None) -> RetryRule:
    """Return the contract's rule, with the endpoint's own delays, if any, and without jitter."""
    if own is None:
        return contract
    return contract.model_copy(update={"delays_seconds": own.delays(), "jitter": 0.0})


def next_delay(rule: RetryRule, attempts_made: int, retry_after: float | None) -> float | None:
    """Return the seconds to wait before the next attempt, or None after the last step."""
    if attempts_made > len(rule.delays_seconds):
        return None
    spread = random.uniform(1 - rule.jitter, 1 + rule.jitter)  # noqa: S311 - not a secret
    delay = rule.delays_seconds[attempts_made - 1] * spread
    if rule.honours_retry_after and retry_after is not None:
        delay = max(delay, min(retry_after, MAX_RETRY_AFTER_SECONDS))
    return delay


def parse_retry_after(value: str, now: datetime | None = None) -> float | None:
    """Return the seconds of a `Retry-After` header (RFC 9110, 10.2.3), or None if it is invalid.

    The header has a number of seconds or a date. It never raises, because a receiver may send any
    text.
    """
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        retry_at = parsedate_to_datetime(text)
        if retry_at.tzinfo is None:
            retry_at = retry_at.replace(tzinfo=UTC)
        seconds = (retry_at - (now or datetime.now(UTC))).total_seconds()
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
    return max(seconds, 0.0)
