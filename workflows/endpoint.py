"""`Endpoint`: one endpoint's configuration, secrets and health, until it is deleted."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RawValue

with workflow.unsafe.imports_passed_through():
    from hookwright.audit import AuditAction, AuditNote
    from hookwright.health import Reports
    from hookwright.models import EndpointDeleteUpdate, EndpointState, Secret
    from hookwright.temporal import Signal, WorkflowType
    from workflows.deadline import Deadline
    from workflows.endpoint_messages import (
        EndpointChangeUpdate,
        EndpointCreateUpdate,
        EndpointSwitchUpdate,
        SecretRotateUpdate,
    )
    from workflows.explaining import explained_update

from workflows.clearing_up import cancel_deliveries
from workflows.endpoint_duties import EndpointDuties
from workflows.endpoint_record import EndpointRecord

CREATION_TIMEOUT = timedelta(minutes=1)

MAX_SIGNALS = 1_000
"""In one run. Temporal takes 10,000, and does not count them when it suggests to continue as
new."""

SUCCESSES_SHORTEN_PAUSES = "successes-shorten-pauses"
"""Runs that an earlier version began go on without it until they continue as new: a shorter pause
begins a release that their history does not have."""

SIGNALS: dict[str, type[Reports] | type[AuditNote]] = {
    Signal.REPORT: Reports,
    Signal.NOTE: AuditNote,
}


@workflow.defn(name=WorkflowType.ENDPOINT)
class Endpoint:
    """Lives until deleted. State is carried in the argument; the memo is the copy others read."""

    @workflow.init
    def __init__(self, state: EndpointState) -> None:
        self.record = EndpointRecord(state)
        self.duties = EndpointDuties(self.record, self.closing)
        self.memo_task: asyncio.Task[None] | None = None
        self.signals = 0
        self.warned_of_signals = False
        self.renewing = False

    @workflow.run
    async def run(self, state: EndpointState) -> None:  # noqa: ARG002 - taken by __init__
        """Look after the deliveries until deleted, then cancel those that still wait."""
        self.record.explain()
        self.memo_task = asyncio.create_task(self.record.keep_memo(self.continues_as_new))
        if not await self.created():
            return
        while not self.closing():
            await self.duties.next_turn()
        await workflow.wait_condition(workflow.all_handlers_finished)
        if not self.state.deleted:
            self.record.continue_as_new()
        if not self.record.deleted_with_tenant:
            await self.clear_up()

    async def created(self) -> bool:
        """Wait for the creation, which comes with the start; return whether there was one."""
        try:
            await workflow.wait_condition(
                lambda: self.state.version > 0,
                timeout=CREATION_TIMEOUT,
                timeout_summary="end, if no creation comes with the start",
            )
        except TimeoutError:
            return False
        return True

    async def clear_up(self) -> None:
        """See that nothing is left of a deleted endpoint, for as long as that takes."""
        if self.record.in_route_table:  # or perhaps: its tenant did not answer in time
            await self.record.unregister_route(within=None)
        await cancel_deliveries(self.state.tenant_id, self.state.endpoint_id)

    def closing(self) -> bool:
        """Return whether this run ends: deleted, to be written afresh, or its history is long."""
        return (
            self.state.deleted
            or self.renewing
            or self.signals >= MAX_SIGNALS
            or workflow.info().is_continue_as_new_suggested()
        )

    def continues_as_new(self) -> bool:
        """Return whether this run is about to continue as new, which writes the memo, too."""
        idle = workflow.all_handlers_finished() and not self.duties.busy
        return self.closing() and idle and not self.state.deleted

    @property
    def state(self) -> EndpointState:
        """The endpoint's current state."""
        return self.record.state

    @workflow.signal(dynamic=True, description="Reports of workers: what became of deliveries.")
    def report(self, name: str, arguments: Sequence[RawValue]) -> None:
        """Count what became of deliveries, or note what was asked for; drop any other signal.

        The signals are `report` with `Reports`, and `note` with an `AuditNote`. `renew` has the
        endpoint continue as new, which writes everything under the current encryption key.

        It is dynamic so that nothing is left to the SDK, which keeps unknown signals for ever, and
        writes a stack trace for each that it cannot decode. A few thousand of those in one workflow
        task took longer than a task may, and the endpoint never answered again.
        """
        self.signals += 1
        if name == Signal.RENEW:
            self.renewing = True
            return
        model = SIGNALS.get(name)
        found = _read(model, arguments) if model else None
        if found is None:
            self.warn_of_signal(name)
        elif not self.state.version or self.state.deleted:
            return
        elif isinstance(found, AuditNote):
            self.record.note(found)
        else:
            health = self.record.health
            health.take(found, workflow.now())
            if health.queue.pauses and workflow.patched(SUCCESSES_SHORTEN_PAUSES):
                health.queue.succeeded(found.successes)
            self.record.publish()

    def warn_of_signal(self, name: str) -> None:
        """Log, once in a run, that there are signals which are none of ours."""
        if not self.warned_of_signals:
            workflow.logger.warning("signal %.64r dropped, and so are all that are not ours", name)
        self.warned_of_signals = True

    @explained_update
    async def create(self, request: EndpointCreateUpdate) -> EndpointState:
        """Create the endpoint; a repeat of the same request gets the same answer.

        Raises:
            ApplicationError: the id stands for another request, or the tenant is gone.
        """
        async with self.record.lock:
            self.record.refuse_creation()
            if self.state.version:
                self.record.refuse_another_creation(request)
                return self.state.public()
            self.record.health.created(workflow.now(), paused=request.paused, by=request.by)
            return await self.record.apply(
                config=request.config,
                secrets=[Secret(value=request.secret, created_at=workflow.now())],
                headers=request.headers,
                client_identity=request.client_identity,
                created_by=request.digest,
                asked=request,
                action=AuditAction.CREATED,
            )

    @explained_update
    async def change(self, change: EndpointChangeUpdate) -> EndpointState:
        """Set the given fields of the configuration; the very next attempt uses them."""
        async with self.record.lock:
            self.record.refuse_when_deleted()
            headers = self.state.headers if change.headers is None else change.headers
            self.record.health.probe_soon(workflow.now())
            return await self.record.apply(
                config=self.record.changed_config(change),
                headers=headers,
                client_identity=change.identity(self.state.client_identity),
                asked=change,
                action=AuditAction.CHANGED,
            )

    @explained_update
    async def rotate(self, request: SecretRotateUpdate) -> EndpointState:
        """Replace the secret; until the grace period ends, the older ones sign too, or alone."""
        async with self.record.lock:
            self.record.refuse_when_deleted()
            grace = timedelta(seconds=request.grace_period_seconds)
            return await self.record.apply(
                request,
                AuditAction.SECRET_ROTATED,
                secrets=self.state.rotated(
                    request.secret, grace, workflow.now(), request.sign_with
                ),
            )

    @explained_update
    async def pause(self, request: EndpointSwitchUpdate) -> EndpointState:
        """Hold all deliveries until somebody resumes them."""
        async with self.record.lock:
            self.record.refuse_when_deleted()
            pauses = self.record.health.pause(workflow.now(), request.by)
            return await self.record.apply(request, AuditAction.PAUSED if pauses else None)

    @explained_update
    async def resume(self, request: EndpointSwitchUpdate) -> EndpointState:
        """Deliver again, a disabled endpoint too, and release what was held."""
        async with self.record.lock:
            self.record.refuse_when_deleted()
            resumes = self.record.health.resume(workflow.now(), request.by)
            return await self.record.apply(request, AuditAction.RESUMED if resumes else None)

    @explained_update
    async def delete(self, request: EndpointDeleteUpdate | None = None) -> None:
        """Delete the endpoint: no event is matched once this returns.

        A first attempt that is about to begin may still be made, for as long as workers trust their
        snapshot of the endpoint (`activities.endpoint_snapshots.MAX_AGE_SECONDS`).

        Raises:
            ApplicationError: the tenant did not answer; the endpoint is deleted all the same.
        """
        asked = request or EndpointDeleteUpdate()
        async with self.record.lock:
            await self.record.delete(asked, with_tenant=asked.with_tenant)

    @create.validator
    def refuse_create(self, request: EndpointCreateUpdate) -> None:
        """Refuse to create a deleted endpoint again under its id."""
        request.refuse_when_late(workflow.now())
        self.record.refuse_creation()

    @change.validator
    def refuse_change(self, change: EndpointChangeUpdate) -> None:
        """Refuse a change of a deleted endpoint, and one that is not valid."""
        self._refuse(change)
        self.record.changed_config(change)

    @pause.validator
    def refuse_pause(self, request: EndpointSwitchUpdate) -> None:
        """Refuse to pause a deleted endpoint."""
        self._refuse(request)

    @resume.validator
    def refuse_resume(self, request: EndpointSwitchUpdate) -> None:
        """Refuse to resume a deleted endpoint."""
        self._refuse(request)

    @rotate.validator
    def refuse_rotate(self, request: SecretRotateUpdate) -> None:
        """Refuse a new secret for a deleted endpoint."""
        self._refuse(request)

    def _refuse(self, request: Deadline) -> None:
        request.refuse_when_late(workflow.now())
        self.record.refuse_unless_created()


def _read(
    model: type[Reports] | type[AuditNote], arguments: Sequence[RawValue]
) -> Reports | AuditNote | None:
    """Return what a signal carries, or None if it did not come from Hookwright."""
    try:
        [argument] = arguments
        return model.model_validate_json(argument.payload.data)
    except ValueError:  # pydantic's errors are ValueErrors, too
        return None
