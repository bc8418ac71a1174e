"""What an endpoint asks of its queue: a rate limit, an order, or both."""

from typing import Literal

from pydantic import BaseModel

Ordering = Literal["none", "fifo"]
"""`fifo`: deliveries go out in the order of acceptance, one at a time within an ordering key."""

GiveUp = Literal["skip", "hold"]
"""What an ordered queue does after it gave up a delivery: it goes on, or waits for a person."""

MIN_RATE, MAX_RATE = 0.01, 10_000.0
"""The range of rate limits, in attempts a second."""


class QueueRules(BaseModel):
    """The rules of a queue, from a version of its endpoint. `per_second` None: no rate limit."""

    version: int
    per_second: float | None = None
    in_order: bool = False
    hold_on_give_up: bool = False

    @property
    def is_needed(self) -> bool:
        """Whether deliveries have to take places at all."""
        return self.in_order or self.per_second is not None

    @property
    def interval(self) -> float:
        """The seconds between two turns; 0 without a rate limit."""
        return 1 / self.per_second if self.per_second else 0.0
