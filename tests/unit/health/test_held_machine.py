"""A state machine over real deliveries and their endpoint's health, with kills at any step."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import ClassVar

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
from support.delivery_world import Run, World, hand_over_at_once, in_memory
from support.health import BEGIN

from hookwright.contracts import DeactivationRule
from hookwright.health import Release
from workflows.delivery import Delivery

EXAMPLES, STEPS = 250, 50
ANSWERS = (200, 200, 422, 500, 503, 410)


class HeldMachine(RuleBasedStateMachine):
    """Whatever happens and whoever is killed, `held` is the number of those that are parked."""

    loop: asyncio.AbstractEventLoop
    seen: ClassVar[Counter[str]] = Counter()

    @initialize(gone=st.booleans(), slow=st.booleans())
    def begin(self, gone: bool, slow: bool) -> None:  # noqa: FBT001 - hypothesis gives them by name
        """Begin with some that are held: chance alone would seldom come so far."""
        hand_over_at_once(really=slow)
        self.world = World(DeactivationRule(exhausted_in_a_row=2, gone=gone))
        self.pause()
        self.deliver()
        self.deliver()

    def settle(self) -> None:
        self.loop.run_until_complete(self.world.settle())

    def does(self, what: str, work: Callable[[], None]) -> None:
        async def do() -> None:
            work()
            await self.world.settle()

        self.loop.run_until_complete(do())
        self.seen[what] += 1

    def some(self, data: st.DataObject, holds: Callable[[Run], object]) -> Run | None:
        """Choose a delivery of which this holds, if there is one."""
        fitting = [run for run in self.world.runs if holds(run)]
        return data.draw(st.sampled_from(fitting)) if fitting else None

    @precondition(lambda self: len(self.world.runs) < 8)
    @rule()
    def deliver(self) -> None:
        run = Run(self.world)
        self.world.runs.append(run)
        self.does("deliver", run.start)

    @rule()
    def pause(self) -> None:
        self.world.health.pause(BEGIN)

    @rule()
    def resume(self) -> None:
        self.world.health.resume(BEGIN)
        self.world.health.queue.open()

    @precondition(lambda self: self.world.posts)
    @rule(status=st.sampled_from(ANSWERS))
    def answer(self, status: int) -> None:
        self.does(f"answer {status}", lambda: self.world.answer(status))

    @rule(data=st.data(), keep=st.booleans())
    def kill_next(self, data: st.DataObject, keep: bool) -> None:  # noqa: FBT001
        """Lose what the delivery's next piece of work comes to, once its report is stored."""
        if run := self.some(data, lambda run: not run.task.done()):
            run.kill_next, run.keep_heartbeats = True, keep
            self.seen["kill"] += 1

    @rule(data=st.data())
    def do_again(self, data: st.DataObject) -> None:
        """Let another worker take over what was lost."""
        if run := self.some(data, lambda run: run.lost):
            self.does("do again", run.lost.set)

    @rule()
    def lose_an_answer(self) -> None:
        self.world.reports_fail = 1

    @rule(data=st.data())
    def become_due(self, data: st.DataObject) -> None:
        if run := self.some(data, lambda run: run.due):
            self.does("due", run.due.set)

    @rule(data=st.data(), kind=st.sampled_from(Release))
    def release(self, data: st.DataObject, kind: Release) -> None:
        if run := self.some(data, lambda run: run.parked):
            self.does(f"release {kind}", lambda: run.signal(Delivery.release, kind))

    @rule(data=st.data())
    def expire(self, data: st.DataObject) -> None:
        if run := self.some(data, lambda run: run.parked):
            self.does("expire", lambda: run.signal(Delivery.let_expire))

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """Cancel one, once: Temporal gives a workflow no second cancellation."""
        if run := self.some(data, lambda run: not (run.task.done() or run.task.cancelling())):
            self.does("cancel, held" if run.parked else "cancel", run.task.cancel)

    @invariant()
    def held_is_right(self) -> None:
        if hasattr(self, "world") and self.world.at_rest:
            assert self.world.health.queue.held == self.world.parked
            self.seen["at rest"] += 1

    def teardown(self) -> None:
        """Let all come to rest, look once more, and end."""
        if not hasattr(self, "world"):
            return
        while not self.world.at_rest:
            for run in self.world.runs:
                if run.lost:
                    self.does("do again", run.lost.set)
            if self.world.posts:
                self.does("answer", lambda: self.world.answer(500))
            self.settle()
        self.held_is_right()
        self.loop.run_until_complete(self.end())

    async def end(self) -> None:
        for run in self.world.runs:
            run.kill_next = False
            run.task.cancel()
        await self.world.settle()
        await asyncio.gather(*(run.task for run in self.world.runs), return_exceptions=True)


def test_held_is_right_whoever_is_killed() -> None:
    """At rest an endpoint counts as held exactly what is parked, whatever was killed before."""
    with asyncio.Runner() as runner, in_memory():
        HeldMachine.loop = runner.get_loop()
        run_state_machine_as_test(
            HeldMachine,
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
    rare = ("kill", "do again", "expire", "cancel, held", "release probe", "at rest")
    assert all(HeldMachine.seen[each] > EXAMPLES // 10 for each in rare), HeldMachine.seen
