"""A delivery's place in the queue of its endpoint."""

import hashlib
from typing import NamedTuple

from hookwright.ids import Name
from hookwright.times import Timestamp


class QueuePlace(NamedTuple):
    """A delivery's place. It is stored as a list, because a queue may have thousands of them.

    `key` is the digest of the event's ordering key, or empty without one. `attempt` is the number
    of the attempt that waits for a turn; 0 means that the place was taken when the event was
    accepted, and that the delivery has not asked for its turn so far. `sole`: the event is its only
    delivery, so both have one workflow id.
    """

    event_id: Name
    accepted_at: Timestamp
    attempt: int = 0
    key: str = ""
    sole: bool = False

    @property
    def size(self) -> int:
        """The bytes of this place as JSON, at most."""
        return len(self.event_id) + len(self.key) + 60


def ordering_digest(ordering_key: str | None) -> str:
    """Return what stands for an ordering key in a queue: sixteen characters, or none.

    Two keys with one digest would wait for each other, which is slow, but keeps either order.
    """
    if ordering_key is None:
        return ""
    return hashlib.blake2s(ordering_key.encode(), digest_size=8).hexdigest()
