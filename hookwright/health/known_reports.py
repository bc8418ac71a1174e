"""The keys of the latest reports, so that a report which comes twice counts once."""

from typing import Any

from pydantic import PrivateAttr, RootModel

MAX_KNOWN_REPORTS = 5_000
"""How many keys of reports are remembered: almost a minute of an endpoint that fails a hundred
times a second."""


class KnownReports(RootModel[list[str]]):
    """The keys, in the order in which they came."""

    root: list[str] = []

    _keys: set[str] = PrivateAttr(default_factory=set)

    def model_post_init(self, _: Any) -> None:  # noqa: ANN401 - the signature is pydantic's
        """Keep the keys as a set, because searching the list for each report is too slow."""
        self._keys = {*self.root}

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    def __len__(self) -> int:
        return len(self.root)

    def add(self, key: str) -> None:
        """Remember a key, and forget the oldest one if there are too many."""
        self.root.append(key)
        self._keys.add(key)
        if len(self.root) > MAX_KNOWN_REPORTS:
            self._keys.discard(self.root.pop(0))
