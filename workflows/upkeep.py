"""What an endpoint does of itself: tell, probe, release, expire; one duty after the other."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.notices import Notices
    from activities.releases import Releases
    from hookwright.health import Due, Duty, Health

if TYPE_CHECKING:
    from workflows.endpoint import Endpoint

NOTICES_AT_ONCE = 100
TIMEOUT, HEARTBEAT = timedelta(hours=1), timedelta(seconds=10)


class Upkeep:
    """Does what the endpoint's health says is due (`Health.due`), and waits until something is."""

    def __init__(self, endpoint: "Endpoint") -> None:
        self.endpoint = endpoint

    @property
    def health(self) -> Health:
        """What decides."""
        return self.endpoint.health

    async def next_duty(self) -> None:
        """Wait until something is due, or the run closes, and do it."""
        due = self.health.due(workflow.now())
        if due is None or due.at > workflow.now():
            await self.wait_for_change(due)
            return
        match due.duty:
            case Duty.TELL:
                await self.tell()
            case Duty.ANNOUNCE:
                await self.announce()
            case Duty.PROBE:
                found = await self.run(Releases.probe)
                self.health.probed(workflow.now(), found=found)
            case Duty.RELEASE:
                await self.release()
            case Duty.END_HELD:
                await self.run(Releases.end_held)
                # Each reports that it has left; until then, and for those missed, look again later.
                self.health.holding.released(workflow.now(), found=0, top_pace=1)
            case Duty.EXPIRE:
                wait = await self.run(Releases.expire)
                self.health.holding.next_expiry_at = workflow.now() + timedelta(seconds=wait)
        self.endpoint.publish_state()

    async def wait_for_change(self, due: Due | None) -> None:
        """Wait until it is due, or a signal or update changes what is."""
        try:
            await workflow.wait_condition(
                lambda: self.endpoint.closing() or self.health.due(workflow.now()) != due,
                timeout=due.at - workflow.now() if due else None,
            )
        except TimeoutError:
            return

    async def tell(self) -> None:
        """Publish operational events."""
        notices = self.health.notices[:NOTICES_AT_ONCE]
        await self.run(Notices.publish, notices)
        self.health.told(len(notices))

    async def announce(self) -> None:
        """Make a new version, so that events accepted from now on meet the new status."""
        async with self.endpoint.changing:
            if self.endpoint.state.deleted:
                return
            try:
                await self.endpoint.apply()
            except (ActivityError, ApplicationError) as error:
                # The tenant is gone; this endpoint will follow it.
                workflow.logger.warning("status not announced: %s", error)

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

    async def run(self, activity: Any, *arguments: object) -> Any:  # noqa: ANN401 - any of ours
        """Run an activity on this endpoint."""
        state = self.endpoint.state
        return await workflow.execute_activity_method(
            activity,
            args=[state.tenant_id, state.endpoint_id, *arguments],
            start_to_close_timeout=TIMEOUT,
            heartbeat_timeout=HEARTBEAT,
        )
