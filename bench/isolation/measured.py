"""What a row is, how much of it is done, and what it has measured."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bench.report.requirements import Requirement

MAX_ROW_SECONDS = 1_200.0


@dataclass(frozen=True)
class Sizes:
    """How much is done. `rate` and `seconds` are of the small tenant whose events are measured.

    `rounds` is how often each row of latency runs, each time on a new site.
    """

    rounds: int = 1
    rate: float = 12.0
    seconds: float = 20.0
    a_second: float = 50.0
    hanging: int = 1_000
    filters: int = 200
    floods: int = 60
    names: int = 200
    backlog: int = 5_000
    wide: int = 5_000
    failing: int = 2_000
    origins: int = 1_000
    burst: int = 200
    ordered: int = 1_000
    parked: int = 20_000


SMALL = Sizes(
    seconds=5.0,
    a_second=20.0,
    hanging=60,
    filters=20,
    floods=20,
    names=40,
    backlog=300,
    wide=100,
    failing=100,
    origins=50,
    burst=60,
    ordered=60,
    parked=400,
)
"""A run that says whether everything works. Its figures are rough, and below the bounds' sizes."""


@dataclass
class Moment:
    """The small tenant's events of one moment: alone, or beside a load.

    An event whose POST has not arrived in time counts as late as the wait for it. `posts` is the
    number of POSTs of each event. The processor seconds are those of the site with its driver, and
    of whatever else the machine was doing, in `seconds`.
    """

    call_ms: list[float] = field(default_factory=list)
    post_ms: list[float] = field(default_factory=list)
    refusals: int = 0
    events: list[str] = field(default_factory=list)
    posts: list[int] = field(default_factory=list)
    seconds: float = 0.0
    site_cpu: float = 0.0
    other_cpu: float = 0.0

    def add(self, other: "Moment") -> None:
        """Take the events of another round."""
        self.call_ms += other.call_ms
        self.post_ms += other.post_ms
        self.refusals += other.refusals
        self.events += other.events
        self.posts += other.posts
        self.seconds += other.seconds
        self.site_cpu += other.site_cpu
        self.other_cpu += other.other_cpu


@dataclass(frozen=True)
class Measured:
    """What was reached of each of a row's figures, in their order, and what else is told of it."""

    reached: Sequence[float | None]
    moments: Mapping[str, Moment] = field(default_factory=dict)
    notes: str = ""


@dataclass(frozen=True)
class Row:
    """A row of the report: its name on the command line, what it wants, and how it is measured."""

    key: str
    title: str
    wanted: Sequence[Requirement]
    measure: Callable[[Sizes], Awaitable[Measured]]

    async def run(self, sizes: Sizes) -> "Result":
        """Measure the row. One that fails or takes too long is not measured, and says why."""
        try:
            async with asyncio.timeout(MAX_ROW_SECONDS):
                measured = await self.measure(sizes)
        except Exception as error:  # noqa: BLE001 - other rows are measured all the same
            nothing = [None] * len(self.wanted)
            return Result(self, Measured(nothing, notes=f"not measured: {_in_words(error)}"))
        return Result(self, measured)


@dataclass(frozen=True)
class Result:
    """A row, and what it has measured."""

    row: Row
    measured: Measured

    @property
    def requirements(self) -> list[Requirement]:
        """What the row wants, with what was reached."""
        pairs = zip(self.row.wanted, self.measured.reached, strict=True)
        return [replace(wanted, reached=reached) for wanted, reached in pairs]


def _in_words(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(_in_words(each) for each in error.exceptions)
    sentence = str(error).partition("\n")[0]
    return f"{type(error).__name__} {sentence}".strip()
