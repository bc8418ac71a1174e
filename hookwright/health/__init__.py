"""An endpoint's health: the reports of workers, and the status that follows from them."""

from hookwright.health.counts import STEPS, success_rate
from hookwright.health.duties import TURN_SECONDS, Due, Duty, Turns
from hookwright.health.latencies import ERROR_PERCENT, latencies_of, merged, quantile
from hookwright.health.notices import Notice
from hookwright.health.probing import shows_working_receiver
from hookwright.health.reports import MAX_REPORTED_ERROR, MAX_REPORTS, Release, Report, Reports
from hookwright.health.state import Health
from hookwright.health.status_changes import StatusChange, StatusChangeKind, StatusChanges
from hookwright.health.wording import (
    DISABLED_BECAUSE,
    failures_in_words,
    health_in_words,
    held_in_words,
)

__all__ = [
    "DISABLED_BECAUSE",
    "ERROR_PERCENT",
    "MAX_REPORTED_ERROR",
    "MAX_REPORTS",
    "STEPS",
    "TURN_SECONDS",
    "Due",
    "Duty",
    "Health",
    "Notice",
    "Release",
    "Report",
    "Reports",
    "StatusChange",
    "StatusChangeKind",
    "StatusChanges",
    "Turns",
    "failures_in_words",
    "health_in_words",
    "held_in_words",
    "latencies_of",
    "merged",
    "quantile",
    "shows_working_receiver",
    "success_rate",
]
