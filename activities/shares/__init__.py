"""Shares: how much of a worker an endpoint and a tenant may use, and whose turn is next."""

from activities.shares.fair_pace import FairPace
from activities.shares.limits import (
    COSTLY_FAN_OUTS,
    EVALUATIONS,
    FAN_OUTS,
    FIRST_ATTEMPTS,
    MAX_WAIT_SECONDS,
    NEWCOMERS,
    NEWCOMERS_RETRIES,
    RECOVERIES,
    RELEASES,
    RETRIES,
    SEARCHES,
    SLOW_RETRIES,
    TESTS,
    TURNS,
    Limits,
    NoRoomError,
    Share,
    Shares,
    waiting_error,
)
from activities.shares.round_robin import RoundRobin
from activities.shares.start_turns import (
    TURNS_ALONE,
    TURNS_BESIDE_OTHERS,
    TenantTurns,
)

__all__ = [
    "COSTLY_FAN_OUTS",
    "EVALUATIONS",
    "FAN_OUTS",
    "FIRST_ATTEMPTS",
    "MAX_WAIT_SECONDS",
    "NEWCOMERS",
    "NEWCOMERS_RETRIES",
    "RECOVERIES",
    "RELEASES",
    "RETRIES",
    "SEARCHES",
    "SLOW_RETRIES",
    "TESTS",
    "TURNS",
    "TURNS_ALONE",
    "TURNS_BESIDE_OTHERS",
    "FairPace",
    "Limits",
    "NoRoomError",
    "RoundRobin",
    "Share",
    "Shares",
    "TenantTurns",
    "waiting_error",
]
