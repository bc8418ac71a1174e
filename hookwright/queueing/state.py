"""What the workflow `EndpointQueue` keeps, and what people see of it."""

from pydantic import BaseModel

from hookwright.ids import Name
from hookwright.queueing.pace import QueuePace
from hookwright.queueing.place import QueuePlace
from hookwright.times import Timestamp


class Head(BaseModel):
    """The delivery that the others of its ordering key wait for.

    `asks`: it waits for a turn. Otherwise it has had its turn, and its queue waits for its end and
    looks at it at `check_at` for the next time, if nobody reports the end before. `given_up`: its
    attempts ran out, and the queue waits for a person.
    """

    place: QueuePlace
    asks: bool
    check_at: Timestamp
    checks: int = 0
    given_up: bool = False


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
