"""What the benchmark must reach, as ratios within one run on two cores."""

import operator
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from bench.report.tables import number, percentile, table
from bench.run import Results

TIMES = " times"
HEAD = ("figure", "wanted", "reached", "")
AT_LEAST, AT_MOST, EXACTLY = "at least", "at most", "exactly"
HOLDS = {AT_LEAST: operator.ge, AT_MOST: operator.le, EXACTLY: operator.eq}


@dataclass(frozen=True)
class Requirement:
    """A figure, what is wanted of it, and what was reached: None if this run cannot know it."""

    figure: str
    bound: str
    wanted: float
    reached: float | None
    unit: str = ""
    digits: int = 2

    @property
    def is_met(self) -> bool | None:
        """Whether the figure is reached, before it is rounded."""
        if self.reached is None:
            return None
        return bool(HOLDS[self.bound](self.reached, self.wanted))

    def row(self) -> list[str]:
        """Return the row of the table."""
        wanted = f"{self.bound} {number(self.wanted, self.digits)}{self.unit}"
        if self.reached is None:
            return [self.figure, wanted, "not measured", "-"]
        reached = f"{number(self.reached, self.digits)}{self.unit}"
        return [self.figure, wanted, reached, "yes" if self.is_met else "**no**"]


def requirements_table(requirements: Iterable[Requirement]) -> str:
    """Return the table of what is wanted, what was reached, and whether that is enough."""
    return table(HEAD, [each.row() for each in requirements])


def requirements(results: Results) -> list[Requirement]:
    """Return the requirements, with what this run has reached."""
    one, twenty = results.fan_out[1], results.fan_out[20]
    cpu, floor = one.cpu_ms_total(), results.lean.cpu_ms_total()
    half = results.half.rounds[0].published
    flood_labels = [flood.outcome.entry.label for flood in results.floods.values()]
    in_floods = [posts for posts in results.posts if posts.label in flood_labels]
    posts = sum(each.posts for each in in_floods) / sum(each.deliveries for each in in_floods)
    idle = median(results.idle.post_ms) / median(results.idle_bare_ms)
    call = percentile(half.call_ms, 99) if half else None
    dev = results.dev
    newcomer = "against the newcomer's bare workflow"
    of_closed = "rate against the closed loop's"
    return [
        Requirement(
            f"events a second at fan-out 1, {newcomer}",
            AT_LEAST,
            1.6,
            one.ratio(results.bare),
            TIMES,
        ),
        Requirement(
            f"deliveries a second at fan-out 20, {newcomer}",
            AT_LEAST,
            2.0,
            twenty.ratio(results.bare),
            TIMES,
        ),
        Requirement(
            "CPU of server, worker and API an event at fan-out 1, against the leanest workflow's",
            AT_MOST,
            1.4,
            cpu / floor if cpu and floor else None,
            TIMES,
        ),
        *(
            Requirement(
                f"open flood at fan-out {size}: {of_closed}",
                AT_LEAST,
                0.9,
                flood.outcome.times(results.fan_out[size]),
                TIMES,
            )
            for size, flood in results.floods.items()
        ),
        Requirement("POSTs a delivery in the floods", EXACTLY, 1.0, posts, digits=4),
        Requirement(
            "publish to POST p50 when idle, against one newcomer's bare workflow (two workflow"
            " tasks)",
            AT_MOST,
            0.8,
            idle,
            TIMES,
        ),
        Requirement("publish call p99 at half load", AT_MOST, 100, call, " ms", 0),
        Requirement("actions an event at fan-out 1", AT_MOST, 1.2, one.rounds[-1].history.actions),
        Requirement("memory of `dev`, idle", AT_MOST, 350, dev.idle if dev else None, " MB", 0),
        Requirement(
            "memory of `dev`, in a flood", AT_MOST, 600, dev.flood if dev else None, " MB", 0
        ),
    ]
