"""`Event`: the durable acceptance of an event, and its fan-out to deliveries."""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from pydantic import ValidationError

    from activities.fan_out import FanOutActivities
    from hookwright.ids import event_workflow_id
    from hookwright.models import EventInput, FanOut, FanOutInput
    from hookwright.temporal import (
        DELIVERY_STATE,
        UNREADABLE_STATE,
        CodecError,
        ErrorType,
        WorkflowType,
        event_search_attributes,
    )
    from hookwright.times import delay_until
    from hookwright.validation_errors import described_faults

OWN_TASK_DELAY = timedelta(milliseconds=1)
LOCAL_FAN_OUT_TIMEOUT, FAN_OUT_TIMEOUT = timedelta(minutes=2), timedelta(hours=6)
MISSED_HEARTBEAT = timedelta(seconds=10)


@workflow.defn(name=WorkflowType.EVENT)
class Event:
    """One event on its way to every endpoint of its tenant that wants it.

    Any Temporal client may start it, so its argument is checked here too.
    """

    @workflow.run
    async def run(self, argument: RawValue) -> FanOut:
        """Start a delivery for each endpoint that wants the event; return which those are.

        A scheduled event that is cancelled before it is due starts none. A cancellation that comes
        later changes nothing: all deliveries are started.

        Raises:
            ApplicationError: the argument is not an event, or its key is not ours, or there is no
                such tenant.
            CancelledError: it was cancelled in time.
        """
        event = _checked(argument)
        if not workflow.info().typed_search_attributes.search_attributes:
            # Started by a plain client: let lists of events find it, too.
            workflow.upsert_search_attributes(
                [pair.key.value_set(pair.value) for pair in event_search_attributes(event)]
            )
        if event.deliver_at:
            await self.wait_until_due(event)
        fanning_out = asyncio.create_task(self.fan_out(event))
        try:
            return await asyncio.shield(fanning_out)
        except asyncio.CancelledError:
            return await fanning_out

    async def wait_until_due(self, event: EventInput) -> None:
        """Wait until the event is due: its start was delayed by the publisher's clock."""
        if delay := delay_until(event.deliver_at, workflow.now()):
            await workflow.sleep(delay, summary="until the event is due")
        if workflow.cancellation_reason() is not None:
            raise asyncio.CancelledError

    async def fan_out(self, event: EventInput) -> FanOut:
        """Start the deliveries: a few within this workflow task, many or costly ones apart."""
        if event.deliver_at:
            # The result of a local activity is stored with the workflow task that it ran in. If a
            # cancellation comes in meanwhile, Temporal runs that task again. So it must not be the
            # same task in which we saw that nobody had cancelled the event.
            await workflow.sleep(OWN_TASK_DELAY, summary="a workflow task of its own")
        started = workflow.info().workflow_start_time
        event = event.model_copy(update={"created_at": event.created_at or started})
        accepted_at = max(started, event.deliver_at or started)
        done = await workflow.execute_local_activity_method(
            FanOutActivities.fan_out,
            FanOutInput(event=event, accepted_at=accepted_at),
            start_to_close_timeout=LOCAL_FAN_OUT_TIMEOUT,
            summary="start the deliveries",
        )
        while not done.complete:
            done = await workflow.execute_activity_method(
                FanOutActivities.fan_out_rest,
                FanOutInput(event=event, accepted_at=accepted_at, done=done, in_parts=True),
                start_to_close_timeout=FAN_OUT_TIMEOUT,
                heartbeat_timeout=MISSED_HEARTBEAT,
                retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=10)),
                summary=f"start the others: {len(done.endpoint_ids)} deliveries are started",
            )
        return done


def _checked(argument: RawValue) -> EventInput:
    try:
        event: EventInput = workflow.payload_converter().from_payload(argument.payload, EventInput)
    except ValidationError as error:
        raise _no_event(f"not an event: {described_faults(error)}") from None
    except CodecError as error:
        raise _unreadable(error) from None
    except Exception as error:  # noqa: BLE001
        # It is not JSON, or our converter does not know it: the sender must learn of it.
        raise _no_event(f"not an event: {error}") from None
    try:
        delay_until(event.deliver_at, workflow.now())
    except ValueError as error:
        raise _no_event(f"deliver_at: {error}") from None
    expected = event_workflow_id(event.tenant_id, event.id)
    if workflow.info().workflow_id != expected:
        raise _no_event(f"the workflow id must be {expected}, or the event could be accepted twice")
    return event


def _unreadable(error: CodecError) -> ApplicationError:
    """Return the failure of an event under another key, and let operators list it.

    The fault is the publisher's or ours, and no receiver hears of the event.
    """
    workflow.upsert_search_attributes([DELIVERY_STATE.value_set(UNREADABLE_STATE)])
    workflow.logger.warning("the event cannot be read: %s", error)
    return ApplicationError(
        f"the event cannot be read: {error}. Publish with the keys of the API"
        " (HOOKWRIGHT_ENCRYPTION_KEYS)",
        type=ErrorType.UNREADABLE,
        non_retryable=True,
    )


def _no_event(reason: str) -> ApplicationError:
    return ApplicationError(reason, type=ErrorType.INVALID_EVENT, non_retryable=True)
