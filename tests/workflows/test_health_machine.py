"""A state machine over the real `Endpoint`, against a plain model written down independently."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from support.endpoints import FakeWorld, running_endpoint
from support.time_skipping import start_time_skipping
from support.waiting import eventually
from temporalio.testing import WorkflowEnvironment

from hookwright.contracts import DeactivationRule
from hookwright.outcomes import DeliveryState, Outcome
from workflows.endpoint import MAX_SIGNALS

ROW, DAYS = 3, 5
DAY = timedelta(hours=23)
"""Counted to two hours: what is 22 to 24 hours old may count or not, and no step makes it so."""
RULE = DeactivationRule(exhausted_in_a_row=ROW, failing_for_seconds=DAYS * 86_400, gone=True)
OUTAGES = ("exhausted", "failing_too_long", "gone")
EXAMPLES, STEPS = 6, 14
"""For each outage."""


class Model:
    """What anybody would expect of an endpoint, in words as plain as can be."""

    def __init__(self) -> None:
        self.status, self.reason = "active", None
        self.failures = self.exhausted = 0
        self.failing_since = timedelta(0)
        self.versions = 1
        self.now = timedelta(0)
        self.delivered: list[timedelta] = []
        self.deleted = False

    def succeed(self) -> None:
        self.delivered.append(self.now)
        self.failures = self.exhausted = 0

    def fail(self, *, exhausted: bool, gone: bool) -> None:
        if not self.failures:
            self.failing_since = self.now
        self.failures += 1
        self.exhausted += exhausted
        if self.status == "disabled" and gone and self.reason != "gone":
            self.disable("gone", new=False)
        elif self.status == "active":
            if gone:
                self.disable("gone")
            elif self.exhausted >= ROW:
                self.disable("exhausted")
            elif self.now - self.failing_since >= timedelta(days=DAYS):
                self.disable("failing_too_long")

    def disable(self, reason: str, *, new: bool = True) -> None:
        self.status, self.reason = "disabled", reason
        self.versions += new

    def pause(self) -> None:
        self.status, self.reason = "paused", None
        self.versions += 1

    def resume(self) -> None:
        if self.status != "active":
            self.failures = self.exhausted = 0
        self.status, self.reason = "active", None
        self.versions += 1


class EndpointMachine(RuleBasedStateMachine):
    """Rules run sync, on an event loop that lasts for all examples."""

    loop: asyncio.AbstractEventLoop
    environment: WorkflowEnvironment
    outage: str

    def run(self, work: object) -> object:
        return self.loop.run_until_complete(asyncio.wait_for(work, 20))

    @initialize()
    def create(self) -> None:
        """Begin with an outage: chance alone would seldom disable it."""
        self.begin()
        if self.outage == "gone":
            self.answer_gone()
        elif self.outage == "exhausted":
            self.fail([True] * ROW)
        else:
            self.go_on_failing(DAYS)
        assert self.model.reason == self.outage
        self.settle()

    @precondition(lambda self: self.model.deleted)
    @rule()
    def create_another(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.model = Model()
        self.world = FakeWorld(self.environment, rule=RULE)
        self.running = running_endpoint(self.world)
        self.run(self.running.__aenter__())

    @precondition(lambda self: not self.model.deleted)
    @rule()
    def succeed(self) -> None:
        self.run(self.world.report(outcome=Outcome.DELIVERED))
        self.model.succeed()

    def one_fails(self, *, exhausted: bool = False, gone: bool = False) -> None:
        fields = {"outcome": Outcome.HTTP_ERROR, "status_code": 410 if gone else 500}
        ended = DeliveryState.EXHAUSTED if exhausted else None
        self.run(self.world.report(**fields, ended=ended))
        self.model.fail(exhausted=exhausted, gone=gone)

    @precondition(lambda self: not self.model.deleted)
    @rule(exhausted=st.lists(st.booleans(), min_size=1, max_size=2 * ROW))
    def fail(self, exhausted: list[bool]) -> None:
        for each in exhausted:
            self.one_fails(exhausted=each)

    @precondition(lambda self: not self.model.deleted)
    @rule(days=st.integers(1, 7))
    def go_on_failing(self, days: int) -> None:
        for _ in range(days):
            self.one_fails()
            self.time_passes(24)
        self.one_fails()

    @precondition(lambda self: not self.model.deleted)
    @rule()
    def answer_gone(self) -> None:
        self.one_fails(gone=True)

    @precondition(lambda self: not self.model.deleted)
    @rule()
    def pause(self) -> None:
        self.run(self.world.pause())
        self.model.pause()

    @precondition(lambda self: not self.model.deleted)
    @rule()
    def resume(self) -> None:
        self.run(self.world.resume())
        self.model.resume()

    @precondition(lambda self: not self.model.deleted)
    @rule()
    def rotate(self) -> None:
        before = self.run(self.world.state()).secrets[0]
        assert self.run(self.world.rotate()).secrets[0] != before
        self.model.versions += 1

    @precondition(lambda self: not self.model.deleted)
    @rule(description=st.text(max_size=20))
    def change(self, description: str) -> None:
        changed = self.run(self.world.change(description=description))
        assert changed.config.description == description
        self.model.versions += 1

    @precondition(lambda self: not self.model.deleted)
    @rule(hours=st.sampled_from([1, 26, 60]))
    def let_time_pass(self, hours: int) -> None:
        self.time_passes(hours)

    def time_passes(self, hours: int) -> None:
        self.settle()
        self.run(self.world.sleep(hours=hours))
        self.model.now += timedelta(hours=hours)

    @precondition(lambda self: not self.model.deleted)
    @rule()
    def continue_as_new(self) -> None:
        before = self.run(self.world.handle.describe()).run_id

        async def flood() -> None:
            gate = asyncio.Semaphore(50)

            async def signal() -> None:
                async with gate:
                    await self.world.handle.signal("nobody's")

            await asyncio.gather(*(signal() for _ in range(MAX_SIGNALS)))
            await eventually(self.world.handle.describe, lambda it: it.run_id != before)

        self.run(flood())

    @precondition(lambda self: not self.model.deleted)
    @rule()
    def delete(self) -> None:
        self.end()
        self.model.deleted = True
        assert self.world.routes[-1] is None

    def end(self) -> None:
        self.run(self.running.__aexit__(None, None, None))

    def settle(self) -> None:
        """Wait until the endpoint shows what the model says."""
        now = self.run(self.world.now())

        def shown(state: object) -> tuple[object, ...]:
            health = state.health
            return (
                (health.status, health.disabled_reason, health.announced, state.version),
                (health.streak.failures, health.streak.exhausted),
                health.counts.last_day(now)[0],
            )

        model = self.model
        expected = (
            (model.status, model.reason, model.status, model.versions),
            (model.failures, model.exhausted),
            sum(model.now - at < DAY for at in model.delivered),
        )
        self.run(self.world.until(lambda state: shown(state) == expected))

    @invariant()
    def agrees(self) -> None:
        if hasattr(self, "model") and not self.model.deleted:
            self.settle()

    def teardown(self) -> None:
        if hasattr(self, "model") and not self.model.deleted:
            self.end()


@pytest.mark.parametrize("outage", OUTAGES)
def test_endpoint_is_as_its_model(outage: str) -> None:
    """Whatever is done after an outage, in whatever order, the endpoint is as the model says."""
    with asyncio.Runner() as runner:
        EndpointMachine.loop, EndpointMachine.outage = runner.get_loop(), outage
        EndpointMachine.environment = runner.run(start_time_skipping())
        try:
            run_state_machine_as_test(
                EndpointMachine,
                settings=settings(
                    max_examples=EXAMPLES,
                    stateful_step_count=STEPS,
                    deadline=None,
                    database=None,
                    derandomize=True,
                    phases=[Phase.generate],
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(EndpointMachine.environment.shutdown())
