"""An endpoint's queue: the turns of its deliveries, if it has a rate limit or an order."""

from hookwright.queueing.heads import Head
from hookwright.queueing.pace import QueuePace
from hookwright.queueing.place import QueuePlace, ordering_digest
from hookwright.queueing.place_queue import MAX_AT_ONCE, PlaceQueue
from hookwright.queueing.rules import MAX_RATE, MIN_RATE, GiveUp, Ordering, QueueRules
from hookwright.queueing.state import QueueState, QueueView
from hookwright.queueing.turns import Ended, QueueTurns, TurnsGiven

__all__ = [
    "MAX_AT_ONCE",
    "MAX_RATE",
    "MIN_RATE",
    "Ended",
    "GiveUp",
    "Head",
    "Ordering",
    "PlaceQueue",
    "QueuePace",
    "QueuePlace",
    "QueueRules",
    "QueueState",
    "QueueTurns",
    "QueueView",
    "TurnsGiven",
    "ordering_digest",
]
