"""What the workflow `EndpointQueue` keeps, and what people see of it."""

from collections.abc import Collection
from typing import Self

from pydantic import BaseModel

from hookwright.ids import Name
from hookwright.queueing.heads import Head
from hookwright.queueing.lines import Lines
from hookwright.queueing.pace import QueuePace
from hookwright.queueing.place import QueuePlace
from hookwright.times import Timestamp


class QueueState(BaseModel):
    """The whole state of an `EndpointQueue` workflow, carried from one run to the next.

    `waiting` has the places of each ordering key in the order in which they were taken. `heads` are
    those of an ordered queue only.
    """

    tenant_id: Name
    endpoint_id: Name
    waiting: list[QueuePlace] = []
    heads: list[Head] = []
    pace: QueuePace = QueuePace()


class QueueView(BaseModel):
    """What the memo of a queue shows.

    `waiting` is how many deliveries wait for their turn. The first of them was accepted at
    `waiting_since`. `blocked_by` is the event whose delivery was given up, if the queue waits for a
    person for that reason.
    """

    waiting: int = 0
    waiting_since: Timestamp | None = None
    blocked_by: Name | None = None

    @classmethod
    def of(cls, heads: Collection[Head], lines: Lines) -> Self:
        """Return what is shown of these heads, and of the lines behind them."""
        asking = [head.place for head in heads if head.asks]
        blocked = (head.place.event_id for head in heads if head.given_up)
        return cls(
            waiting=lines.number_of_places() + len(asking),
            waiting_since=min((it.accepted_at for it in [*asking, *lines.firsts()]), default=None),
            blocked_by=next(blocked, None),
        )
