"""Group commit of reports: few signals, and whoever reports learns whether it is stored."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise

import pytest
import pytest_asyncio
from support.health import BEGIN, report
from support.waiting import assert_eventually
from temporalio.service import RPCError, RPCStatusCode

from activities.delivery import ReportQueue
from activities.delivery import report_queue as module
from hookwright.contracts import DeactivationRule
from hookwright.health import MAX_REPORTS, Reports
from hookwright.outcomes import Outcome

RULE = DeactivationRule(exhausted_in_a_row=7)
INTERVAL = 0.05


@dataclass
class FakeClient:
    """Keeps the signals of each workflow and when they came; fails when a test asks for it."""

    signals: dict[str, list[Reports]] = field(default_factory=dict)
    times: list[float] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)

    def get_workflow_handle(self, workflow_id: str) -> "FakeHandle":
        return FakeHandle(self, workflow_id)


@dataclass
class FakeHandle:
    client: FakeClient
    workflow_id: str

    async def signal(self, name: str, reports: Reports) -> None:
        assert name == "report"
        await asyncio.sleep(0)
        if self.client.failures:
            raise self.client.failures.pop(0)
        self.client.times.append(asyncio.get_running_loop().time())
        self.client.signals.setdefault(self.workflow_id, []).append(reports)


def unavailable(status: RPCStatusCode = RPCStatusCode.UNAVAILABLE) -> RPCError:
    return RPCError("as told", status, b"")


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> FakeClient:
    """A client that stores, with spans of time a twentieth as long."""
    monkeypatch.setattr(module, "SIGNAL_INTERVAL_SECONDS", INTERVAL)
    monkeypatch.setattr(module, "TALLIES_PER_SECOND", 1 / INTERVAL)
    monkeypatch.setattr(module, "TALLY_AFTER_SECONDS", 3 * INTERVAL)
    return FakeClient()


@pytest_asyncio.fixture
async def reporter(client: FakeClient) -> AsyncIterator[ReportQueue]:
    """A reporter at work."""
    async with ReportQueue(client) as it:
        yield it


def gaps(times: list[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(times)]


async def test_many_reports_are_few_signals(reporter: ReportQueue, client: FakeClient) -> None:
    """Of 2,500 reports at once each is stored once, in three signals with pauses between them."""
    keys = [f"k{n}" for n in range(2_500)]
    await asyncio.gather(
        *(reporter.add("t", "ep", RULE, report(BEGIN, key=key)) for key in keys),
    )
    [signals] = client.signals.values()
    assert [each.key for signal in signals for each in signal.reports] == keys
    assert all(len(signal.reports) <= MAX_REPORTS for signal in signals)
    assert len(signals) == 3
    assert {signal.rule for signal in signals} == {RULE}
    assert min(gaps(client.times)) >= 0.9 * INTERVAL


async def test_a_steady_storm_is_one_signal_an_interval(
    reporter: ReportQueue, client: FakeClient
) -> None:
    """Reports that keep coming are one signal an interval; each returns once it is stored."""
    stored: list[str] = []

    async def attempt(number: int) -> None:
        await asyncio.sleep(number * INTERVAL / 20)
        await reporter.add("t", "ep", RULE, report(BEGIN, key=f"k{number}"))
        [signals] = client.signals.values()
        stored.append(f"k{number}")
        assert any(each.key == f"k{number}" for signal in signals for each in signal.reports)

    await asyncio.gather(*map(attempt, range(100)))
    [signals] = client.signals.values()
    assert sorted(each.key for signal in signals for each in signal.reports) == sorted(stored)
    assert min(gaps(client.times)) >= 0.9 * INTERVAL


async def test_endpoints_do_not_wait_for_each_other(
    reporter: ReportQueue, client: FakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reports to other endpoints are signals of their own, however long each one's interval."""
    monkeypatch.setattr(module, "SIGNAL_INTERVAL_SECONDS", 3_600)
    await asyncio.gather(*(reporter.add("t", f"ep{n}", RULE, report(BEGIN)) for n in range(50)))
    assert len(client.signals) == 50


@pytest.mark.parametrize("fault", [unavailable(), ValueError("cannot be encoded")])
async def test_failure_reaches_all_that_wait_and_nobody_else(
    reporter: ReportQueue, client: FakeClient, fault: Exception
) -> None:
    """A signal that fails fails every report in it; the next signal's reports are stored."""
    client.failures = [fault]
    first = [asyncio.create_task(reporter.add("t", "ep", RULE, report(BEGIN))) for _ in range(5)]
    answers = await asyncio.gather(*first, return_exceptions=True)
    assert answers == [fault] * 5
    await asyncio.gather(
        reporter.add("t", "ep", RULE, report(BEGIN, key="later")),
        reporter.add("t", "other", RULE, report(BEGIN)),
    )
    stored = client.signals["endpoint:t:ep"]
    assert [each.key for signal in stored for each in signal.reports] == ["later"]


async def test_cancelled_attempt_disturbs_nobody(reporter: ReportQueue, client: FakeClient) -> None:
    """Who stops waiting takes no other report with it, whether the signal is stored or not."""
    for failures in ([], [unavailable()]):
        client.failures = failures
        waiting = [
            asyncio.create_task(reporter.add("t", "ep", RULE, report(BEGIN))) for _ in range(3)
        ]
        await asyncio.sleep(0)
        waiting[1].cancel()
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        assert isinstance(answers[1], asyncio.CancelledError)
        assert type(answers[0]) is type(answers[2])
        assert not isinstance(answers[0], asyncio.CancelledError)


async def test_deleted_endpoint_is_nothing(reporter: ReportQueue, client: FakeClient) -> None:
    """NOT_FOUND is no failure: the endpoint that would take the report is gone."""
    client.failures = [unavailable(RPCStatusCode.NOT_FOUND)]
    await reporter.add("t", "ep", RULE, report(BEGIN))
    assert client.signals == {}


async def test_the_latest_rule_is_sent(reporter: ReportQueue, client: FakeClient) -> None:
    """A rule that changed meanwhile goes with the reports that brought it."""
    await reporter.add("t", "ep", RULE, report(BEGIN))
    await reporter.add("t", "ep", DeactivationRule(gone=True), report(BEGIN))
    [signals] = client.signals.values()
    assert [signal.rule for signal in signals] == [RULE, DeactivationRule(gone=True)]


async def test_nothing_is_kept_of_who_has_been_told(reporter: ReportQueue) -> None:
    """Once all is stored, the reporter remembers nothing of an endpoint."""
    await reporter.add("t", "ep", RULE, report(BEGIN))
    await assert_eventually(lambda: not reporter._reports and len(reporter._tasks) == 1)


async def test_tallies_are_told_late_seldom_and_whole(
    reporter: ReportQueue, client: FakeClient
) -> None:
    """Successes are collected into one signal an endpoint, sent one after the other, none lost."""
    began = asyncio.get_running_loop().time()
    for number in range(300):
        at = BEGIN + timedelta(seconds=number)
        reporter.tally("t", f"ep{number % 3}", f"key {number}", at, number)
    await assert_eventually(lambda: len(client.signals) == 3)
    assert client.times[0] - began >= 3 * INTERVAL
    assert min(gaps(client.times)) >= 0.9 * INTERVAL
    for [signal] in client.signals.values():
        assert signal.delivered == sum(signal.latencies) == 100
        assert signal.reports == []
        assert signal.last_delivered_at >= BEGIN + timedelta(seconds=297)


async def test_a_report_takes_the_tally_along(reporter: ReportQueue, client: FakeClient) -> None:
    """What was tallied goes with the next report, and not a second time."""
    for number in range(4):
        reporter.tally("t", "ep", f"key {number}", BEGIN, 5)
    await reporter.add("t", "ep", RULE, report(BEGIN))
    await reporter.add("t", "ep", RULE, report(BEGIN))
    [signals] = client.signals.values()
    assert [signal.delivered for signal in signals] == [4, 0]
    assert [signal.latencies for signal in signals] == [[0, 0, 0, 0, 0, 4], []]


async def test_a_success_is_tallied_once(reporter: ReportQueue, client: FakeClient) -> None:
    """A task that is run again, also after its tally was sent, counts no success twice."""
    for _ in range(2):
        for _ in range(3):
            reporter.tally("t", "ep", "key", BEGIN, 5)
        await reporter.add("t", "ep", RULE, report(BEGIN))
    [signals] = client.signals.values()
    assert [signal.delivered for signal in signals] == [1, 0]


@pytest.mark.parametrize("first", ["tally", "report"])
async def test_a_success_is_counted_once_however_its_endpoint_is(
    reporter: ReportQueue, client: FakeClient, first: str
) -> None:
    """A task that is run again may find its endpoint failing by now, or healthy again."""
    success = report(BEGIN, key="k", outcome=Outcome.DELIVERED)
    ways = {
        "tally": lambda: reporter.tally("t1", "ep", "k", BEGIN, 5),
        "report": lambda: reporter.add("t1", "ep", RULE, success),
    }
    for way in (first, *(ways.keys() - {first})):
        if reporting := ways[way]():
            await reporting
    await reporter.add("t1", "ep", RULE, report(BEGIN, key="other"))
    [told] = client.signals.values()
    successes = [it for each in told for it in each.reports if it.outcome is Outcome.DELIVERED]
    assert len(successes) + sum(each.delivered for each in told) == 1


async def test_a_report_that_may_be_stored_is_known(
    reporter: ReportQueue, client: FakeClient
) -> None:
    """A success whose report failed is known as reported. A failure, or a tally, is not."""
    client.failures = [unavailable()]
    with pytest.raises(RPCError):
        await reporter.add("t", "ep", RULE, report(BEGIN, key="k", outcome=Outcome.DELIVERED))
    assert reporter.is_reported("k")
    await reporter.add("t", "ep", RULE, report(BEGIN, key="other"))
    assert not reporter.is_reported("other")
    reporter.tally("t", "ep", "counted", BEGIN, 5)
    assert not reporter.is_reported("counted")


async def test_tallies_outlive_a_failed_one(reporter: ReportQueue, client: FakeClient) -> None:
    """A tally that cannot be sent, for whatever reason, stops no later one."""
    client.failures = [unavailable(), ValueError("cannot be encoded")]
    for number in range(3):
        reporter.tally("t", f"ep{number}", f"key {number}", BEGIN, 5)
    await assert_eventually(lambda: len(client.signals) == 1)


async def test_last_tallies_are_told_at_the_end(client: FakeClient) -> None:
    """A worker that stops reports what it has counted."""
    async with ReportQueue(client) as reporter:
        reporter.tally("t", "ep", "key 1", BEGIN, 5)
        reporter.tally("t", "ep", "key 2", BEGIN, 5)
    [[signal]] = client.signals.values()
    assert signal.delivered == 2
