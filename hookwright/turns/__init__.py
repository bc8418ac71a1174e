"""Turns of tenants at what costs Temporal much: whoever is busy waits while others have traffic."""

from hookwright.turns.each_tenant import (
    ANSWER_TAKES_SECONDS,
    AT_ONCE_BESIDE_OTHERS,
    FEW,
    NoTurnError,
    TurnsOfEachTenant,
)
from hookwright.turns.rests import Rests
from hookwright.turns.traffic import TRAFFIC_SECONDS, Traffic

__all__ = [
    "ANSWER_TAKES_SECONDS",
    "AT_ONCE_BESIDE_OTHERS",
    "FEW",
    "TRAFFIC_SECONDS",
    "NoTurnError",
    "Rests",
    "Traffic",
    "TurnsOfEachTenant",
]
