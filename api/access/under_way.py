"""What an API process has under way at once: requests, and the bytes of their bodies.

While Temporal is slow or away every request waits for it, for seconds. Callers go on sending, so
without a bound memory would grow with what they send. What is beyond the bound is refused at once.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from api.http import unavailable
from hookwright import metrics
from hookwright.sizes import MIB

MAX_REQUESTS = 1_000
MAX_BODY_BYTES = 64 * MIB
"""A parsed body takes several times the memory of its bytes, and a batch has up to 4 MiB."""

TOO_MANY_REQUESTS = "too many requests are under way at once; repeat it later"
TOO_MANY_BYTES = "too many bytes of bodies are held at once; repeat it later, or send less at once"


@dataclass(frozen=True)
class Holder:
    """In whose name something is under way: a tenant's, or an operator's."""

    name: str
    is_operator: bool = False


@dataclass
class Room:
    """Room for so much. A tenant may take while it then leaves p of it, and has p² at most itself.

    So one that is alone can have 38 %, and n tenants that give nothing back leave more than
    1/(n + 1). For if n - 1 of them leave more than 1/n, and the last one left no more than
    1/(n + 1), it would have more than the square of that. An operator may have as much as it then
    leaves, so it finds room whatever tenants hold.
    """

    size: int
    refusal: str
    taken: Counter[Holder] = field(default_factory=Counter)
    total: int = 0

    @contextmanager
    def taking(self, holder: Holder) -> Iterator[Callable[[int], None]]:
        """Yield what takes so much for a holder. When the context ends, all of it is given back.

        What is yielded raises:
            Problem: 503, there is no room.
        """
        held = 0

        def take(amount: int) -> None:
            nonlocal held
            left = self.size - self.total - amount
            most = left if holder.is_operator else left * left // self.size
            # A body that has arrived is told to be complete by a last piece without bytes.
            if amount and (left < 0 or self.taken[holder] + amount > most):
                metrics.refused(metrics.ApiLimit.UNDER_WAY)
                raise unavailable(self.refusal)
            held += amount
            self._add(holder, amount)

        try:
            yield take
        finally:
            self._add(holder, -held)

    def _add(self, holder: Holder, amount: int) -> None:
        self.taken[holder] += amount
        self.total += amount
        if not self.taken[holder]:
            del self.taken[holder]


@dataclass(frozen=True)
class UnderWay:
    """The requests that wait for what they asked for, and the bodies that are held."""

    requests: Room = field(default_factory=lambda: Room(MAX_REQUESTS, TOO_MANY_REQUESTS))
    body_bytes: Room = field(default_factory=lambda: Room(MAX_BODY_BYTES, TOO_MANY_BYTES))

    @contextmanager
    def request(self, holder: Holder) -> Iterator[None]:
        """Count a request of this holder as under way while the context lasts.

        Raises:
            Problem: 503, there are too many.
        """
        with self.requests.taking(holder) as take:
            take(1)
            yield
