"""The places of a queue that wait for their turns, in lines."""

from collections.abc import Iterable, Iterator

from hookwright.queueing.place import QueuePlace


class Lines:
    """A line for each ordering key, `by_key`, or one for all. `bytes` is the size of its places."""

    def __init__(self, places: Iterable[QueuePlace] = (), *, by_key: bool = True) -> None:
        self.by_key = by_key
        self.bytes = 0
        self._of: dict[str, dict[str, QueuePlace]] = {}
        for place in places:
            self.append(place)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the ordering keys that have a line."""
        return iter(self._of)

    def __len__(self) -> int:
        return len(self._of)

    def line(self, key: str) -> dict[str, QueuePlace]:
        """Return the places of an ordering key by their events, the first one first."""
        return self._of.get(key if self.by_key else "", {})

    def all(self) -> Iterator[QueuePlace]:
        """Iterate over all places, line by line."""
        return (place for line in self._of.values() for place in line.values())

    def number_of_places(self) -> int:
        """Return how many places there are."""
        return sum(map(len, self._of.values()))

    def firsts(self) -> list[QueuePlace]:
        """Return the first place of each line."""
        return [next(iter(line.values())) for line in self._of.values()]

    def append(self, place: QueuePlace) -> None:
        """Add a place at the end of its line."""
        self._of.setdefault(place.key if self.by_key else "", {})[place.event_id] = place
        self.bytes += place.size

    def remove(self, place: QueuePlace) -> None:
        """Take a place out of its line, if it is there."""
        line = self.line(place.key)
        if line.pop(place.event_id, None):
            self.bytes -= place.size
            if not line:
                del self._of[place.key if self.by_key else ""]
