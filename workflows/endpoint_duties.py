"""What an endpoint does of itself: tell, probe, release, expire, count; its duties take turns."""

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.notices import Notices
    from activities.releases import Releases
    from hookwright.health import Due, Duty, Health, Turns

if TYPE_CHECKING:
    from workflows.endpoint import Endpoint

NOTICES_AT_ONCE = 100

TURN, HEARTBEAT = timedelta(minutes=1), timedelta(seconds=10)
"""A turn lasts no longer, with all that is tried again in it. The activities stop by themselves
before (`hookwright.health.duties.ENOUGH_SECONDS`)."""


class Upkeep:
    """Does what the endpoint's health says is due (`Health.due`), and waits until something is."""

    def __init__(self, endpoint: "Endpoint") -> None:
        self.endpoint = endpoint
        self.turns = Turns()
        self.busy = False

    @property
    def health(self) -> Health:
        """What decides."""
        return self.endpoint.health

    def due(self) -> Due | None:
        """Return whose turn it is."""
        return self.health.due(workflow.now(), self.turns)

    async def next_turn(self) -> None:
        """Wait until something is due, or the run closes, and do it."""
        due = self.due()
        if due is None or due.at > workflow.now():
            await self.wait_for_change(due)
            return
        self.busy = True
        await self.have_turn(due.duty)
        self.busy = False
        self.endpoint.publish_state()

    async def have_turn(self, duty: Duty) -> None:
        """Do what is due; put it off if it fails."""
        self.turns.took(duty)
        try:
            await self.do(duty)
        except (ActivityError, TimeoutError) as error:
            if is_cancelled_exception(error):
                raise
            workflow.logger.warning("%s failed, and is put off: %s", duty, error.__cause__)
            self.turns.failed(duty, workflow.now())
        else:
            self.turns.went_well(duty)

    async def wait_for_change(self, due: Due | None) -> None:
        """Wait until it is due, or a signal or update changes what is."""
        try:
            await workflow.wait_condition(
                lambda: self.endpoint.closing() or self.due() != due,
                timeout=due.at - workflow.now() if due else None,
            )
        except TimeoutError:
            return

    async def do(self, duty: Duty) -> None:
        """Do what a duty asks for.

        Raises:
            ActivityError: it failed, or took too long.
            TimeoutError: the tenant did not answer.
        """
        match duty:
            case Duty.TELL:
                told = await self.run(Notices.publish, self.health.to_publish(NOTICES_AT_ONCE))
                self.health.told(told)
            case Duty.ANNOUNCE:
                await self.announce()
            case Duty.PROBE:
                found = await self.run(Releases.probe, self.health.probes)
                self.health.probed(workflow.now(), found=found)
            case Duty.RELEASE:
                await self.release()
            case Duty.END_HELD:
                # Each reports that it has left; until then, and for those missed, look again later.
                ended = await self.run(Releases.end_held)
                self.health.holding.ended(workflow.now(), ended)
            case Duty.EXPIRE:
                wait = await self.run(Releases.expire)
                self.health.holding.next_expiry_at = workflow.now() + timedelta(seconds=wait)
            case Duty.COUNT:
                await self.count()

    async def announce(self) -> None:
        """Make a new version, so that events accepted from now on meet the new status.

        Raises:
            TimeoutError: the tenant did not answer, or an update waits for it just now.
        """
        try:
            await asyncio.wait_for(self.new_version(), TURN.total_seconds())
        except ApplicationError as error:
            if error.type == "late":
                raise TimeoutError from error
            # The tenant is gone; this endpoint will follow it.
            workflow.logger.warning("status not announced: %s", error)
        except ActivityError as error:
            raise TimeoutError from error

    async def new_version(self) -> None:
        """Apply the endpoint as it is, once no update is under way."""
        async with self.endpoint.changing:
            if not self.endpoint.state.deleted:
                await self.endpoint.apply()

    async def release(self) -> None:
        """Let go some of what is held; open when nothing is."""
        holding, config = self.health.holding, self.endpoint.state.active_config
        if holding.throttled_until:
            holding.drain(workflow.now())
        if not holding.held:
            holding.open()
            return
        self.endpoint.publish_state()
        found = await self.run(Releases.release, holding.speed(config.drain_per_second))
        holding.released(workflow.now(), found, config.drain_per_second)

    async def count(self) -> None:
        """Hold the number of held deliveries against visibility, unless it changes meanwhile."""
        holding = self.health.holding
        moved_at = holding.last_moved_at
        found = await self.run(Releases.count_held)
        if holding.last_moved_at == moved_at:
            self.health.counted(workflow.now(), found)

    async def run(self, activity: Any, *arguments: object) -> Any:  # noqa: ANN401 - any of ours
        """Run an activity on this endpoint, tried again within its turn if it fails."""
        state = self.endpoint.state
        return await workflow.execute_activity_method(
            activity,
            args=[state.tenant_id, state.endpoint_id, *arguments],
            schedule_to_close_timeout=TURN,
            heartbeat_timeout=HEARTBEAT,
        )
