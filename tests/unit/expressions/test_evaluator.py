"""Expressions of tenants in a process of their own, when they cost more than little."""

import asyncio
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.waiting import assert_eventually

from hookwright.expressions import Evaluator, small_verdicts
from hookwright.expressions.evaluator import NICENESS
from hookwright.expressions.language import Budget, TooCostlyError, evaluate

ITEMS = {"data": [*range(5_000)]}
CHEAP, COSTLY = "data[0] == `0`", "data[?@ > `4998`]"
HOSTILE = "data[?" + "&&".join("@" * 200) + "]"


def test_little_is_decided_at_once() -> None:
    """Verdicts are given as long as they cost little together; the first costly one ends that."""
    assert small_verdicts([CHEAP, "data[9] == `0`", COSTLY, "`true`"], ITEMS) == {
        CHEAP: True,
        "data[9] == `0`": False,
    }


async def test_what_is_cheap_needs_no_process() -> None:
    """Nothing is started for expressions that cost little."""
    async with Evaluator() as evaluator:
        assert await evaluator.verdicts("t", [CHEAP], ITEMS) == {CHEAP: True}
        assert await evaluator.value("t", "data[1]", ITEMS) == 1
        assert evaluator._process is None


async def test_costly_filters_are_decided_elsewhere() -> None:
    """A costly filter gets its verdict, a hostile one None, and one that does not fit False."""
    async with Evaluator() as evaluator:
        found = await evaluator.verdicts("t", [CHEAP, COSTLY, "abs(@)", HOSTILE], ITEMS)
        assert found == {CHEAP: True, COSTLY: True, "abs(@)": False, HOSTILE: None}
        assert evaluator._process.pid != os.getpid()


async def test_what_needs_the_process_waits_in_its_room() -> None:
    """Also what was not known to be costly does, and a room without a place refuses it."""
    taken = Counter[str]()

    @contextmanager
    def room() -> Iterator[None]:
        taken["room"] += 1
        if taken["room"] > 2:
            raise RuntimeError("no place")
        yield

    async with Evaluator() as evaluator:
        assert await evaluator.verdicts("t", [CHEAP], ITEMS, room) == {CHEAP: True}
        assert await evaluator.value("t", "data[1]", ITEMS, room) == 1
        assert not taken
        assert await evaluator.verdicts("t", [COSTLY], ITEMS, room) == {COSTLY: True}
        assert await evaluator.value("t", "data[?@ > `4997`]", ITEMS, room) == [4_998, 4_999]
        with pytest.raises(RuntimeError, match="no place"):
            await evaluator.value("t", "data[?@ > `4996`]", ITEMS, room)


async def test_a_filter_asked_alone_takes_nothing_of_the_loop() -> None:
    """Even a cheap one goes to the process, and one that has no verdict is known to be costly."""
    async with Evaluator() as evaluator:
        assert await evaluator.verdict_alone("t", CHEAP, ITEMS) is True
        assert evaluator._process is not None
        assert await evaluator.verdict_alone("t", "data[0] == `1`", ITEMS) is False
        assert await evaluator.verdict_alone("t", HOSTILE, ITEMS) is None
        assert [each for each in (CHEAP, HOSTILE) if evaluator.is_costly(each)] == [HOSTILE]


async def test_costly_values_come_back() -> None:
    """A costly value is returned; too much cost and a value that is no JSON are other errors."""
    async with Evaluator() as evaluator:
        assert await evaluator.value("t", COSTLY, ITEMS) == [4_999]
        with pytest.raises(TooCostlyError, match="100000 steps"):
            await evaluator.value("t", HOSTILE, ITEMS)
        with pytest.raises(ValueError, match="does not fit"):
            await evaluator.value("t", f"{COSTLY}.abs(@) | abs(@)", ITEMS)
        with pytest.raises(ValueError, match="not JSON"):
            await evaluator.value("t", f"[{COSTLY}, &a]", ITEMS)


async def test_a_process_that_hangs_or_dies_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job without an answer counts as too costly, and the next one has a new process."""
    async with Evaluator() as evaluator:
        await evaluator.value("t", COSTLY, ITEMS)
        evaluator._process.kill()
        assert (await evaluator.verdicts("t", [COSTLY], ITEMS))[COSTLY] in (None, True)
        assert await evaluator.value("t", COSTLY, ITEMS) == [4_999]
        monkeypatch.setattr("hookwright.expressions.evaluator.JOB_SECONDS", 0.0)
        assert await evaluator.verdicts("t", [COSTLY], ITEMS) == {COSTLY: None}
        monkeypatch.undo()
        assert await evaluator.value("t", COSTLY, ITEMS) == [4_999]


async def test_a_tenant_waits_for_itself() -> None:
    """Of two tenants, the second one's job comes after one job of the first, not after all."""
    order = []

    async def ask(tenant: str, number: int) -> None:
        await evaluator.verdicts(tenant, [f"{HOSTILE} || `{number}`"], ITEMS)
        order.append(tenant)

    async with Evaluator() as evaluator:
        await evaluator.value("t", COSTLY, ITEMS)
        many = [asyncio.create_task(ask("hostile", number)) for number in range(8)]
        await asyncio.sleep(0)
        await ask("other", 0)
        assert order.index("other") <= 2
        await asyncio.gather(*many)


async def test_cancelled_jobs_mix_up_no_answers() -> None:
    """After a job that nobody waited for, the next one gets its own answer."""
    async with Evaluator() as evaluator:
        job = asyncio.create_task(evaluator.value("t", COSTLY, ITEMS))
        await assert_eventually(lambda: evaluator._process is not None)
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
        assert await evaluator.value("t", "data[?@ < `1`]", ITEMS) == [0]


async def test_no_key_reaches_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that evaluates a tenant's text knows none of our secrets."""
    monkeypatch.setenv("HOOKWRIGHT_ENCRYPTION_KEYS", "k1:secret-of-ours")
    async with Evaluator() as evaluator:
        await evaluator.value("t", COSTLY, ITEMS)
        environment = Path(f"/proc/{evaluator._process.pid}/environ").read_bytes()
        assert b"secret-of-ours" not in environment


async def test_a_costly_expression_is_not_tried_on_the_loop_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Attempts of hundreds of endpoints take the loop's share once for an expression, not each."""
    on_the_loop = list[str]()

    def noted(expression: str, document: object, budget: Budget) -> object:
        on_the_loop.append(expression)
        return evaluate(expression, document, budget)

    monkeypatch.setattr("hookwright.expressions.evaluator.evaluate", noted)
    async with Evaluator() as evaluator:
        for _ in range(5):
            assert await evaluator.verdicts("t", [COSTLY], ITEMS) == {COSTLY: True}
            assert await evaluator.value("t", f"[{COSTLY}]", ITEMS) == [[4_999]]
            assert await evaluator.verdicts("t", [CHEAP], ITEMS) == {CHEAP: True}
        assert Counter(on_the_loop) == {COSTLY: 1, f"[{COSTLY}]": 1, CHEAP: 5}


async def test_the_process_gives_way() -> None:
    """Where processors are short, deliveries and publishing go before costly expressions."""
    async with Evaluator() as evaluator:
        await evaluator.value("t", COSTLY, ITEMS)
        theirs = os.getpriority(os.PRIO_PROCESS, evaluator._process.pid)
        assert theirs == min(os.getpriority(os.PRIO_PROCESS, 0) + NICENESS, 19)
        assert os.getsid(evaluator._process.pid) == os.getsid(0)  # else niceness may do nothing


async def test_the_process_is_out_of_a_terminals_reach() -> None:
    """A Ctrl-C goes to us alone: a job that is under way is finished before we stop."""
    async with Evaluator() as evaluator:
        await evaluator.value("t", COSTLY, ITEMS)
        pid = evaluator._process.pid
        assert os.getpgid(pid) == pid
