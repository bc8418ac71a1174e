"""An endpoint's health with a clock of its own, for tests of its rules."""

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hookwright.contracts import DeactivationRule
from hookwright.health import Health, Report, Reports
from hookwright.outcomes import DeliveryState, EndpointStatus, Outcome

BEGIN = datetime(2026, 1, 15, 10, 0, tzinfo=UTC)
NUMBERS = itertools.count(1)
ACTIVE, PAUSED, DISABLED = EndpointStatus
DAY = 86_400
STANDARD = DeactivationRule(failing_for_seconds=5 * DAY, gone=True)
ONE_LOST = DeactivationRule(exhausted_in_a_row=1)


def report(at: datetime, **fields: Any) -> Report:
    """Return a report with a key that no other has, unless it is given."""
    number = next(NUMBERS)
    defaults = {"key": f"key{number}", "event_id": f"evt_{number}", "event_type": "a.b", "at": at}
    return Report(**{**defaults, **fields})


@dataclass
class SimulatedEndpoint:
    """Health under one rule."""

    rule: DeactivationRule = field(default_factory=DeactivationRule)
    health: Health = field(default_factory=Health)
    now: datetime = BEGIN

    def wait(self, **span: float) -> None:
        self.now += timedelta(**span)

    def take(self, **fields: Any) -> None:
        self.health.take(Reports(rule=self.rule, reports=[report(self.now, **fields)]), self.now)

    def fail(self, status: int | None = 500, **fields: Any) -> None:
        self.take(outcome=Outcome.HTTP_ERROR, status_code=status, **fields)

    def exhaust(self, **fields: Any) -> None:
        self.fail(ended=DeliveryState.EXHAUSTED, **fields)

    def deliver(self, **fields: Any) -> None:
        self.take(outcome=Outcome.DELIVERED, ended=DeliveryState.DELIVERED, **fields)

    def hold(self, number: int = 1) -> None:
        for _ in range(number):
            self.take(is_held=True)

    def probe_succeeds(self) -> None:
        """Let the time of the next probe come, and a held delivery arrive."""
        self._wait_for_the_probe()
        self.health.probed(self.now, found=True)
        self.deliver(probe=True, was_held=True)

    def probe_fails(self, status: int = 500) -> None:
        """Let the time of the next probe come, and the receiver fail it."""
        self._wait_for_the_probe()
        self.fail(status, probe=True, was_held=True, is_held=True)
        self.health.probed(self.now, found=True)

    def _wait_for_the_probe(self) -> None:
        assert self.health.next_probe_at is not None
        self.now = max(self.now, self.health.next_probe_at)

    def notices(self, event_type: str = "endpoint.") -> list[dict[str, object]]:
        """Return the data of the waiting notices whose type begins so."""
        waiting = self.health.notices.waiting
        return [each.data for each in waiting if each.type.startswith(event_type)]


def disabled(rule: DeactivationRule = ONE_LOST) -> SimulatedEndpoint:
    """Return an endpoint that its rule has disabled, with one delivery held."""
    endpoint = SimulatedEndpoint(rule)
    endpoint.exhaust()
    assert endpoint.health.status is DISABLED
    endpoint.hold()
    return endpoint
