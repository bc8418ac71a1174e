"""What a worker learns of an endpoint from its own attempts."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.delivery.paces import FAILING_AFTER, MAX_KNOWN, SLOW_SECONDS, EndpointPace, Paces
from activities.delivery.request import SentAttempt
from hookwright.contracts import RetryRule
from hookwright.models import Attempt
from hookwright.outcomes import Outcome

PROMPT_SECONDS = 0.01


def sent_attempt(*, delivered: bool) -> SentAttempt:
    attempt = Attempt(
        number=1,
        started_at=datetime.now(UTC),
        duration_ms=1,
        outcome=Outcome.DELIVERED if delivered else Outcome.HTTP_ERROR,
        status_code=200 if delivered else 500,
        response_body=None,
        error=None,
    )
    return SentAttempt(attempt, RetryRule(delays_seconds=()), None)


@dataclass
class Known:
    """A worker's paces of one endpoint, on a clock that the test moves."""

    now: float = 100.0
    paces: Paces = field(init=False)

    def __post_init__(self) -> None:
        self.paces = Paces(lambda: self.now)

    @property
    def pace(self) -> EndpointPace:
        return self.paces.of("t1", "ep_1")

    async def attempt(self, seconds: float, *, delivered: bool = True) -> None:
        async def sending() -> SentAttempt:
            self.now += seconds
            return sent_attempt(delivered=delivered)

        await self.paces.observed("t1", "ep_1", sending())

    def begin(self) -> "tuple[asyncio.Task[SentAttempt], asyncio.Future[SentAttempt]]":
        answer: asyncio.Future[SentAttempt] = asyncio.get_running_loop().create_future()
        return asyncio.create_task(self.paces.observed("t1", "ep_1", answer)), answer


async def test_an_endpoint_is_new_until_an_attempt_has_ended() -> None:
    """Nothing is known of an endpoint before it has answered, and nothing of others after."""
    known = Known()
    assert known.pace is EndpointPace.NEW
    task, answer = known.begin()
    await asyncio.sleep(0)
    assert known.pace is EndpointPace.NEW
    answer.set_result(sent_attempt(delivered=True))
    await task
    assert known.pace is EndpointPace.PROMPT
    assert known.paces.of("t2", "ep_1") is known.paces.of("t1", "ep_2") is EndpointPace.NEW


async def test_one_that_hangs_is_slow_before_its_timeout() -> None:
    """An attempt under way for too long shows a slow endpoint, however prompt it was before."""
    known = Known()
    await known.attempt(PROMPT_SECONDS)
    task, answer = known.begin()
    await asyncio.sleep(0)
    known.now += SLOW_SECONDS - 0.1
    assert known.pace is EndpointPace.PROMPT
    known.now += 0.1
    assert known.pace is EndpointPace.SLOW
    answer.set_result(sent_attempt(delivered=False))
    await task


async def test_slow_answers_make_it_slow_and_prompt_ones_prompt_again() -> None:
    """The average decides: slow while attempts take long, prompt again when they do not."""
    known = Known()
    for _ in range(5):
        await known.attempt(3 * SLOW_SECONDS)
    assert known.pace is EndpointPace.SLOW
    for _ in range(4):
        await known.attempt(PROMPT_SECONDS)
    assert known.pace is EndpointPace.PROMPT


async def test_failures_in_a_row_make_it_failing_and_one_success_ends_that() -> None:
    """Failures that come at once are no slowness, but so many in a row are treated alike."""
    known = Known()
    for _ in range(FAILING_AFTER - 1):
        await known.attempt(PROMPT_SECONDS, delivered=False)
        assert known.pace is EndpointPace.PROMPT
    await known.attempt(PROMPT_SECONDS, delivered=False)
    assert known.pace is EndpointPace.SLOW
    await known.attempt(PROMPT_SECONDS)
    assert known.pace is EndpointPace.PROMPT


async def test_a_fault_of_ours_teaches_nothing() -> None:
    """An attempt that ends by an error or a cancellation says nothing of the endpoint."""
    known = Known()
    for end in (lambda it: it.set_exception(RuntimeError()), lambda it: it.cancel()):
        task, answer = known.begin()
        await asyncio.sleep(0)
        known.now += 2 * SLOW_SECONDS
        end(answer)
        with pytest.raises((RuntimeError, asyncio.CancelledError)):
            await task
        assert known.pace is EndpointPace.NEW


async def test_memory_is_bounded() -> None:
    """However many endpoints there are, so many are remembered."""
    paces = Paces()

    async def sending() -> SentAttempt:
        return sent_attempt(delivered=True)

    for number in range(MAX_KNOWN + 10):
        await paces.observed("t1", str(number), sending())
    assert len(paces._known) == MAX_KNOWN
    assert paces.of("t1", "0") is EndpointPace.NEW


@given(st.lists(st.tuples(st.floats(min_value=0, max_value=60), st.booleans()), min_size=1))
def test_only_slow_or_failing_endpoints_are_slow(attempts: list[tuple[float, bool]]) -> None:
    """Prompt attempts that are delivered now and then make nobody slow; all others do."""

    async def run() -> None:
        known = Known()
        for seconds, delivered in attempts:
            await known.attempt(seconds, delivered=delivered)
        latest = [delivered for _, delivered in attempts][-FAILING_AFTER:]
        if max(seconds for seconds, _ in attempts) < SLOW_SECONDS and any(latest):
            assert known.pace is EndpointPace.PROMPT
        if min(seconds for seconds, _ in attempts) > SLOW_SECONDS:
            assert known.pace is EndpointPace.SLOW
        if len(latest) == FAILING_AFTER and not any(latest):
            assert known.pace is EndpointPace.SLOW

    asyncio.run(run())
