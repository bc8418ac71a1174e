"""Turns: what a queue asks of the activity that gives them, and what came of it."""

from enum import StrEnum

from pydantic import BaseModel

from hookwright.ids import Name
from hookwright.queueing.pace import QueuePace
from hookwright.queueing.place import QueuePlace
from hookwright.queueing.rules import QueueRules


class Ended(StrEnum):
    """Whether a delivery has ended, as far as the queue behind it needs to know."""

    NO = "no"
    YES = "yes"
    GIVEN_UP = "given_up"


class QueueTurns(BaseModel):
    """The argument of the activity `give_turns`: places, in the order of their turns.

    The turns are given at this pace. In an ordered queue each one waits for the end of the delivery
    before it. `watch_first`: the first place has had its turn, and only its end is waited for.
    Without places, only the rules are read. `line` is the part of the queue that this is about: an
    ordering key, or None for the rules.
    """

    tenant_id: Name
    endpoint_id: Name
    line: str | None = None
    rules: QueueRules | None = None
    places: list[QueuePlace] = []
    pace: QueuePace = QueuePace()
    watch_first: bool = False


class TurnsGiven(BaseModel):
    """The progress of `give_turns`, and its result.

    `done` is how many of the places need nothing more. `last` is set if the activity stopped behind
    the next place, which has had its turn. `rules` are those of the endpoint when the activity
    began; None means that the endpoint is gone. `pace` is the one after the last turn. `begun`: a
    run of the activity was so far that it could give turns.
    """

    begun: bool = False
    done: int = 0
    last: Ended | None = None
    rules: QueueRules | None = None
    pace: QueuePace = QueuePace()
