"""The shares of a worker's attempts, by what it knows of their endpoints."""

from dataclasses import dataclass, field

from activities.delivery.paces import EndpointPace
from activities.shares import (
    FIRST_ATTEMPTS,
    NEWCOMERS,
    NEWCOMERS_RETRIES,
    RETRIES,
    SLOW_RETRIES,
    Shares,
)


@dataclass(frozen=True)
class AttemptShares:
    """One kind of share for each way that an attempt is made."""

    prompt_first: Shares = field(default_factory=lambda: Shares(FIRST_ATTEMPTS), init=False)
    new_first: Shares = field(default_factory=lambda: Shares(NEWCOMERS), init=False)
    prompt_retries: Shares = field(default_factory=lambda: Shares(RETRIES), init=False)
    new_retries: Shares = field(default_factory=lambda: Shares(NEWCOMERS_RETRIES), init=False)
    slow_retries: Shares = field(default_factory=lambda: Shares(SLOW_RETRIES), init=False)

    def retries(self, pace: EndpointPace, *, in_slow_lane: bool) -> Shares:
        """Return the shares of the attempts of `retry`."""
        if in_slow_lane:
            return self.slow_retries
        return self.new_retries if pace is EndpointPace.NEW else self.prompt_retries
