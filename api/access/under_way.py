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

TOO_MUCH = "too many requests are under way at once; repeat it later"


@dataclass
class Room:
    """Room for so much. Each tenant may have as much of it as is left for others.

    So one that is alone can have a half, and n tenants leave 1/(n + 1) for the next.
    """

    size: int
    taken: Counter[str] = field(default_factory=Counter)
    total: int = 0

    @contextmanager
    def taking(self, tenant_id: str) -> Iterator[Callable[[int], None]]:
        """Yield what takes so much for a tenant. When the context ends, all of it is given back.

        What is yielded raises:
            Problem: 503, there is no room.
        """
        held = 0

        def take(amount: int) -> None:
            nonlocal held
            if self.taken[tenant_id] + amount > self.size - self.total:
                metrics.refused(metrics.ApiLimit.UNDER_WAY)
                raise unavailable(TOO_MUCH)
            held += amount
            self._add(tenant_id, amount)

        try:
            yield take
        finally:
            self._add(tenant_id, -held)

    def _add(self, tenant_id: str, amount: int) -> None:
        self.taken[tenant_id] += amount
        self.total += amount
        if not self.taken[tenant_id]:
            del self.taken[tenant_id]


@dataclass(frozen=True)
class UnderWay:
    """The requests that wait for what they asked for, and the bodies that are held."""

    requests: Room = field(default_factory=lambda: Room(MAX_REQUESTS))
    body_bytes: Room = field(default_factory=lambda: Room(MAX_BODY_BYTES))

    @contextmanager
    def request(self, tenant_id: str) -> Iterator[None]:
        """Count a request of this tenant as under way while the context lasts.

        Raises:
            Problem: 503, there are too many.
        """
        with self.requests.taking(tenant_id) as take:
            take(1)
            yield
