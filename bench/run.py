"""The whole benchmark: what is measured, in which order, and how much of it."""

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from bench.actions import metered_actions
from bench.compare import Entry, Outcome
from bench.dev_memory import DevMemory, dev_memory
from bench.machine import Group, MemoryWatch, facts, pss_mb, watched_memory
from bench.publishing import Published
from bench.scenarios import BareWorkflow, Deliveries, LeanWorkflow, Scenario
from bench.site import SERVER, GivenServer, Site, running_site

METRICS_SECONDS = 1.5
"""The server passes its metrics on once a second."""


@dataclass(frozen=True)
class Plan:
    """How much is measured. Counts are events, of a round if there are rounds."""

    rounds: int = 4
    events: int = 80
    wide_events: int = 12
    widest_events: int = 4
    in_flight: int = 20
    wide_in_flight: int = 4
    widest_in_flight: int = 2
    idle_events: int = 100
    paced_seconds: float = 30.0
    connections: int = 16
    flood: int = 2_000
    wide_flood: int = 300
    dev_flood: int = 1_000


QUICK = Plan(
    rounds=1,
    events=40,
    wide_events=4,
    widest_events=2,
    idle_events=15,
    paced_seconds=5.0,
    flood=150,
    wide_flood=15,
    dev_flood=150,
)
"""A run of about two minutes, which says whether everything works. Its figures are rough."""


@dataclass(frozen=True)
class Flood:
    """An open flood: its only round, the memory meanwhile, and the driver's times of all POSTs."""

    outcome: Outcome
    published: Published
    memory: MemoryWatch
    posted: Sequence[float]


@dataclass(frozen=True)
class Posts:
    """How many POSTs the deliveries of a scenario took, late repeats included."""

    label: str
    posts: int
    deliveries: int

    @property
    def a_delivery(self) -> float:
        """How many POSTs a delivery took: one, if nothing was sent twice."""
        return self.posts / self.deliveries


@dataclass(frozen=True)
class Results:
    """Everything that was measured."""

    plan: Plan
    facts: dict[str, str]
    bare: Outcome
    lean: Outcome
    fan_out: dict[int, Outcome]
    batches: dict[int, Outcome]
    idle_bare_ms: Sequence[float]
    idle: Published
    idle_metered: float | None
    half: Outcome
    floods: dict[int, Flood]
    posts: Sequence[Posts]
    idle_memory: dict[str, float]
    dev: DevMemory | None

    @property
    def outcomes(self) -> list[Outcome]:
        """The outcomes of all scenarios that took turns, in the order of the tables."""
        pairs = [(self.fan_out[size], self.batches[size]) for size in self.fan_out]
        return [self.bare, self.lean, *(outcome for pair in pairs for outcome in pair)]


class Benchmark:
    """Runs a plan on a site, and tells its progress."""

    def __init__(self, plan: Plan, site: Site, say: Callable[[str], None]) -> None:
        self.plan = plan
        self.site = site
        self.say = say
        self.events: dict[str, tuple[list[str], int]] = {}

    async def run(self) -> Results:
        """Measure everything but `hookwright dev`, idle moments first."""
        plan = self.plan
        machine = facts(self.site.server_version)
        bare = self._outcome(BareWorkflow(plan.in_flight), plan.events)
        lean = self._outcome(LeanWorkflow(plan.in_flight), plan.events)
        shapes = {
            1: (plan.in_flight, plan.events, plan.in_flight // 2),
            20: (plan.wide_in_flight, plan.wide_events, plan.wide_in_flight // 2),
            200: (plan.widest_in_flight, plan.widest_events, plan.widest_in_flight),
        }
        fan_out, batches = {}, {}
        for size, (in_flight, events, batch) in shapes.items():
            fan_out[size] = self._outcome(Deliveries(size, in_flight), events)
            batches[size] = self._outcome(Deliveries(size, in_flight, batch), events)
        turns = [bare, lean, *fan_out.values(), *batches.values()]
        self.say("warming up")
        for outcome in turns:
            await outcome.entry.warm_up()
        idle_memory = pss_mb(self._watched())
        idle_bare, idle, metered = await self._idle()
        half_way = (plan.rounds + 1) // 2
        await self._rounds(turns, range(half_way))
        half = await self._half_load(median(fan_out[1].rates))
        floods = {
            1: await self._flood(1, plan.flood),
            20: await self._flood(20, plan.wide_flood),
        }
        await self._rounds(turns, range(half_way, plan.rounds))
        for outcome in turns:
            self._keep(outcome)
        return Results(
            plan=plan,
            facts=machine,
            bare=bare,
            lean=lean,
            fan_out=fan_out,
            batches=batches,
            idle_bare_ms=idle_bare,
            idle=idle,
            idle_metered=metered,
            half=half,
            floods=floods,
            posts=self._posts(),
            idle_memory=idle_memory,
            dev=None,
        )

    def _outcome(self, scenario: Scenario, count: int) -> Outcome:
        return Outcome(Entry(scenario.name, self.site, scenario, count))

    def _watched(self) -> dict[str, Group]:
        names = (SERVER, *self.site.hookwright)
        return {name: self.site.processes[name] for name in names if name in self.site.processes}

    async def _rounds(self, turns: Sequence[Outcome], numbers: range) -> None:
        for number in numbers:
            self.say(f"round {number + 1} of {self.plan.rounds}")
            for outcome in turns:
                await outcome.run_round()

    async def _idle(self) -> tuple[list[float], Published, float | None]:
        """Run bare workflows and events one at a time: their latencies, and metered actions."""
        self.say("idle: one at a time")
        count, bare, ours = self.plan.idle_events, BareWorkflow(1), Deliveries(1)
        await ours.prepare(self.site)
        await ours.load(self.site, max(count // 5, 1))
        before = await self._metered()
        load = await ours.load(self.site, count)
        after = await self._metered()
        await bare.load(self.site, count)
        assert load.published  # noqa: S101 - an event is published
        self.events["fan-out 1, one at a time"] = (load.published.events, 1)
        metered = None if before is None or after is None else (after - before) / count
        return bare.latency_ms, load.published, metered

    async def _metered(self) -> float | None:
        await asyncio.sleep(METRICS_SECONDS)
        metrics = await self.site.metrics()
        return None if metrics is None else metered_actions(metrics, self.site.client.namespace)

    async def _half_load(self, rate: float) -> Outcome:
        """Publish at half of the rate that the closed loop has reached."""
        self.say(f"half load: {rate / 2:.1f} events a second")
        events = max(int(self.plan.paced_seconds * rate / 2), 1)
        return await self._one_round(Deliveries(1, a_second=rate / 2), events)

    async def _flood(self, fan_out: int, events: int) -> Flood:
        self.say(f"flood: {events} events at fan-out {fan_out}")
        async with watched_memory(self._watched()) as memory:
            scenario = Deliveries(fan_out, connections=self.plan.connections)
            outcome = await self._one_round(scenario, events)
        published = outcome.rounds[0].published
        assert published  # noqa: S101 - an event is published
        arrivals = self.site.publisher.receiver.arrivals
        posted = sorted(time for event in published.events for time in arrivals[event])
        return Flood(outcome, published, memory, posted)

    async def _one_round(self, scenario: Scenario, events: int) -> Outcome:
        """Measure a scenario that does not take turns."""
        await scenario.prepare(self.site)
        outcome = self._outcome(scenario, events)
        await outcome.run_round()
        self._keep(outcome)
        return outcome

    def _keep(self, outcome: Outcome) -> None:
        """Remember an outcome's events, whose POSTs are counted at the very end."""
        published = [result.published for result in outcome.rounds if result.published]
        if published:
            events = [event for each in published for event in each.events]
            self.events[outcome.entry.label] = (events, round(outcome.deliveries))

    def _posts(self) -> list[Posts]:
        receiver = self.site.publisher.receiver
        return [
            Posts(label, receiver.posts(events), len(events) * fan_out)
            for label, (events, fan_out) in self.events.items()
        ]


async def run(plan: Plan, given: GivenServer | None, say: Callable[[str], None]) -> Results:
    """Run the benchmark on the embedded server, or on a given one."""
    async with running_site(given) as site:
        results = await Benchmark(plan, site, say).run()
    say("hookwright dev: its memory")
    dev = await dev_memory(plan.dev_flood, plan.connections)
    return dataclasses.replace(results, dev=dev)
