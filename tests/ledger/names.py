"""The names of the receivers, which a run's workers look up in a file instead of asking the system.

The file says how names go wrong. It is read at each lookup, so a fault reaches the workers at once.
"""

import random
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import Any

DOMAIN = "receivers.test"
"""RFC 6761 (6.2) keeps `test` for this: no name below it is anybody's."""

SLOWEST_SECONDS = 3.0
"""How long a slow name takes at most. Endpoints give up before that, and the lookup goes on."""

RIGHT, FORBIDDEN = "127.0.0.1", "10.0.0.1"


class Mode(StrEnum):
    """How names answer."""

    RIGHT = "right"
    FAIL = "fail"
    """They have no address."""
    SLOW = "slow"
    FLIP = "flip"
    """Every second time they lead to a private network, to which nothing may be sent."""


@dataclass(frozen=True)
class Names:
    """The file of a run in which the mode of now stands."""

    file: Path

    @contextmanager
    def during(self, mode: Mode) -> Iterator[None]:
        """Let names go wrong while the context lasts."""
        self.file.write_text(mode)
        try:
            yield
        finally:
            self.file.write_text(Mode.RIGHT)

    def take_over(self) -> None:
        """Let this process look up the receivers' names here. The system has all others."""
        system, turns = socket.getaddrinfo, count()

        def getaddrinfo(host: Any, *args: Any, **options: Any) -> Any:
            if not str(host).endswith(DOMAIN):
                return system(host, *args, **options)
            address = self._address(next(turns))
            return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, 0))]

        socket.getaddrinfo = getaddrinfo

    def _address(self, turn: int) -> str:
        match self.file.read_text():
            case Mode.FAIL:
                raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
            case Mode.SLOW:
                time.sleep(random.uniform(0, SLOWEST_SECONDS))
            case Mode.FLIP if turn % 2:
                return FORBIDDEN
        return RIGHT
