"""A worker makes no POST twice: whoever comes again joins it, or has its reply."""

import asyncio
from datetime import UTC, datetime

import pytest
from support.waiting import assert_eventually

from activities.delivery import Ledger
from activities.delivery import ledger as module
from activities.delivery.ledger import StillUnderWayError
from activities.delivery.request import SentAttempt
from hookwright.contracts import RetryRule
from hookwright.models import Attempt
from hookwright.outcomes import Outcome

KEY = ("run", 1)


def posted(body: str = "ok") -> SentAttempt:
    attempt = Attempt(
        number=1,
        started_at=datetime.now(UTC),
        duration_ms=1,
        outcome=Outcome.DELIVERED,
        status_code=200,
        response_body=body,
        error=None,
    )
    return SentAttempt(attempt, RetryRule(delays_seconds=()), None)


class Posts:
    """Counts POSTs, which end when the test lets them."""

    def __init__(self) -> None:
        self.made = 0
        self.cut = 0
        self.gate = asyncio.Event()
        self.fault: Exception | None = None

    async def post(self) -> SentAttempt:
        self.made += 1
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cut += 1
            raise
        if self.fault:
            raise self.fault
        return posted()


async def test_two_who_want_a_post_share_it() -> None:
    """Whoever comes while a POST is under way, or after it, gets its reply."""
    posts = Posts()
    async with Ledger() as ledger:
        both = asyncio.gather(ledger.once(KEY, posts.post), ledger.once(KEY, posts.post))
        await assert_eventually(lambda: posts.made > 0)
        assert ledger.knows(KEY)
        posts.gate.set()
        one, other = await both
        assert one is other is await ledger.once(KEY, posts.post)
    assert posts.made == 1


async def test_attempts_are_told_apart() -> None:
    """Another attempt of a run, and the same number in another run, are POSTs of their own."""
    posts = Posts()
    posts.gate.set()
    async with Ledger() as ledger:
        for key in (KEY, ("run", 2), ("other", 1)):
            assert not ledger.knows(key)
            await ledger.once(key, posts.post)
    assert posts.made == 3


async def test_a_post_outlives_who_waits_for_it() -> None:
    """The POST of a task that was cancelled goes on, and the task that comes after it joins it."""
    posts = Posts()
    async with Ledger() as ledger:
        first = asyncio.create_task(ledger.once(KEY, posts.post))
        await assert_eventually(lambda: posts.made == 1)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        second = asyncio.create_task(ledger.once(KEY, posts.post))
        posts.gate.set()
        assert (await second).attempt.status_code == 200
    assert (posts.made, posts.cut) == (1, 0)


async def test_a_fault_of_ours_is_not_kept() -> None:
    """A POST that could not be made is made by the next who wants it."""
    posts = Posts()
    posts.gate.set()
    posts.fault = OSError("no descriptor left")
    async with Ledger() as ledger:
        with pytest.raises(OSError, match="descriptor"):
            await ledger.once(KEY, posts.post)
        posts.fault = None
        assert (await ledger.once(KEY, posts.post)).attempt.outcome is Outcome.DELIVERED
    assert posts.made == 2


async def test_what_nobody_wants_is_cut() -> None:
    """A POST that is cut, or still under way when the worker ends, is broken off."""
    posts = Posts()
    async with Ledger() as ledger:
        waiting = [
            asyncio.create_task(ledger.once(("run", number), posts.post)) for number in (1, 2)
        ]
        await assert_eventually(lambda: posts.made == 2)
        ledger.cancel(KEY)
        await assert_eventually(lambda: posts.cut == 1)
        assert not ledger.knows(KEY)
    ends = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(end) for end in ends] == [asyncio.CancelledError] * 2
    assert posts.cut == 2


async def test_replies_are_kept_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replies take as much memory as they may, the oldest going first."""
    size = module.REPLY_OVERHEAD_BYTES + 1_000
    monkeypatch.setattr(module, "MAX_REPLIES_BYTES", 10 * size)

    async def post() -> SentAttempt:
        return posted("x" * 1_000)

    async with Ledger() as ledger:
        for number in range(50):
            await ledger.once(("run", number), post)
        assert [n for n in range(50) if ledger.knows(("run", n))] == [*range(40, 50)]


async def test_a_post_outlasts_the_patience_of_who_waits() -> None:
    """Whoever waits for some time only goes without a reply; the POST goes on for the next one."""
    posts = Posts()
    async with Ledger() as ledger:
        with pytest.raises(StillUnderWayError):
            await ledger.once(KEY, posts.post, patience=0)
        assert ledger.knows(KEY)
        posts.gate.set()
        assert (await ledger.once(KEY, posts.post)).attempt.status_code == 200
    assert (posts.made, posts.cut) == (1, 0)
