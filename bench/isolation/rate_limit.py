"""The row of the rate limit: a burst for an endpoint with a limit, on two workers."""

import asyncio
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import suppress

from bench.isolation.measured import Measured, Row, Sizes
from bench.isolation.world import TAKE, batch_sizes, running_world
from bench.report.requirements import AT_LEAST, AT_MOST, EXACTLY, Requirement
from bench.site import CLI, ONE_PROCESS

TWO_WORKERS = {**ONE_PROCESS, "worker": (*CLI, "worker")}
LIMIT, TOLERANCE = 5.0, 0.05
WINDOW_SECONDS = 10.0
BATCH = 100
SPARE_SECONDS = 60.0
LATE_REPEATS_SECONDS = 7.0


async def measure(sizes: Sizes) -> Measured:
    """Publish the burst, and look at the POSTs in every ten seconds after the first."""
    async with running_world(sizes, TWO_WORKERS) as world:
        url = world.receiver.at(TAKE)
        tenant = await world.hostile([{"url": url, "rate_limit_per_second": LIMIT}])
        events: list[str] = []
        for size in batch_sizes(sizes.burst, BATCH):
            events.extend(await world.publish(tenant, size))
        receiver = world.receiver
        with suppress(TimeoutError):
            async with asyncio.timeout(sizes.burst / LIMIT + SPARE_SECONDS):
                while receiver.posts(events) < len(events):  # noqa: ASYNC110 - of another process
                    await asyncio.sleep(1.0)
        await asyncio.sleep(LATE_REPEATS_SECONDS)
        posts = sorted(time for event in events for time in receiver.arrivals[event])
        lost = sum(not receiver.arrivals[event] for event in events)
        repeated = len(posts) - (len(events) - lost)
    slowest, fastest = windows(posts)
    notes = f"{len(events)} events, {len(posts)} POSTs in {posts[-1] - posts[0]:.1f} s"
    return Measured([fastest, slowest, lost, repeated], notes=notes)


def windows(posts: Sequence[float]) -> tuple[float, float]:
    """Return the lowest and the highest rate in any ten seconds between first and last POST.

    The number in a window changes only where a POST enters or leaves it. So it is enough to look at
    the windows that begin at a POST, with it and without it.
    """
    counts = []
    for number, start in enumerate(posts):
        if start + WINDOW_SECONDS > posts[-1]:
            break
        after = bisect_right(posts, start)
        end = bisect_right(posts, start + WINDOW_SECONDS)
        # With the first POST the window is closed at its start and open at its end.
        counts += [end - after, bisect_right(posts, start + WINDOW_SECONDS - 1e-9) - number]
    if not counts:
        raise RuntimeError("the POSTs do not fill ten seconds")
    return min(counts) / WINDOW_SECONDS, max(counts) / WINDOW_SECONDS


TITLE = "rate limit of 5 a second, burst of 200 events, two workers"
ROW = Row(
    "rate",
    TITLE,
    (
        Requirement(f"{TITLE}: most in any 10 s", AT_MOST, LIMIT * (1 + TOLERANCE), None, " a s"),
        Requirement(
            f"{TITLE}: fewest in any 10 s", AT_LEAST, LIMIT * (1 - TOLERANCE), None, " a s"
        ),
        Requirement(f"{TITLE}: lost", EXACTLY, 0, None, digits=0),
        Requirement(f"{TITLE}: POSTed again", EXACTLY, 0, None, digits=0),
    ),
    measure,
)
