"""The shares of a worker's attempts, by what it knows of their endpoints."""

from dataclasses import dataclass, field

from activities.delivery.paces import EndpointPace
from activities.shares import (
    FIRST_ATTEMPTS,
    NEWCOMERS,
    NEWCOMERS_RETRIES,
    RETRIES,
    SLOW_RETRIES,
    TESTS,
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
    tests: Shares = field(default_factory=lambda: Shares(TESTS), init=False)

    @property
    def unsent(self) -> Shares:
        """The shares of first attempts that make no POST, to whichever endpoint."""
        return self.prompt_first

    def first(self, pace: EndpointPace) -> Shares:
        """Return the shares of first attempts, which are made within a workflow task."""
        return self.new_first if pace is EndpointPace.NEW else self.prompt_first

    def retries(self, pace: EndpointPace, *, in_slow_lane: bool) -> Shares:
        """Return the shares of the attempts of `retry`."""
        if in_slow_lane:
            return self.slow_retries
        return self.new_retries if pace is EndpointPace.NEW else self.prompt_retries

    def slow_lane_is_next(self, pace: EndpointPace, tenant_id: str, endpoint_id: str) -> bool:
        """Return whether a first attempt that found no room goes on in the slow lane."""
        return pace is EndpointPace.NEW and not self.new_retries.has_room(tenant_id, endpoint_id)
