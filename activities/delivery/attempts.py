"""The activities of `Delivery`."""

import asyncio
import random
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.service import RPCError

from activities.delivery.attempt_shares import AttemptShares
from activities.delivery.hand_overs import HandOvers
from activities.delivery.ledger import StillUnderWayError
from activities.delivery.paces import EndpointPace
from activities.delivery.queue_places import QueuePlaces
from activities.delivery.resets import shield_from_reset
from activities.delivery.runner import AttemptRunner
from activities.endpoint_snapshots import EndpointSnapshots
from activities.heartbeats import beat_seconds, heartbeats
from activities.shares import NoRoomError, Shares, TenantTurns, waiting_error
from hookwright.models import (
    AttemptInput,
    DeliveryInput,
    DeliveryLog,
    EndedInput,
    EndpointState,
)
from hookwright.outcomes import DeliveryState, Trigger
from hookwright.temporal import ActivityName, recorded

BEAT_OF_RELEASED_SECONDS = 0.25
"""When the attempt of a released delivery sends its first heartbeat. It shows that the attempt was
made, or is slow: the activity that releases in order waits for it."""

PATIENCE_SECONDS = 3.0, 4.2
"""How long a first attempt may hold its workflow task, a random time between these two. After 4.8 s
the SDK would renew the task, and begin nothing else meanwhile (docs/decisions/0030). The time is
random, so that attempts that have begun together do not leave their tasks together."""

SECONDS_AFTER_FAULT = 1.0
"""When Temporal is asked again for what the reply to a first POST needs."""


@dataclass(frozen=True)
class DeliveryActivities:
    """The activities that make attempts.

    A receiver's failure is returned as data; only Hookwright's own faults raise.
    """

    client: Client
    endpoints: EndpointSnapshots
    runner: AttemptRunner
    queues: QueuePlaces
    hand_overs: HandOvers
    lend_slot: Callable[[], AbstractContextManager[None]] = nullcontext
    tenant_turns: TenantTurns = field(default_factory=TenantTurns)
    shares: AttemptShares = field(default_factory=AttemptShares, init=False)

    @activity.defn(name=ActivityName.FIRST_ATTEMPT)
    async def first_attempt(self, attempt: AttemptInput) -> DeliveryLog:
        """Make the first attempt. Runs as a local activity: see docs/decisions/0002.

        The log is empty, but for a resend, which continues that of the run before it. An attempt
        here holds a workflow task for as long as the receiver takes, so it needs a share of these.
        Without one, or to an endpoint that is slow or failing, it is left to `retry`. If the
        receiver takes long, the log says `begun_on`, and this is called again as an activity in
        that task queue, where it joins the POST. If it is run again because its task was not
        completed in time, it joins the POST of the first run as well. If the endpoint has a rate
        limit or an order, the delivery takes its place in the queue instead, and this is called
        again when its turn has come.
        """
        delivery, so_far = attempt.delivery, attempt.log
        if not activity.info().is_local:
            return await self._see_through(delivery, so_far)
        self.tenant_turns.traffic.saw(delivery.event.tenant_id)
        is_slow = self._is_slow(delivery, so_far)
        ids = delivery.event.tenant_id, delivery.endpoint_id
        is_new = self._pace(delivery) is EndpointPace.NEW
        may_hang = is_new and self._is_sent(so_far, *ids)
        shares = self.shares.new_first if may_hang else self.shares.prompt_first
        patience = random.uniform(*PATIENCE_SECONDS)  # noqa: S311 - not a secret
        try:
            share = nullcontext() if is_slow else self._share(shares, delivery, so_far)
            with share:
                endpoint = await self.endpoints.at_least(*ids, delivery.endpoint_version)
                if self._needs_turn(endpoint, so_far):
                    return await self.queues.wait(delivery, so_far)
                if is_slow and endpoint and self.runner.may_post(endpoint, so_far):
                    return so_far.left_to_retry(slow=True)
                with self.lend_slot():
                    after = await self.runner.run(
                        delivery, endpoint, so_far, share, lambda _: None, patience
                    )
                await self.queues.ended(delivery, endpoint, after, right_after_turn=True)
                return self._in_its_lane(delivery, after)
        except StillUnderWayError:
            return self.hand_overs.give(so_far)
        except NoRoomError:
            return so_far.left_to_retry(slow=is_new and not self.shares.new_retries.has_room(*ids))

    @activity.defn(name=ActivityName.RETRY)
    async def retry(self, attempt: AttemptInput) -> DeliveryLog:
        """Make the next attempts, one in each run, until the delivery ends or is held.

        If this activity is reset in Temporal while it waits, it makes one more attempt at once,
        which uses no step of the retry table (docs/decisions/0013-resend.md).

        The log is in the heartbeat details, which remain after a failed run: a pending delivery
        shows all its attempts, and a killed worker uses no step of the retry table. Temporal may
        start a run before its time: a task that it gives out twice after a crash of its own starts
        whichever run comes next. Such a run waits for its time by Temporal's clock.

        A delivery whose endpoint turns out to be slow or failing is returned, to go on in the slow
        lane.

        Raises:
            ApplicationError: the next attempt is due later; benign, with `next_retry_delay`.
        """
        info, initial_log = activity.info(), attempt.log
        details = info.heartbeat_details
        left = initial_log.retry_in - (info.started_time - info.scheduled_time)
        if not details and initial_log.retry_in_seconds and left > timedelta():
            raise _due_later(initial_log, left)
        so_far = DeliveryLog.model_validate(details[0]) if details else initial_log
        too_early = info.current_attempt_scheduled_time - info.started_time
        if so_far.retry_in_seconds and info.attempt > 1 and too_early > timedelta():
            raise _due_later(so_far, too_early)
        if details and info.attempt == 1:
            so_far = so_far.model_copy(update={"trigger": Trigger.MANUAL})
            activity.heartbeat(so_far)  # recorded in case this worker is killed
        in_slow_lane = initial_log.slow
        only_waited = not (so_far.unreported or so_far.retry_in_seconds)
        if only_waited and not in_slow_lane and self._is_slow(attempt.delivery, so_far):
            return so_far.in_slow_lane()
        next_attempt = self._next(attempt.delivery, so_far, in_slow_lane=in_slow_lane)
        try:
            after = await shield_from_reset(next_attempt)
        except NoRoomError as error:
            raise waiting_error(error) from None
        changes_lane = not in_slow_lane and self._is_slow(attempt.delivery, after)
        if after.state is DeliveryState.PENDING and not (after.queued or changes_lane):
            raise _due_later(after, after.retry_in)
        return after.in_slow_lane()

    @activity.defn(name=ActivityName.REPORT_ENDED)
    async def report_ended(self, ended: EndedInput) -> None:
        """Report to the endpoint that a delivery has expired or was cancelled."""
        if endpoint := await self._endpoint(ended.delivery):
            with self.lend_slot():  # while it waits to be reported with others
                await self.runner.reports.ended(endpoint, ended.delivery, ended.log, ended.state)
        after = ended.log.model_copy(update={"state": ended.state, "turn": 0})
        await self.queues.ended(ended.delivery, endpoint, after)

    @activity.defn(name=ActivityName.RECORDED_LOG)
    async def recorded_log(self, attempt: AttemptInput) -> DeliveryLog:
        """Return what else was sent before a cancellation: a log, which is empty if nothing was.

        It is what the pending `retry` has recorded, or the first POST, which this worker has made
        or waits for. What ended the delivery is reported to its endpoint.
        """
        delivery, description = attempt.delivery, await self._workflow().describe()
        with self.lend_slot():  # while it waits for the receiver, or to be reported with others
            for pending in description.raw_description.pending_activities:
                log = await recorded(description, pending, DeliveryLog)
                if not log.state.ended_by_attempt:
                    return log
                endpoint = await self._endpoint(delivery)
                if log.unreported:
                    log = await self.runner.report(delivery, endpoint, log, again=True)
                await self.queues.ended(delivery, endpoint, log)
                return log
            if not self.runner.has_begun(attempt.log):
                return DeliveryLog()
            endpoint = await self._endpoint(delivery)
            log = await self.runner.run_begun(delivery, endpoint, attempt.log)
            await self.queues.ended(delivery, endpoint, log)
            return log

    @activity.defn(name=ActivityName.CANCEL_WORKFLOW)
    async def cancel_workflow(self) -> None:
        """Request the cancellation of this workflow, because only then it can end as cancelled."""
        await self._workflow().cancel()

    def _workflow(self) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(activity.info().workflow_id or "")

    async def _endpoint(self, delivery: DeliveryInput) -> EndpointState | None:
        return await self.endpoints.current(delivery.event.tenant_id, delivery.endpoint_id)

    def _pace(self, delivery: DeliveryInput) -> EndpointPace:
        return self.runner.paces.of(delivery.event.tenant_id, delivery.endpoint_id)

    def _is_slow(self, delivery: DeliveryInput, so_far: DeliveryLog) -> bool:
        """Return whether the next attempt belongs into the slow lane, and has not begun here."""
        return self._pace(delivery) is EndpointPace.SLOW and not self.runner.has_begun(so_far)

    async def _next(
        self, delivery: DeliveryInput, so_far: DeliveryLog, *, in_slow_lane: bool
    ) -> DeliveryLog:
        """Make the next attempt, wait for its turn in the queue, or report the last attempt.

        The last one is reported here if a killed worker may not have done so.

        Raises:
            NoRoomError: it has to wait, and is not counted as an attempt.
        """
        shares = self.shares.retries(self._pace(delivery), in_slow_lane=in_slow_lane)
        share, latest = self._share(shares, delivery, so_far), so_far
        # It reads its endpoint before, so the first comes after half of the time between two.
        first_beat = BEAT_OF_RELEASED_SECONDS if so_far.release else beat_seconds() / 2
        with share:
            endpoint = await self._endpoint(delivery)
            async with heartbeats(lambda: (latest,), beat_seconds(), first_beat) as tell:

                def record(log: DeliveryLog) -> None:
                    nonlocal latest
                    latest = log
                    tell()

                if so_far.unreported:
                    after = await self.runner.report(delivery, endpoint, so_far, again=True)
                elif self._needs_turn(endpoint, so_far):
                    return await self.queues.wait(delivery, so_far)
                else:
                    after = await self.runner.run(delivery, endpoint, so_far, share, record)
                await self.queues.ended(delivery, endpoint, after)
                return after

    async def _see_through(self, delivery: DeliveryInput, so_far: DeliveryLog) -> DeliveryLog:
        """Wait for the reply to a first POST that has left its workflow task.

        It goes on after a fault of Temporal: if this failed, another worker would make the POST.
        """
        ids = delivery.event.tenant_id, delivery.endpoint_id
        self.hand_overs.take()
        async with heartbeats(seconds=beat_seconds()):
            while self.runner.has_begun(so_far):
                with suppress(RPCError, TimeoutError):
                    endpoint = await self.endpoints.at_least(*ids, delivery.endpoint_version)
                    after = await self.runner.run_begun(delivery, endpoint, so_far)
                    if after.attempts:
                        await self.queues.ended(delivery, endpoint, after)
                        return self._in_its_lane(delivery, after)
                await asyncio.sleep(SECONDS_AFTER_FAULT)
        return so_far.left_to_retry(slow=False)

    def _in_its_lane(self, delivery: DeliveryInput, after: DeliveryLog) -> DeliveryLog:
        """Return the log of a first attempt, in the slow lane if its endpoint belongs there."""
        return after.in_slow_lane() if self._is_slow(delivery, after) else after

    def _is_sent(self, so_far: DeliveryLog, tenant_id: str, endpoint_id: str) -> bool:
        """Return whether a first attempt makes a POST, or may: not if it is held, or waits."""
        known = self.endpoints.recent(tenant_id, endpoint_id)
        return known is None or (
            self.runner.may_post(known, so_far) and not self._needs_turn(known, so_far)
        )

    def _needs_turn(self, endpoint: EndpointState | None, so_far: DeliveryLog) -> bool:
        """Return whether a POST that has not begun has to wait for its turn."""
        return bool(endpoint and endpoint.needs_turn(so_far)) and not self.runner.has_begun(so_far)

    def _share(
        self, shares: Shares, delivery: DeliveryInput, so_far: DeliveryLog
    ) -> AbstractContextManager[object]:
        """Return the right to make the next attempt. A POST that has begun already has its own."""
        if self.runner.has_begun(so_far):
            return nullcontext()
        return shares.take(delivery.event.tenant_id, delivery.endpoint_id)


def _due_later(log: DeliveryLog, delay: timedelta) -> ApplicationError:
    activity.heartbeat(log)
    last = log.attempts[-1]
    return ApplicationError(
        f"attempt {last.number}: {last.error}",
        type=last.outcome,
        next_retry_delay=delay,
        category=ApplicationErrorCategory.BENIGN,
    )
