"""`Endpoint`: one endpoint's configuration and secrets, until it is deleted."""

import asyncio
from datetime import timedelta
from typing import Any

from pydantic import BaseModel
from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.entities import Entities
    from hookwright.ids import ENDPOINT_MEMO
    from hookwright.models import EndpointConfig, EndpointState, Secret

ENTITY_TIMEOUT = timedelta(seconds=30)
SWEEP_TIMEOUT = timedelta(hours=6)
SWEEP_HEARTBEAT = timedelta(seconds=30)


class EndpointCreate(BaseModel):
    """The argument of `create`. `given` tells whether the tenant chose the secret."""

    config: EndpointConfig
    secret: str
    secret_given: bool
    headers: dict[str, str] = {}


class EndpointChange(BaseModel):
    """The argument of `change`: the fields to set, and all custom headers if they change."""

    fields: dict[str, Any]
    headers: dict[str, str] | None = None


class SecretRotate(BaseModel):
    """The argument of `rotate`: the new secret, and how long the older ones go on signing."""

    secret: str
    grace_period_seconds: float


@workflow.defn
class Endpoint:
    """Lives until deleted. State is carried in the argument; the memo is the copy others read."""

    @workflow.init
    def __init__(self, state: EndpointState) -> None:
        self.state = state
        # Handlers await the tenant's answer; without the lock two changes could reach its route
        # table in one order and this state in the other.
        self.changing = asyncio.Lock()

    @workflow.run
    async def run(self, state: EndpointState) -> None:  # noqa: ARG002 - taken by __init__
        """Serve updates until deleted, then cancel the deliveries that still wait."""
        await workflow.wait_condition(
            lambda: self.state.deleted or workflow.info().is_continue_as_new_suggested()
        )
        await workflow.wait_condition(workflow.all_handlers_finished)
        if not self.state.deleted:
            workflow.continue_as_new(self.state, memo={ENDPOINT_MEMO: self.state})
        await workflow.execute_activity_method(
            Entities.cancel_deliveries,
            args=[self.state.tenant_id, self.state.endpoint_id],
            start_to_close_timeout=SWEEP_TIMEOUT,
            heartbeat_timeout=SWEEP_HEARTBEAT,
        )

    @workflow.update
    async def create(self, request: EndpointCreate) -> EndpointState:
        """Create the endpoint; a repeat of the same request gets the same answer.

        Raises:
            ApplicationError: the id stands for another configuration, or the tenant is gone.
        """
        async with self.changing:
            if self.state.version:
                return self.repeated(request)
            self.state.secrets = [Secret(value=request.secret)]
            self.state.headers = request.headers
            await self.apply(request.config)
            return self.state

    @workflow.update
    async def change(self, change: EndpointChange) -> EndpointState:
        """Set the given fields of the configuration; the very next attempt uses them."""
        async with self.changing:
            if change.headers is not None:
                self.state.headers = change.headers
            await self.apply(self.changed(change))
            return self.state

    @workflow.update
    async def rotate(self, request: SecretRotate) -> EndpointState:
        """Sign with a new secret, and with the older ones too until the grace period ends."""
        async with self.changing:
            grace = timedelta(seconds=request.grace_period_seconds)
            self.state.secrets = self.state.rotated(request.secret, grace, workflow.now())
            await self.apply(self.state.active_config)
            return self.state

    @workflow.update
    async def delete(self) -> None:
        """Delete the endpoint: no event is matched and no attempt begun once this returns."""
        async with self.changing:
            self.state.deleted = True
            self.publish_state()
            await workflow.execute_activity_method(
                Entities.unregister_route,
                args=[self.state.tenant_id, self.state.endpoint_id],
                start_to_close_timeout=ENTITY_TIMEOUT,
            )

    @create.validator
    def refuse_create_when_deleted(self, request: EndpointCreate) -> None:  # noqa: ARG002
        """A deleted endpoint does not come back under its id."""
        self.refuse_when_deleted()

    @change.validator
    def refuse_change(self, change: EndpointChange) -> None:
        """Nor does it take a change, and no endpoint takes one that is not valid."""
        self.refuse_unless_created()
        self.changed(change)

    @rotate.validator
    def refuse_rotate_when_deleted(self, request: SecretRotate) -> None:  # noqa: ARG002
        """Nor a new secret."""
        self.refuse_unless_created()

    def refuse_when_deleted(self) -> None:
        """Raise if the endpoint was deleted."""
        if self.state.deleted:
            raise ApplicationError("this endpoint was deleted", type="deleted")

    def refuse_unless_created(self) -> None:
        """Raise if there is no endpoint to change."""
        self.refuse_when_deleted()
        if not self.state.version:
            raise ApplicationError("this endpoint was never created", type="deleted")

    def repeated(self, request: EndpointCreate) -> EndpointState:
        """Return the state, if the request is the one that created it."""
        same_secret = not request.secret_given or request.secret == self.state.secrets[0].value
        same = (request.config, request.headers) == (self.state.config, self.state.headers)
        if not (same and same_secret):
            raise ApplicationError(
                "this idempotency key was used for another endpoint", type="conflict"
            )
        return self.state

    def changed(self, change: EndpointChange) -> EndpointConfig:
        """Return the configuration with the given fields set."""
        return EndpointConfig.model_validate(
            {**self.state.active_config.model_dump(), **change.fields}
        )

    async def apply(self, config: EndpointConfig) -> None:
        """Take a new version into use: first where deliveries read it, then where events match.

        In the other order a delivery could be told of a version that it cannot find.
        """
        before = self.state.model_copy()
        now = workflow.now()
        self.state.config = config
        self.state.version += 1
        self.state.created_at = self.state.created_at or now
        self.state.updated_at = now
        self.publish_state()
        try:
            await workflow.execute_activity_method(
                Entities.register_route,
                args=[self.state.tenant_id, self.state.route()],
                start_to_close_timeout=ENTITY_TIMEOUT,
            )
        except ActivityError as error:
            self.take_back(before)
            if isinstance(error.cause, ApplicationError):
                raise ApplicationError(error.cause.message, type=error.cause.type) from error
            raise

    def take_back(self, before: EndpointState) -> None:
        """Undo a change that the tenant refused; a refused creation leaves nothing.

        The version stays, for workers may have seen it: the next change must not reuse it.
        """
        self.state.config = before.config
        self.state.updated_at = before.updated_at
        self.state.deleted = before.version == 0
        self.publish_state()

    def publish_state(self) -> None:
        """Copy the state to the memo."""
        workflow.upsert_memo({ENDPOINT_MEMO: self.state})
