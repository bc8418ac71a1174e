"""The values that logs must not show, in an index that finds them in a text.

Hundreds of POSTs may be under way with twenty secret headers each, and each of them writes a log
line. So what a text costs depends on its length, and not on how many values there are.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from threading import RLock
from typing import TypeVar

MIN_SECRET_LENGTH = 6
"""A shorter value is not a secret, and hiding it would make logs unreadable."""

MAX_PIECE_LENGTH = 64
"""A longer value is found piece by piece. So at one place of a text few lengths are possible."""

Key = TypeVar("Key")


class HiddenValues:
    """A counted set of values of at least MIN_SECRET_LENGTH characters.

    Most values come and go without a text in which they are searched, so they enter the index when
    a text is searched. Threads log as well, and so does the garbage collector in the middle of
    anything: hence a lock that its own thread may take again.
    """

    def __init__(self) -> None:
        self._lock = RLock()
        self._uses: Counter[str] = Counter()
        self._unindexed: set[str] = set()
        self._pieces: Counter[str] = Counter()
        self._lengths: defaultdict[str, Counter[int]] = defaultdict(Counter)
        """The lengths of the pieces by their first MIN_SECRET_LENGTH characters."""

    def __contains__(self, value: str) -> bool:
        return value in self._uses

    def add(self, values: Iterable[str]) -> None:
        """Hide each of the values once more."""
        with self._lock:
            for value in values:
                self._uses[value] += 1
                if self._uses[value] == 1:
                    self._unindexed.add(value)

    def remove(self, values: Iterable[str]) -> None:
        """Hide each of the values once less."""
        with self._lock:
            for value in values:
                if not _decrement(self._uses, value):
                    continue
                if value in self._unindexed:
                    self._unindexed.remove(value)
                else:
                    self._unindex(value)

    def redact(self, text: str) -> str:
        """Return the text with `***` in place of all hidden values, also if they are escaped."""
        if not self._uses or len(text) < MIN_SECRET_LENGTH:
            return text
        with self._lock:
            while self._unindexed:
                self._index(self._unindexed.pop())
            found = list(self._found(text))
        shown: list[str] = []
        end = 0
        for start, stop in found:
            if start > end or not shown:
                shown.append(text[end:start])
            end = max(end, stop)
        return "***".join([*shown, text[end:]])

    def _found(self, text: str) -> Iterable[tuple[int, int]]:
        """Yield where pieces are in the text. They may overlap."""
        lengths = self._lengths
        for start in range(len(text) - MIN_SECRET_LENGTH + 1):
            beginning = text[start : start + MIN_SECRET_LENGTH]
            if beginning in lengths:
                for length in sorted(lengths[beginning], reverse=True):
                    piece = text[start : start + length]
                    if piece in self._pieces:
                        yield start, start + len(piece)
                        break

    def _index(self, value: str) -> None:
        for piece in _pieces(value):
            self._pieces[piece] += 1
            self._lengths[piece[:MIN_SECRET_LENGTH]][len(piece)] += 1

    def _unindex(self, value: str) -> None:
        for piece in _pieces(value):
            _decrement(self._pieces, piece)
            beginning = piece[:MIN_SECRET_LENGTH]
            _decrement(self._lengths[beginning], len(piece))
            if not self._lengths[beginning]:
                del self._lengths[beginning]


def _decrement(counts: Counter[Key], key: Key) -> bool:
    """Count one less, and return whether none is left."""
    counts[key] -= 1
    if counts[key]:
        return False
    del counts[key]
    return True


def _pieces(value: str) -> Iterable[str]:
    """Yield the pieces by which a value is found, as it is and as JSON and tracebacks escape it.

    The pieces of a long value cover it, so that nothing of it is left in a text that has it whole.
    """
    for written in {value, json.dumps(value)[1:-1], repr(value)[1:-1]}:
        if len(written) <= MAX_PIECE_LENGTH:
            yield written
            continue
        for start in range(0, len(written) - MAX_PIECE_LENGTH, MAX_PIECE_LENGTH):
            yield written[start : start + MAX_PIECE_LENGTH]
        yield written[-MAX_PIECE_LENGTH:]
