"""Fan-out: every endpoint of a tenant that wants an event has one delivery of it."""

from collections import Counter
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.exceptions import (
    ApplicationError,
    ApplicationErrorCategory,
    WorkflowAlreadyStartedError,
)
from temporalio.testing import ActivityEnvironment

from activities.fan_out import MAX_LOCAL_STARTS, WAITING_STARTS, FanOutActivities
from activities.shares import COSTLY_FAN_OUTS, FAN_OUTS, TenantTurns
from activities.shares.start_turns import TURNS_ALONE
from hookwright.expressions import Verdicts
from hookwright.ids import delivery_workflow_id
from hookwright.models import DeliveryInput, EventInput, FanOut, FanOutInput, Route
from hookwright.temporal import routes_key, routes_of

NOW = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
COSTLY = "data.a[?@ > `5000`]"
EVENT = EventInput(tenant_id="acme", id="evt_1", type="loan.funded", data={"a": [*range(5_000)]})
ROUTES_IN_A_SLICE = 7
EDGES = (
    *(0, 1, MAX_LOCAL_STARTS - 1, MAX_LOCAL_STARTS, MAX_LOCAL_STARTS + 1, 2 * MAX_LOCAL_STARTS),
    *(MAX_LOCAL_STARTS + WAITING_STARTS, MAX_LOCAL_STARTS + WAITING_STARTS + 1),
)


class World:
    """Temporal, as far as a fan-out needs it: the memo of a tenant, and deliveries that start."""

    def __init__(self, routes: list[Route], alone: Verdicts | None = None) -> None:
        self.started: Counter[str] = Counter()
        self.alone = alone or {}
        self.asked_alone: dict[str, set[str]] = {}
        self.unfiltered: list[str] = []
        self.costly: set[str] = set()
        slices = range(0, len(routes), ROUTES_IN_A_SLICE)
        self.memo = {
            routes_key(number): routes[first : first + ROUTES_IN_A_SLICE]
            for number, first in enumerate(slices)
        }
        me: Any = self
        self.activities = FanOutActivities(me, "deliveries", me, TenantTurns())

    def get_workflow_handle(self, _: str, **__: object) -> Any:
        return self

    async def describe(self, **_: object) -> Any:
        info = SimpleNamespace(memo=SimpleNamespace(fields=self.memo))
        raw = SimpleNamespace(workflow_execution_info=info)
        return SimpleNamespace(
            status=WorkflowExecutionStatus.RUNNING,
            run_id="run",
            raw_description=raw,
            memo_value=self.memo_value,
        )

    async def memo_value(self, key: str, **_: object) -> list[Route]:
        return self.memo[key]

    async def start_workflow(
        self,
        kind: str,
        delivery: DeliveryInput,
        *,
        id: str,  # noqa: A002
        **_: object,
    ) -> None:
        if id in self.started:
            raise WorkflowAlreadyStartedError(id, kind)
        self.started[id] += 1
        if delivery.unfiltered:
            self.unfiltered.append(delivery.endpoint_id)

    async def verdicts(self, _: str, expressions: list[str], __: object) -> Verdicts:
        return dict.fromkeys(expressions)  # together all of them cost too much

    async def verdict_alone(self, _: str, expression: str, __: object) -> bool | None:
        self.asked_alone[expression] = {*self.started}
        return self.alone.get(expression)

    def is_costly(self, expression: str) -> bool:
        return expression in self.costly

    async def fan_out(self) -> FanOut:
        """Do what the workflow does."""
        asked = FanOutInput(event=EVENT, accepted_at=NOW)
        begun: FanOut = await ActivityEnvironment().run(self.activities.fan_out, asked)
        if begun.complete:
            return begun
        return await self.rest(begun)

    async def rest(self, done: FanOut) -> FanOut:
        while not done.complete:
            done = await self.part(done)
        return done

    async def part(self, done: FanOut, *, in_parts: bool = True) -> FanOut:
        asked = FanOutInput(event=EVENT, accepted_at=NOW, done=done, in_parts=in_parts)
        after: FanOut = await ActivityEnvironment().run(self.activities.fan_out_rest, asked)
        return after


def routes(number: int, costly: int = 0) -> list[Route]:
    """Return so many routes; the first few of them have a filter that costs too much."""
    return [
        Route(
            endpoint_id=f"ep_{each}",
            version=1,
            event_types=["*"],
            filter=COSTLY if each < costly else None,
        )
        for each in range(number)
    ]


def delivery_of(number: int) -> str:
    return delivery_workflow_id(EVENT.tenant_id, f"ep_{number}", EVENT.id)


@pytest.mark.parametrize("costly", [0, 1])
@pytest.mark.parametrize("number", EDGES)
async def test_every_endpoint_has_one_delivery(number: int, costly: int) -> None:
    """However many endpoints there are, none is left out, whether its filter costs much or not."""
    world = World(routes(number, costly))
    done = await world.fan_out()
    assert done.complete
    assert Counter(done.endpoint_ids) == Counter(f"ep_{each}" for each in range(number))
    assert world.started == Counter(map(delivery_of, range(number)))


FILTERS = {"ep_0": "too much", "ep_1": "lets pass", "ep_2": "does not", "ep_4": "too much"}
ALONE: Verdicts = {"lets pass": True, "does not": False}


def filtered() -> list[Route]:
    """Return five routes. All but one have a filter that, with the others, costs too much."""
    return [
        route.model_copy(update={"filter": FILTERS.get(route.endpoint_id)}) for route in routes(5)
    ]


async def test_costly_filters_are_asked_one_after_the_other() -> None:
    """What all filters together do not tell, each tells alone, after what was told is started."""
    world = World(filtered(), ALONE)
    done = await world.rest(FanOut())
    assert done == FanOut(endpoint_ids=["ep_3", "ep_0", "ep_4", "ep_1"], complete=True)
    assert world.unfiltered == ["ep_0", "ep_4"]
    at_once, costly = {delivery_of(3)}, {delivery_of(0), delivery_of(4)}
    assert world.asked_alone == {
        "too much": at_once,
        "lets pass": at_once | costly,
        "does not": at_once | costly | {delivery_of(1)},
    }


async def test_a_filter_that_was_asked_alone_is_not_asked_again() -> None:
    """The only filter of an event has had the whole budget, so its delivery starts at once."""
    world = World(routes(5, costly=2))
    done = await world.part(FanOut())
    assert done.complete
    assert world.unfiltered == ["ep_0", "ep_1"]
    assert not world.asked_alone


async def test_what_is_known_to_be_costly_is_asked_last() -> None:
    """A filter that is costly only among others does not wait for those that always are."""
    world = World(filtered(), ALONE)
    world.costly = {"too much"}
    assert (await world.rest(FanOut())).endpoint_ids == ["ep_3", "ep_1", "ep_0", "ep_4"]


async def test_costly_filters_are_asked_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a part has done is recorded: after a killed worker no filter is asked again."""
    monkeypatch.setattr("activities.fan_out.PART_SECONDS", 0.0)
    world, done, parts = World(filtered(), ALONE), FanOut(), list[FanOut]()
    while not done.complete:
        done = await world.part(done)
        parts.append(done)
    assert [part.undecided for part in parts] == [
        ["ep_0", "ep_1", "ep_2", "ep_4"],
        ["ep_1", "ep_2"],
        ["ep_2"],
        None,
    ]
    assert set(world.started.values()) == {1}


async def test_a_filter_that_is_gone_meanwhile_lets_pass() -> None:
    """Between two parts, an endpoint that has no filter any more gets the event, a deleted none."""
    world = World(filtered(), ALONE)
    part = await world.part(FanOut())
    now = [route for route in routes(5) if route.endpoint_id != "ep_4"]
    world.memo = {routes_key(0): now}
    assert (await world.rest(part)).endpoint_ids == ["ep_3", "ep_0", "ep_1", "ep_2"]
    assert not world.unfiltered
    assert not world.asked_alone


async def test_an_event_of_an_older_version_is_done_in_one_part() -> None:
    """Its workflow takes what the activity returns for all there is."""
    world = World(filtered(), ALONE)
    assert (await world.part(FanOut(), in_parts=False)).complete
    assert len(world.started) == 4


async def test_a_table_of_many_pages_keeps_its_order() -> None:
    """The pages of a route table are read by their numbers, the tenth after the ninth."""
    table = routes(12 * ROUTES_IN_A_SLICE)
    assert await routes_of(await World(table).describe()) == table


async def test_a_repeat_starts_what_is_left() -> None:
    """After a killed worker, what was started is left alone, and the others are started."""
    number = MAX_LOCAL_STARTS + 5
    world = World(routes(number))
    world.started.update(map(delivery_of, range(3, number, 2)))
    try:
        done = await world.fan_out()
    except WorkflowAlreadyStartedError as error:
        pytest.fail(f"the others were not started: {error}")
    assert len(done.endpoint_ids) == number
    assert world.started == Counter(map(delivery_of, range(number)))


async def test_what_has_no_turn_is_started_later() -> None:
    """While others have all turns, an event gives its slot back, and its deliveries start later."""
    world = World(routes(3))
    async with AsyncExitStack() as others:
        for _ in range(TURNS_ALONE):
            await others.enter_async_context(world.activities.turns.turn("other"))
        asked = FanOutInput(event=EVENT, accepted_at=NOW)
        begun: FanOut = await ActivityEnvironment().run(world.activities.fan_out, asked)
        assert (begun.endpoint_ids, begun.complete, world.started) == ([], False, Counter())
    assert (await world.rest(begun)).endpoint_ids == ["ep_0", "ep_1", "ep_2"]
    assert world.started == Counter(map(delivery_of, range(3)))


async def test_events_without_costly_filters_do_not_wait_for_those_with_them() -> None:
    """Filters that are asked alone have shares of their own; beyond these only they wait."""
    world = World(filtered(), ALONE)
    for _ in range(COSTLY_FAN_OUTS.tenant):
        world.activities.shares_of_costly.take("acme", "acme")
    part = await world.part(FanOut())
    assert part.endpoint_ids == ["ep_3"]
    with pytest.raises(ApplicationError, match="waiting for a turn"):
        await world.part(part)
    assert not world.asked_alone


async def test_a_busy_tenant_has_its_fan_out_later() -> None:
    """Beyond its share the rest is put off by an error that nobody counts, and not left out."""
    world = World(routes(1))
    busy = [world.activities.shares.take("acme", "acme") for _ in range(FAN_OUTS.tenant)]
    with pytest.raises(ApplicationError, match="waiting for a turn") as later:
        await world.rest(FanOut())
    assert later.value.next_retry_delay
    assert later.value.category is ApplicationErrorCategory.BENIGN
    world.activities.shares.end(busy[0])
    assert (await world.rest(FanOut())).endpoint_ids == ["ep_0"]
