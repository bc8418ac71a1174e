"""What one reply may cost: bytes on the wire, steps of parsing, and turns of the event loop.

A receiver chooses how its reply is cut: into chunks of one byte, interim heads without end, or
packets of one byte. The worker must stay as quick for everybody else.
"""

import asyncio

MAX_HEAD_BYTES = 16_384
"""The bytes of all heads of a reply, interim ones (1xx) included."""

MAX_WIRE_BYTES = 81_920
"""The bytes of a reply in all, with heads, the framing of chunks, and trailers."""

MAX_PIECE_BYTES = 4_096
"""How much is read at once: a small piece is parsed quickly."""

MAX_STEPS = 1_024
"""How many pieces, heads and chunks are read of a reply. An ordinary one has fewer than
a hundred."""

STEPS_IN_A_TURN = 8
"""How many of them are parsed before others have their turn."""


class ReplyTurns:
    """The turns of the event loop that long replies take, one reply after the other.

    All long replies together parse STEPS_IN_A_TURN steps in a turn of the event loop, however many
    they are. So sixty floods at once delay others as little as one does.
    """

    def __init__(self) -> None:
        self._taken = asyncio.Lock()
        self.count = 0

    async def next(self) -> None:
        """Wait for a turn in which no other long reply is parsed."""
        async with self._taken:
            self.count += 1
            await asyncio.sleep(0)


class ReplyBudget:
    """What is left for one reply."""

    def __init__(self, turns: ReplyTurns) -> None:
        self._turns = turns
        self._max_bytes = MAX_HEAD_BYTES
        self._bytes = 0
        self._steps = 0

    @property
    def bytes_to_read(self) -> int:
        """How many bytes may be read next; 0 if the budget is used up."""
        return min(MAX_PIECE_BYTES, self._max_bytes - self._bytes)

    def has_read(self, count: int) -> None:
        """Note how many bytes were read."""
        self._bytes += count

    def head_is_complete(self) -> None:
        """Note that the body begins."""
        self._max_bytes = MAX_WIRE_BYTES

    async def allows_step(self) -> bool:
        """Return whether one more step may be taken, once it is this reply's turn."""
        self._steps += 1
        if self._steps % STEPS_IN_A_TURN == 0:
            await self._turns.next()
        return self._steps <= MAX_STEPS
