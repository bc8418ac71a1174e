"""The service of endpoints: register, read, change, test, delete."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ValidationError
from temporalio.client import Client, WithStartWorkflowOperation, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy

from api.acting import asking
from api.http import Cursors, Page, Problem, invalid, invalid_model, not_found
from api.services.endpoint_checks import (
    PemPair,
    check_size,
    checked_config,
    checked_identity,
    chosen_contract,
    or_invalid,
    testing,
)
from api.services.new_endpoint import NewEndpoint, SecretRotation
from api.services.temporal import UPDATE_TIMEOUT, deadline, describe, updating
from api.services.tenants import TenantService
from hookwright.contracts import Contract, Contracts, check_headers
from hookwright.ids import endpoint_test_workflow_id, endpoint_workflow_id, new_endpoint_id
from hookwright.models import (
    LONGEST_ATTEMPT,
    Attempt,
    EndpointConfig,
    EndpointDeleteUpdate,
    EndpointState,
    EndpointTestInput,
    EventInput,
)
from hookwright.security import DestinationPolicy
from hookwright.temporal import (
    Update,
    endpoint_of,
    endpoint_search_attributes,
    fair_share,
    have_rules_read,
)
from hookwright.webhook import next_secret, secret_for
from workflows.endpoint import Endpoint
from workflows.endpoint_messages import (
    EndpointChangeUpdate,
    EndpointCreateUpdate,
    EndpointSwitchUpdate,
    SecretRotateUpdate,
)
from workflows.endpoint_test import EndpointTest


@dataclass(frozen=True)
class EndpointService:
    """Reads and changes endpoints."""

    client: Client
    task_queue: str
    deliveries_queue: str
    destinations: DestinationPolicy
    contracts: Contracts
    tenants: TenantService
    cursors: Cursors

    async def create(self, tenant_id: str, new: NewEndpoint) -> EndpointState:
        """Register an endpoint; every event published after this returns is matched with it.

        Raises:
            Problem: 404 no such tenant; 409 the idempotency key stands for another endpoint, or the
                tenant has as many as it may; 422 what the contract does not allow.
        """
        try:
            request = await self._creation(tenant_id, new)
        except Problem as refusal:
            if refusal.status_code == HTTPStatus.NOT_FOUND or not new.endpoint_id:
                raise
            # A repeat gets the first answer, even if it would be refused today.
            known = await self._find(tenant_id, new.endpoint_id)
            if known and known.created_by == new.digest():
                return known
            raise
        endpoint_id = new.endpoint_id or new_endpoint_id()
        new_state = EndpointState(tenant_id=tenant_id, endpoint_id=endpoint_id)
        start = WithStartWorkflowOperation(
            Endpoint.run,
            new_state,
            id=endpoint_workflow_id(tenant_id, endpoint_id),
            task_queue=self.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            priority=fair_share(tenant_id),
            search_attributes=endpoint_search_attributes(new_state, datetime.now(UTC)),
        )
        async with updating("new endpoint", start):
            return await self.client.execute_update_with_start_workflow(
                Endpoint.create,
                request,
                start_workflow_operation=start,
                rpc_timeout=UPDATE_TIMEOUT,
            )

    async def _creation(self, tenant_id: str, new: NewEndpoint) -> EndpointCreateUpdate:
        """Return the checked request for a new endpoint, or raise as `create` does."""
        tenant = await self.tenants.get(tenant_id)
        await self.tenants.check_quota(tenant_id, new.max_endpoints)
        contract = chosen_contract(self.contracts, new.config.contract or tenant.contract)
        named = new.config.model_copy(update={"contract": contract.name})
        config = self._checked(named, contract)
        request = EndpointCreateUpdate(
            config=config,
            secret=or_invalid("secret", secret_for, contract, new.secret),
            digest=new.digest(),
            paused=new.paused,
            not_after=deadline(),
            **asking(),
            headers=or_invalid("headers", check_headers, new.headers, contract.reserved_headers),
            client_identity=checked_identity(new.client),
        )
        check_size(config, request.headers, request.client_identity)
        return request

    async def get(self, tenant_id: str, endpoint_id: str) -> EndpointState:
        """Return an endpoint, as it is now.

        Raises:
            Problem: 404.
        """
        endpoint = await self._find(tenant_id, endpoint_id)
        if endpoint is None:
            raise not_found("endpoint")
        return endpoint

    async def page(self, tenant_id: str, limit: int, cursor: str | None) -> Page[EndpointState]:
        """Return a page of a tenant's endpoints, oldest first.

        Raises:
            Problem: 404 no such tenant.
        """
        scope = f"endpoints of {tenant_id}"
        index, _, last = self.cursors.read(scope, cursor).decode().partition(" ")
        ids = [route.endpoint_id for route in await self.tenants.routes(tenant_id)]
        # The last endpoint shown may be deleted by now: then the next one has taken its index.
        first = ids.index(last) + 1 if last in ids else int(index or 0)
        wanted = ids[first : first + limit]
        found = await asyncio.gather(*(self._find(tenant_id, each) for each in wanted))
        last_index = first + len(wanted) - 1
        position = f"{last_index} {wanted[-1]}".encode() if last_index + 1 < len(ids) else b""
        return Page(
            data=[endpoint for endpoint in found if endpoint],
            next_cursor=self.cursors.write(scope, position),
        )

    async def change(
        self,
        tenant_id: str,
        endpoint_id: str,
        changes: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
        client: PemPair | None = None,
    ) -> EndpointState:
        """Set the given fields; the very next attempt uses them. Headers replace all earlier ones.

        A `client` of two None takes the client certificate and key away.

        Raises:
            Problem: 404, or 422 as at creation.
        """
        state = await self.get(tenant_id, endpoint_id)
        current = state.active_config
        contract = chosen_contract(self.contracts, current.contract)
        try:
            changed = EndpointConfig.model_validate({**current.model_dump(), **changes})
        except ValidationError as error:
            raise invalid_model(error, "body") from None
        if changed.contract != current.contract:
            raise invalid(("body", "contract"), "it stays; register another endpoint instead")
        config = self._checked(changed, contract)
        checked = config.model_dump(mode="json")
        if headers is not None:
            headers = or_invalid("headers", check_headers, headers, contract.reserved_headers)
        change = EndpointChangeUpdate(
            fields={each: checked[each] for each in changes},
            headers=headers,
            client_identity=checked_identity(client) if client else None,
            no_client_identity=client == (None, None),
            not_after=deadline(),
            **asking(),
        )
        check_size(
            config,
            state.headers if headers is None else headers,
            change.identity(state.client_identity),
        )
        after = await self._update(tenant_id, endpoint_id, Update.CHANGE, change)
        await have_rules_read(self.client, tenant_id, endpoint_id)
        return after

    async def rotate(
        self, tenant_id: str, endpoint_id: str, wanted: SecretRotation
    ) -> EndpointState:
        """Replace the secret; the old one signs too for a while, or alone with `previous`.

        Raises:
            Problem: 404; 422 the contract does not allow this secret.
        """
        state = await self.get(tenant_id, endpoint_id)
        contract = chosen_contract(self.contracts, state.active_config.contract)
        current = state.secrets[0].value
        rotation = SecretRotateUpdate(
            secret=or_invalid("secret", next_secret, contract, current, wanted.secret),
            grace_period_seconds=wanted.grace_period_seconds,
            sign_with=wanted.sign_with,
            not_after=deadline(),
            **asking(),
        )
        return await self._update(tenant_id, endpoint_id, Update.ROTATE, rotation)

    async def pause(self, tenant_id: str, endpoint_id: str) -> EndpointState:
        """Hold an endpoint's deliveries.

        Raises:
            Problem: 404.
        """
        return await self._switch(tenant_id, endpoint_id, Update.PAUSE)

    async def resume(self, tenant_id: str, endpoint_id: str) -> EndpointState:
        """Deliver again, and release what was held.

        Raises:
            Problem: 404.
        """
        return await self._switch(tenant_id, endpoint_id, Update.RESUME)

    async def delete(self, tenant_id: str, endpoint_id: str) -> None:
        """Delete an endpoint; what waits for it is cancelled.

        Raises:
            Problem: 404.
        """
        await self.get(tenant_id, endpoint_id)
        async with updating("endpoint"):
            await self._handle(tenant_id, endpoint_id).execute_update(
                Endpoint.delete, EndpointDeleteUpdate(**asking()), rpc_timeout=UPDATE_TIMEOUT
            )

    async def send_test(self, tenant_id: str, endpoint_id: str, event: EventInput) -> Attempt:
        """Send one test event now, and return what came of it.

        Raises:
            Problem: 404; 503 no worker sent it in time, or too many tests are under way.
        """
        await self.get(tenant_id, endpoint_id)
        async with testing():
            return await self.client.execute_workflow(
                EndpointTest.run,
                EndpointTestInput(event=event, endpoint_id=endpoint_id),
                id=endpoint_test_workflow_id(tenant_id, endpoint_id, event.id),
                task_queue=self.deliveries_queue,
                execution_timeout=LONGEST_ATTEMPT,
                priority=fair_share(tenant_id),
            )

    async def _switch(self, tenant_id: str, endpoint_id: str, update: Update) -> EndpointState:
        await self.get(tenant_id, endpoint_id)
        request = EndpointSwitchUpdate(not_after=deadline(), **asking())
        return await self._update(tenant_id, endpoint_id, update, request)

    async def _update(
        self, tenant_id: str, endpoint_id: str, update: Update, request: BaseModel
    ) -> EndpointState:
        after: EndpointState
        async with updating("endpoint"):
            after = await self._handle(tenant_id, endpoint_id).execute_update(
                update, request, result_type=EndpointState, rpc_timeout=UPDATE_TIMEOUT
            )
        return after

    def _handle(self, tenant_id: str, endpoint_id: str) -> WorkflowHandle[Endpoint, None]:
        return self.client.get_workflow_handle_for(
            Endpoint.run, endpoint_workflow_id(tenant_id, endpoint_id)
        )

    def _checked(self, config: EndpointConfig, contract: Contract) -> EndpointConfig:
        url = or_invalid("url", self.destinations.check_url, config.url)
        return checked_config(config.model_copy(update={"url": url}), contract)

    async def _find(self, tenant_id: str, endpoint_id: str) -> EndpointState | None:
        workflow_id = endpoint_workflow_id(tenant_id, endpoint_id)
        return await endpoint_of(await describe(self.client, workflow_id))
