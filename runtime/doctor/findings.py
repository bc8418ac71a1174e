"""What a check found."""

from dataclasses import asdict, dataclass
from enum import StrEnum

SKEW_SECONDS = 2.0
"""How far two clocks may differ. An HTTP date has whole seconds."""


class Verdict(StrEnum):
    """How a check ended. Only `failed` makes the exit status 1."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """One line of the page: what was looked at, what was found, and what to do about it."""

    subject: str
    verdict: Verdict
    text: str
    remedy: str | None = None

    def document(self) -> dict[str, object]:
        """Return the finding as JSON has it."""
        return asdict(self)


def ok(subject: str, text: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(subject, Verdict.OK, text)


def warning(subject: str, text: str, remedy: str) -> Finding:
    """Return a finding that may be meant so."""
    return Finding(subject, Verdict.WARNING, text, remedy)


def failed(subject: str, text: str, remedy: str) -> Finding:
    """Return a finding that stops deliveries, or will."""
    return Finding(subject, Verdict.FAILED, text, remedy)


def skipped(subject: str, text: str) -> Finding:
    """Return a finding that something else must be put right first."""
    return Finding(subject, Verdict.SKIPPED, text)


def clocks(subject: str, other: str, seconds_ahead: float) -> Finding:
    """Return whether another clock agrees with this machine's."""
    if abs(seconds_ahead) <= SKEW_SECONDS:
        return ok(subject, f"The clocks of {other} and of this machine agree.")
    direction = "ahead of" if seconds_ahead > 0 else "behind"
    return warning(
        subject,
        f"The clock of {other} is {abs(seconds_ahead):.0f} s {direction} this machine's.",
        "Let both machines keep their time with NTP: signatures and tokens carry times.",
    )
