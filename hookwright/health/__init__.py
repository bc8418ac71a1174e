"""An endpoint's health: what workers report of it, and what follows from that."""

from hookwright.health.counts import success_rate
from hookwright.health.duties import ENOUGH_SECONDS, Due, Duty, Turns
from hookwright.health.latencies import ERROR_PERCENT, latencies_of, merged, quantile
from hookwright.health.probing import shows_life
from hookwright.health.reports import MAX_REPORTS, Notice, Release, Report, Reports
from hookwright.health.state import Colour, Health

__all__ = [
    "ENOUGH_SECONDS",
    "ERROR_PERCENT",
    "MAX_REPORTS",
    "Colour",
    "Due",
    "Duty",
    "Health",
    "Notice",
    "Release",
    "Report",
    "Reports",
    "Turns",
    "latencies_of",
    "merged",
    "quantile",
    "shows_life",
    "success_rate",
]
