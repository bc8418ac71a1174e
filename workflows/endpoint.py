"""`Endpoint`: one endpoint's configuration, secrets and health, until it is deleted."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from pydantic import Field
from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.entities import Entities
    from hookwright.health import Health, Reports
    from hookwright.ids import ENDPOINT_MEMO
    from hookwright.models import (
        CustomHeaders,
        EndpointConfig,
        EndpointDelete,
        EndpointState,
        Secret,
    )
    from hookwright.security import ClientIdentity

from workflows.clearing_up import cancel_deliveries
from workflows.deadline import Deadline
from workflows.endpoint_duties import Upkeep
from workflows.publishing import Publishing

CREATION_TIMEOUT = timedelta(minutes=1)

TENANT_TIMEOUT = timedelta(seconds=5)
"""For one try to change the tenant's route table; a killed worker's is made again after it."""

TENANT_ANSWERS_WITHIN = timedelta(seconds=30)
"""For all tries, while a change of the endpoint waits for them and others wait for that one. Who
asked over the API has been told 503 by then (`api.services.temporal.UPDATE_TIMEOUT`)."""

MAX_SIGNALS = 1_000
"""In one run. Temporal takes 10,000, and does not count them when it suggests to continue anew."""


class EndpointCreate(Deadline):
    """The argument of `create`. `digest` is of the caller's request: a repeat has the same."""

    config: EndpointConfig
    secret: str = Field(min_length=1, max_length=256)
    headers: CustomHeaders
    client_identity: ClientIdentity | None = None
    digest: str
    paused: bool = False


class EndpointChange(Deadline):
    """The argument of `change`: the fields to set, and all custom headers if they change.

    So too with the client identity, which is taken away with `no_client_identity`.
    """

    fields: dict[str, Any]
    headers: CustomHeaders | None = None
    client_identity: ClientIdentity | None = None
    no_client_identity: bool = False

    def identity(self, current: ClientIdentity | None) -> ClientIdentity | None:
        """Return the client identity after the change."""
        return None if self.no_client_identity else self.client_identity or current


class SecretRotate(Deadline):
    """The argument of `rotate`: the new secret, and how long the older ones go on signing."""

    secret: str = Field(min_length=1, max_length=256)
    grace_period_seconds: float = Field(ge=0, le=604_800, allow_inf_nan=False)


@workflow.defn
class Endpoint:
    """Lives until deleted. State is carried in the argument; the memo is the copy others read."""

    @workflow.init
    def __init__(self, state: EndpointState) -> None:
        self.state = state
        # Handlers await the tenant's answer; without the lock two changes could reach its route
        # table in one order and this state in the other.
        self.changing = asyncio.Lock()
        self.publishing = Publishing(self)
        self.upkeep = Upkeep(self)
        self.signals = 0
        self.dropped = False
        self.in_table = True
        self.with_tenant = False
        self.creation_failed = False

    @workflow.run
    async def run(self, state: EndpointState) -> None:  # noqa: ARG002 - taken by __init__
        """Look after the deliveries until deleted, then cancel those that still wait."""
        self.publishing.begin()
        if not await self.created():
            return
        while not self.closing():
            await self.upkeep.next_turn()
        await workflow.wait_condition(workflow.all_handlers_finished)
        if not self.state.deleted:
            workflow.continue_as_new(self.state, memo={ENDPOINT_MEMO: self.state.public()})
        if not self.with_tenant:
            await self.clear_up()

    async def clear_up(self) -> None:
        """See that nothing is left of a deleted endpoint, for as long as that takes."""
        if self.in_table:  # or perhaps: its tenant did not answer in time
            await self.unregister(within=None)
        await cancel_deliveries(self.state.tenant_id, self.state.endpoint_id)

    def passing_on(self) -> bool:
        """Tell whether this run is about to continue as new, and the memo with it."""
        idle = workflow.all_handlers_finished() and not self.upkeep.busy
        return self.closing() and idle and not self.state.deleted

    def closing(self) -> bool:
        """Tell whether this run ends: deleted, or its history has grown long."""
        return (
            self.state.deleted
            or self.signals >= MAX_SIGNALS
            or workflow.info().is_continue_as_new_suggested()
        )

    async def created(self) -> bool:
        """Wait for the creation, which comes with the start; refused, it leaves nothing to keep."""
        try:
            await workflow.wait_condition(lambda: self.state.version > 0, timeout=CREATION_TIMEOUT)
        except TimeoutError:
            return False
        return True

    @workflow.signal(dynamic=True)
    def report(self, name: str, arguments: Sequence[RawValue]) -> None:
        """Let count what became of deliveries: the signal `report` with `Reports`; drop any other.

        It is dynamic so that nothing is left to the SDK, which keeps unknown signals for ever, and
        writes a stack trace for each that it cannot decode: a few thousand in one workflow task
        took longer than a task may, and the endpoint never answered again.
        """
        self.signals += 1
        reports = _reports(arguments) if name == "report" else None
        if reports is None:
            self.drop(name)
        elif self.state.version and not self.state.deleted:
            self.health.take(reports, workflow.now())
            self.publish_state()

    def drop(self, name: str) -> None:
        """Say once in a run that there are signals that are none of ours."""
        if not self.dropped:
            workflow.logger.warning("signal %.64r dropped, and so are all that are no report", name)
        self.dropped = True

    @workflow.update
    async def create(self, request: EndpointCreate) -> EndpointState:
        """Create the endpoint; a repeat of the same request gets the same answer.

        Raises:
            ApplicationError: the id stands for another request, or the tenant is gone.
        """
        async with self.changing:
            self.refuse_creation()
            if self.state.version:
                return self.repeated(request)
            if request.paused:
                self.health.pause()
            return await self.apply(
                config=request.config,
                secrets=[Secret(value=request.secret)],
                headers=request.headers,
                client_identity=request.client_identity,
                created_by=request.digest,
            )

    @workflow.update
    async def change(self, change: EndpointChange) -> EndpointState:
        """Set the given fields of the configuration; the very next attempt uses them."""
        async with self.changing:
            self.refuse_when_deleted()
            headers = self.state.headers if change.headers is None else change.headers
            self.health.try_soon(workflow.now())
            return await self.apply(
                config=self.changed(change),
                headers=headers,
                client_identity=change.identity(self.state.client_identity),
            )

    @workflow.update
    async def rotate(self, request: SecretRotate) -> EndpointState:
        """Sign with a new secret, and with the older ones too until the grace period ends."""
        async with self.changing:
            self.refuse_when_deleted()
            grace = timedelta(seconds=request.grace_period_seconds)
            return await self.apply(
                secrets=self.state.rotated(request.secret, grace, workflow.now())
            )

    @workflow.update
    async def pause(self, request: Deadline) -> EndpointState:  # noqa: ARG002 - validated
        """Hold all deliveries until somebody resumes them."""
        async with self.changing:
            self.refuse_when_deleted()
            self.health.pause()
            return await self.apply()

    @workflow.update
    async def resume(self, request: Deadline) -> EndpointState:  # noqa: ARG002 - validated
        """Deliver again, a disabled endpoint too, and let go what was held."""
        async with self.changing:
            self.refuse_when_deleted()
            self.health.resume(workflow.now())
            return await self.apply()

    @workflow.update
    async def delete(self, request: EndpointDelete | None = None) -> None:
        """Delete the endpoint: no event is matched once this returns.

        A first attempt that is about to begin may still be made, for as long as workers trust
        their snapshot of the endpoint (`activities.endpoint_snapshots.MAX_AGE_SECONDS`).

        Raises:
            ApplicationError: the tenant has not answered; the endpoint is deleted all the same.
        """
        async with self.changing:
            self.state.deleted = True
            self.publish_state()
            if request and request.with_tenant:
                self.with_tenant = True
            elif self.in_table:
                try:
                    await self.unregister(within=TENANT_ANSWERS_WITHIN)
                except ActivityError as error:
                    raise _no_answer() from error

    @create.validator
    def refuse_create(self, request: EndpointCreate) -> None:
        """A deleted endpoint does not come back under its id."""
        request.refuse_when_late(workflow.now())
        self.refuse_creation()

    @change.validator
    def refuse_change(self, change: EndpointChange) -> None:
        """Nor does it take a change, and no endpoint takes one that is not valid."""
        change.refuse_when_late(workflow.now())
        self.refuse_unless_created()
        self.changed(change)

    @pause.validator
    def refuse_pause(self, request: Deadline) -> None:
        """Nor can it be paused."""
        request.refuse_when_late(workflow.now())
        self.refuse_unless_created()

    @resume.validator
    def refuse_resume(self, request: Deadline) -> None:
        """Nor resumed."""
        request.refuse_when_late(workflow.now())
        self.refuse_unless_created()

    @rotate.validator
    def refuse_rotate(self, request: SecretRotate) -> None:
        """Nor a new secret."""
        request.refuse_when_late(workflow.now())
        self.refuse_unless_created()

    def refuse_creation(self) -> None:
        """Raise if the endpoint was deleted, or if an earlier creation failed and is cleared up."""
        if self.creation_failed:
            raise ApplicationError("an earlier creation has failed; try again", type="late")
        self.refuse_when_deleted()

    def refuse_when_deleted(self) -> None:
        """Raise if the endpoint was deleted."""
        if self.state.deleted:
            raise ApplicationError("this endpoint was deleted", type="endpoint_deleted")

    def refuse_unless_created(self) -> None:
        """Raise if there is no endpoint to change."""
        self.refuse_when_deleted()
        if not self.state.version:
            raise ApplicationError("it was never created", type="endpoint_deleted")

    def repeated(self, request: EndpointCreate) -> EndpointState:
        """Return the state, if the request is the one that created it."""
        if request.digest != self.state.created_by:
            raise ApplicationError(
                "this idempotency key was used for another endpoint", type="conflict"
            )
        return self.state.public()

    def changed(self, change: EndpointChange) -> EndpointConfig:
        """Return the configuration with the given fields set."""
        current = self.state.active_config
        changed = EndpointConfig.model_validate({**current.model_dump(), **change.fields})
        if changed.contract != current.contract:
            raise ApplicationError("an endpoint keeps its contract", type="conflict")
        return changed

    async def apply(self, **changes: object) -> EndpointState:
        """Take a new version into use: first where deliveries read it, then where events match.

        In the other order a delivery could be told of a version that it cannot find. Health is not
        part of a version, but a new one makes it known at once: it is read afresh.
        """
        before, now = self.state, workflow.now()
        self.state = before.model_copy(
            update={
                "version": before.version + 1,
                "created_at": before.created_at or now,
                "updated_at": now,
                **changes,
            }
        )
        self.health.announced = self.health.status
        self.publish_state()
        try:
            await workflow.execute_activity_method(
                Entities.register_route,
                args=[self.state.tenant_id, self.state.route()],
                start_to_close_timeout=TENANT_TIMEOUT,
                schedule_to_close_timeout=TENANT_ANSWERS_WITHIN,
            )
        except ActivityError as error:
            self.take_back(before)
            cause = error.cause
            if isinstance(cause, ApplicationError) and cause.non_retryable:
                self.in_table = not self.creation_failed
                raise ApplicationError(cause.message, type=cause.type) from error
            # The table may have the new version, or get it yet: it must be told of the old anew.
            self.health.announced = None
            raise _no_answer() from error
        return self.state.public()

    async def unregister(self, within: timedelta | None) -> None:
        """Have the route taken out of the tenant's table.

        Raises:
            ActivityError: the tenant has not answered within this time.
        """
        await workflow.execute_activity_method(
            Entities.unregister_route,
            args=[self.state.tenant_id, self.state.endpoint_id],
            start_to_close_timeout=TENANT_TIMEOUT,
            schedule_to_close_timeout=within,
        )
        self.in_table = False

    def take_back(self, before: EndpointState) -> None:
        """Undo a change that the tenant did not take; a creation leaves nothing.

        The version stays, for workers may have seen it: the next change must not reuse it.
        """
        self.creation_failed = before.version == 0
        self.state = before.model_copy(
            update={"version": self.state.version, "deleted": self.creation_failed}
        )
        self.publish_state()

    def publish_state(self) -> None:
        """Have the state copied to the memo when this activation's handlers have run."""
        self.publishing.changed = True

    @property
    def health(self) -> Health:
        """The endpoint's health: one object, whatever version of the rest is current."""
        return self.state.health


def _no_answer() -> ApplicationError:
    return ApplicationError("the tenant has not answered; try again", type="late")


def _reports(arguments: Sequence[RawValue]) -> Reports | None:
    """Return what a signal says, or None if it is nothing that a worker of ours sends."""
    try:
        [argument] = arguments
        return Reports.model_validate_json(argument.payload.data)
    except ValueError:  # pydantic's faults are such, too
        return None
