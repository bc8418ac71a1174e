"""The phases of an attempt, as parts of a bar."""

from dataclasses import dataclass

from hookwright.models import Attempt


@dataclass(frozen=True)
class Phase:
    """A part of an attempt's time. `start` and `share` are in percent of the bar."""

    key: str
    label: str
    milliseconds: int
    start: float
    share: float


def phases(attempt: Attempt) -> list[Phase]:
    """Return the phases that took place, in their order. The rest is what no phase explains."""
    timing = attempt.timing
    known = [
        ("dns", "Name", timing.dns_ms),
        ("connect", "Connection", timing.connect_ms),
        ("tls", "TLS", timing.tls_ms),
        ("first-byte", "First byte", timing.first_byte_ms),
    ]
    taken = [(key, label, taken) for key, label, taken in known if taken is not None]
    explained = sum(milliseconds for _, _, milliseconds in taken)
    taken.append(("rest", "Rest", max(0, attempt.duration_ms - explained)))
    # Each phase is rounded for itself, so together they may take longer than the attempt.
    whole = max(1, sum(milliseconds for _, _, milliseconds in taken))
    parts: list[Phase] = []
    start = 0.0
    for key, label, milliseconds in taken:
        share = round(100 * milliseconds / whole, 2)
        parts.append(Phase(key, label, milliseconds, round(start, 2), share))
        start += share
    return parts
