"""What an endpoint does of its own accord: publish notices, probe, release, expire and count.

The duties take turns, so that none keeps another waiting (docs/decisions/0009-health.md).
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

    from activities.notices import NoticeActivities
    from activities.releases import ReleaseActivities
    from hookwright.health import Due, Duty, Health, Turns
    from hookwright.models import EndpointRef, NoticesInput, ProbeInput, ReleaseInput
    from hookwright.temporal import ErrorType
    from workflows.explaining import duty_summary

from workflows.endpoint_record import EndpointRecord

NOTICES_IN_A_TURN = 100

TURN, HEARTBEAT = timedelta(minutes=1), timedelta(seconds=10)
"""A turn lasts no longer, with all retries in it. The activities stop by themselves before
(`hookwright.health.duties.TURN_SECONDS`)."""


class EndpointDuties:
    """Does what the endpoint's health says is due (`Health.due`), and waits until something is."""

    def __init__(self, record: EndpointRecord, closing: Callable[[], bool]) -> None:
        self.record = record
        self.closing = closing
        self.turns = Turns()
        self.busy = False

    @property
    def health(self) -> Health:
        """The endpoint's health, which decides what is due."""
        return self.record.health

    async def next_turn(self) -> None:
        """Wait until something is due, or the run closes, and do it."""
        due = self._due()
        if due is None or due.at > workflow.now():
            await self._wait_for_change(due)
            return
        self.busy = True
        await self._take_turn(due.duty)
        self.busy = False
        self.record.publish()

    def _due(self) -> Due | None:
        return self.health.due(workflow.now(), self.turns)

    async def _wait_for_change(self, due: Due | None) -> None:
        """Wait until it is due, or until a signal or an update changes what is due."""
        try:
            await workflow.wait_condition(
                lambda: self.closing() or self._due() != due,
                timeout=due.at - workflow.now() if due else None,
                timeout_summary=duty_summary(due.duty) if due else None,
            )
        except TimeoutError:
            return

    async def _take_turn(self, duty: Duty) -> None:
        """Do what is due; put it off if it fails."""
        self.turns.took(duty)
        try:
            await self._do(duty)
        except (ActivityError, TimeoutError) as error:
            if is_cancelled_exception(error):
                raise
            workflow.logger.warning("%s failed, and is put off: %s", duty, error.__cause__)
            self.turns.failed(duty, workflow.now())
        else:
            self.turns.went_well(duty)

    async def _do(self, duty: Duty) -> None:
        """Do what a duty asks for.

        Raises:
            ActivityError: it failed, or took too long.
            TimeoutError: the tenant did not answer.
        """
        match duty:
            case Duty.ANNOUNCE:
                await self._announce_status()
            case Duty.NOTIFY:
                await self._publish_notices()
            case Duty.EXPIRE:
                await self._expire_held()
            case Duty.CANCEL_HELD:
                await self._cancel_held()
            case Duty.PROBE:
                await self._probe()
            case Duty.RELEASE:
                await self._release_held()
            case Duty.COUNT:
                await self._count_held()

    async def _announce_status(self) -> None:
        """Make a new version, so that events accepted from now on meet the new status.

        Raises:
            TimeoutError: the tenant did not answer, or an update is waiting for it just now.
        """
        try:
            await asyncio.wait_for(self._new_version(), TURN.total_seconds())
        except ApplicationError as error:
            if error.type == ErrorType.LATE:
                raise TimeoutError from error
            # The tenant is gone; this endpoint will follow it.
            workflow.logger.warning("status not announced: %s", error)
        except ActivityError as error:
            raise TimeoutError from error

    async def _new_version(self) -> None:
        async with self.record.lock:
            if not self.record.state.deleted:
                await self.record.apply()

    async def _publish_notices(self) -> None:
        notices = self.health.notices.next(NOTICES_IN_A_TURN)
        published: int = await self._run(
            NoticeActivities.publish,
            NoticesInput(endpoint=self._endpoint(), notices=notices),
            f"publish {', '.join(sorted({each.type for each in notices}))}",
        )
        self.health.notices.published(published)

    async def _expire_held(self) -> None:
        wait_seconds: float = await self._run(
            ReleaseActivities.expire, self._endpoint(), "end what was held for too long"
        )
        self.health.expiry_checked(workflow.now(), wait_seconds)

    async def _cancel_held(self) -> None:
        """Cancel what waits for an endpoint that is gone.

        Each delivery reports that it has ended. Until then, and for those that were not found, the
        endpoint searches again later.
        """
        cancelled: int = await self._run(
            ReleaseActivities.cancel, self._endpoint(), "cancel what is held: the endpoint is gone"
        )
        self.health.held_cancelled(workflow.now(), cancelled)

    async def _probe(self) -> None:
        found: bool = await self._run(
            ReleaseActivities.probe,
            ProbeInput(endpoint=self._endpoint(), earlier=self.health.probes),
            f"probe {self.health.probes + 1}: release one of {self.health.queue.held} held",
        )
        self.health.probed(workflow.now(), found=found)

    async def _release_held(self) -> None:
        """Release some of what is held; when nothing is held any more, the queue opens."""
        if not self.health.begin_release(workflow.now()):
            return
        self.record.publish()
        top = self.record.state.active_config.drain_per_second
        pace = self.health.release_pace(top)
        found: int = await self._run(
            ReleaseActivities.release,
            ReleaseInput(endpoint=self._endpoint(), per_second=pace),
            f"release some of {self.health.queue.held} held, {pace:g} a second",
        )
        self.health.released(workflow.now(), found, top)

    async def _count_held(self) -> None:
        """Compare the number of held deliveries with what visibility shows."""
        moved_at = self.health.held_moved_at
        found: int = await self._run(
            ReleaseActivities.count, self._endpoint(), "count what is held"
        )
        self.health.counted(workflow.now(), found, moved_at)

    def _endpoint(self) -> EndpointRef:
        state = self.record.state
        return EndpointRef(tenant_id=state.tenant_id, endpoint_id=state.endpoint_id)

    async def _run(self, activity: Any, argument: BaseModel, summary: str) -> Any:  # noqa: ANN401
        """Run an activity on this endpoint; retries of it stay within this turn."""
        return await workflow.execute_activity_method(
            activity,
            argument,
            schedule_to_close_timeout=TURN,
            heartbeat_timeout=HEARTBEAT,
            summary=summary,
        )
