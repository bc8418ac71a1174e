"""Which tenants have traffic."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

TRAFFIC_SECONDS = 1.0
"""A tenant has traffic for so long after it was seen."""


@dataclass
class Traffic:
    """Knows whether other tenants than one have traffic in this process.

    The two tenants that were seen last are remembered, with the times: whoever asks is one of the
    two at most.
    """

    clock: Callable[[], float] = time.monotonic
    _latest: tuple[str, float] = field(default=("", float("-inf")), init=False)
    _other: tuple[str, float] = field(default=("", float("-inf")), init=False)

    def saw(self, tenant_id: str) -> None:
        """Note that this tenant has traffic."""
        if tenant_id != self._latest[0]:
            self._other = self._latest
        self._latest = (tenant_id, self.clock())

    def beside(self, tenant_id: str) -> bool:
        """Return whether another tenant than this one has traffic."""
        _, seen_at = self._other if tenant_id == self._latest[0] else self._latest
        return self.clock() - seen_at < TRAFFIC_SECONDS
