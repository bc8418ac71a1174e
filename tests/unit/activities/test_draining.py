"""What thousands of held deliveries of an endpoint cost others on their way back, in calls."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from types import SimpleNamespace
from typing import cast

import pytest
from support.held import Draining, HeldClient
from support.waiting import assert_eventually
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities import releases
from activities.endpoint_snapshots import EndpointSnapshots
from activities.held_rows import HeldRows
from activities.releases import ReleaseActivities
from activities.shares import RELEASES, SEARCHES, FairPace
from hookwright.models import EndpointRef, ProbeInput, ReleaseInput

BEGAN = datetime(2026, 1, 15, tzinfo=UTC)
ENDPOINT = EndpointRef(tenant_id="t", endpoint_id="ep")
TURN = 100
"""What an endpoint with the default pace releases in a turn."""

FIRST_TURN_CALLS = 35
"""Calls to visibility to find the oldest of very many."""

QUICK_CALLS, HANGING_CALLS = 5, 20
"""Calls to Temporal for a delivery that is released, beside one read of its endpoint."""


def rows_of(client: HeldClient) -> HeldRows:
    return HeldRows(cast(Client, client), FairPace(1e6))


def activities(client: HeldClient, endpoint: Draining) -> ReleaseActivities:
    snapshots = cast(EndpointSnapshots, endpoint)
    return ReleaseActivities(cast(Client, client), snapshots, rows_of(client))


async def take(rows: HeldRows, client: HeldClient, wanted: int = TURN) -> None:
    """Release the oldest, as a turn does, and let visibility show it."""
    taken = 0
    async for row in rows.oldest(ENDPOINT):
        client.released.append(row.workflow_id)
        taken += 1
        if taken == wanted:
            break
    client.settle()


def every(seconds: float, number: int) -> list[datetime]:
    return [BEGAN + timedelta(seconds=seconds * each) for each in range(number)]


def in_bursts(number: int) -> list[datetime]:
    """Return times of which 500 at a time are within seconds, and then none for an hour."""
    return [BEGAN + timedelta(hours=each // 500, milliseconds=each % 500) for each in range(number)]


@pytest.mark.parametrize(
    ("accepted", "workers", "mean"),
    [
        (every(1, 5_000), 1, 2),
        (every(1, 5_000), 2, 3),
        (in_bursts(5_000), 1, 8),
        (in_bursts(5_000), 2, 14),
    ],
    ids=["steady", "two workers", "bursts", "two workers, bursts"],
)
async def test_later_turns_cost_few_calls_to_visibility(
    accepted: list[datetime], workers: int, mean: float
) -> None:
    """The oldest are looked for once; later turns begin where the last one of the worker ended."""
    client = HeldClient(accepted)
    readers = [rows_of(client) for _ in range(workers)]
    for rows in readers:
        await take(rows, client)
    assert client.calls <= workers * FIRST_TURN_CALLS
    client.calls, turns = 0, 20
    for number in range(turns):
        await take(readers[number % workers], client)
    assert client.calls <= mean * turns
    order = [f"w{number}" for number in range(len(client.released))]
    assert client.released == order


async def test_all_leave_and_the_oldest_first_though_it_came_late() -> None:
    """Whatever the bookmark says, none is left out, and one that is held again is next."""
    client = HeldClient(every(60, 1_000))
    rows, late = rows_of(client), (client.infos[-1], client.columns[-1])
    del client.infos[-1], client.columns[-1]
    for number in count():
        if number == 3:
            client.infos.append(late[0])
            client.columns.append(late[1])
        await take(rows, client)
        if not client.infos:
            break
    order = [f"w{number}" for number in range(1, 1_000)]
    assert client.released == [*order[:300], "w0", *order[300:]]


@pytest.mark.parametrize(("hangs", "calls"), [(False, QUICK_CALLS), (True, HANGING_CALLS)])
async def test_a_released_delivery_costs_few_calls(*, hangs: bool, calls: int) -> None:
    """A delivery is read, released, and looked at ever more rarely until it was POSTed."""
    client, endpoint = HeldClient(every(1, 20), hangs=hangs), Draining(top=20, pace=20)
    given = ReleaseInput(endpoint=ENDPOINT, per_second=400)
    endpoint.top = endpoint.pace = 400  # all twenty at once
    released = await ActivityEnvironment().run(activities(client, endpoint).release, given)
    assert (released, client.calls_of["signal"]) == (20, 20)
    assert client.calls_of.total() <= 20 * calls
    assert (client.calls, endpoint.reads) == (1, 1)


@dataclass
class SlowWorker(HeldClient):
    """A server whose worker sends a released delivery only when it was looked at a few times."""

    looks: Counter[str] = field(default_factory=Counter)
    overtaking: list[str] = field(default_factory=list)

    def get_workflow_handle(self, workflow_id: str, **_: object) -> SimpleNamespace:
        known = super().get_workflow_handle(workflow_id)

        async def describe(**_: object) -> SimpleNamespace:
            description: SimpleNamespace = await known.describe()
            self.looks[workflow_id] += 1
            if self.looks[workflow_id] < POSTED_AT_LOOK:
                description.status = WorkflowExecutionStatus.RUNNING
            return description

        async def signal(*_: object) -> None:
            waiting = [it for it in self.released if self.looks[it] < POSTED_AT_LOOK]
            self.overtaking += [workflow_id] if waiting else []
            await known.signal()

        return SimpleNamespace(describe=describe, signal=signal)


POSTED_AT_LOOK = 4


async def test_one_leaves_after_the_other() -> None:
    """At a pace that keeps the order, none is released before the one before it was POSTed."""
    client, endpoint = SlowWorker(every(1, 6)), Draining(top=20, pace=20)
    given = ReleaseInput(endpoint=ENDPOINT, per_second=20)
    assert await ActivityEnvironment().run(activities(client, endpoint).release, given) == 6
    assert client.released == [f"w{number}" for number in range(6)]
    assert client.overtaking == []


async def test_nothing_leaves_while_the_receiver_asks_for_quiet() -> None:
    """A turn that begins when the receiver has just asked for a pause releases nothing."""
    client, endpoint = HeldClient(every(1, 20)), Draining(top=20, pace=20, quiet_until=BEGAN)
    given = ReleaseInput(endpoint=ENDPOINT, per_second=20)
    assert await ActivityEnvironment().run(activities(client, endpoint).release, given) == 0
    assert client.released == []


@pytest.mark.parametrize("earlier", [0, 1, 2, 3, 5])
async def test_probes_try_one_after_the_other(earlier: int) -> None:
    """After each probe that failed the next one is tried, and the first again after the last."""
    client, endpoint = HeldClient(every(1, 3)), Draining(top=20, pace=20)
    given = ProbeInput(endpoint=ENDPOINT, earlier=earlier)
    assert await ActivityEnvironment().run(activities(client, endpoint).probe, given)
    assert client.released == [f"w{earlier % 3}"]


async def test_what_left_already_takes_no_time() -> None:
    """Visibility shows for a while what was released; a slow drain does not wait for these."""
    client, endpoint = HeldClient(every(1, 150)), Draining(top=0.5, pace=0.5)
    client.released += [f"w{number}" for number in range(149)]
    given = ReleaseInput(endpoint=ENDPOINT, per_second=0.5)
    async with asyncio.timeout(10):
        released = await ActivityEnvironment().run(activities(client, endpoint).release, given)
    assert (released, client.released[-1]) == (1, "w149")


async def test_what_goes_on_already_is_not_released_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A delivery that visibility still shows as held, and that is being retried, is left alone."""
    monkeypatch.setattr(releases, "POSTED_WITHIN_SECONDS", 0.05)
    client, endpoint = HeldClient(every(1, 20), hangs=True), Draining(top=400, pace=400)
    client.released += [f"w{number}" for number in range(19)]
    given = ReleaseInput(endpoint=ENDPOINT, per_second=400)
    assert await ActivityEnvironment().run(activities(client, endpoint).release, given) == 1
    assert client.calls_of["signal"] == 1


@pytest.mark.parametrize("top", [1_000.0, 1.0])
async def test_a_new_pace_takes_effect_at_once(top: float) -> None:
    """A turn ends when the pace is changed, whether to more or to less."""
    client, endpoint = HeldClient(every(1, 500)), Draining(top=20, pace=20)
    given = ReleaseInput(endpoint=ENDPOINT, per_second=20)
    turn = asyncio.create_task(
        ActivityEnvironment().run(activities(client, endpoint).release, given)
    )
    await assert_eventually(lambda: len(client.released) >= 3)
    endpoint.top, endpoint.pace = top, 30 if top > 20 else 20
    async with asyncio.timeout(5):
        assert await turn <= 5


async def test_drains_of_a_tenant_leave_room() -> None:
    """Endpoints of one tenant that all drain are bounded; those beyond are asked to come later."""
    client, endpoint = HeldClient([]), Draining(top=10, pace=10)
    draining = activities(client, endpoint)
    busy = [draining.releases.take("t", f"busy{number}") for number in range(RELEASES.tenant)]
    given = ReleaseInput(endpoint=ENDPOINT, per_second=10)
    with pytest.raises(ApplicationError, match="waiting for a turn"):
        await ActivityEnvironment().run(draining.release, given)
    other = EndpointRef(tenant_id="other", endpoint_id="ep")
    given = ReleaseInput(endpoint=other, per_second=10)
    assert await ActivityEnvironment().run(draining.release, given) == 0
    draining.releases.end(busy[0])


@pytest.mark.parametrize("search", ["probe", "expire", "cancel", "count"])
async def test_searches_of_a_tenant_leave_room(search: str) -> None:
    """Endpoints of one tenant that all search for what they hold leave slots for other tenants'."""
    searching = activities(HeldClient([]), Draining(top=10, pace=10))
    busy = [searching.searches.take("t", f"busy{number}") for number in range(SEARCHES.tenant)]
    given = ProbeInput(endpoint=ENDPOINT, earlier=0) if search == "probe" else ENDPOINT
    with pytest.raises(ApplicationError, match="waiting for a turn"):
        await ActivityEnvironment().run(getattr(searching, search), given)
    assert searching.searches.has_room("other", "ep")
    for share in busy:
        searching.searches.end(share)


@dataclass
class Calls:
    """Calls at a pace, and the tenants that made them, in their order."""

    pace: FairPace = field(default_factory=lambda: FairPace(1e6))
    order: list[str] = field(default_factory=list)

    async def call(self, tenant: str) -> None:
        await self.pace.turn(tenant)
        self.order.append(tenant)


async def test_turns_at_visibility_go_round_among_the_tenants() -> None:
    """A tenant with a thousand calls that wait delays another's by one, and cancelled ones none."""
    calls = Calls()
    many = [asyncio.create_task(calls.call("many")) for _ in range(1_000)]
    await asyncio.sleep(0)
    for waiting in many[500:]:
        waiting.cancel()
    await asyncio.gather(calls.call("few"), calls.call("other"), calls.call("few"))
    assert calls.order.count("many") <= 4
    assert [each for each in calls.order if each != "many"] == ["few", "other", "few"]
    await asyncio.gather(*many, return_exceptions=True)
    assert calls.order.count("many") == 500


async def test_calls_that_were_given_up_cost_their_tenant_no_round() -> None:
    """A tenant whose first hundred calls were given up has its turn as soon as any other."""
    calls = Calls()
    given_up = [asyncio.create_task(calls.call("gave_up")) for _ in range(100)]
    live = [asyncio.create_task(calls.call(tenant)) for tenant in ["gave_up", *["other"] * 50]]
    await asyncio.sleep(0)
    for waiting in given_up:
        waiting.cancel()
    await asyncio.gather(*live)
    assert calls.order.index("gave_up") <= 1
    await asyncio.gather(*given_up, return_exceptions=True)
    assert len(calls.order) == 51


async def test_the_pace_of_calls_is_kept() -> None:
    """Calls of all tenants together come no faster than the pace."""
    pace, clock = FairPace(100), asyncio.get_running_loop().time
    began = clock()
    await asyncio.gather(*(pace.turn(f"t{number % 7}") for number in range(21)))
    assert clock() - began >= 20 / 100 - 0.01
