"""Endpoints, as services."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowExecutionStatus,
    WorkflowHandle,
)
from temporalio.common import WorkflowIDConflictPolicy

from api.errors import invalid, invalid_model, not_found
from api.pages import Cursors, Page
from api.services.temporal import UPDATE_TIMEOUT, describe, updating
from api.services.tenants import Tenants
from hookwright.contracts import DEFAULT_CONTRACT, contracts
from hookwright.destinations import DestinationPolicy
from hookwright.ids import ENDPOINT_MEMO, endpoint_workflow_id, id_from_key, new_endpoint_id
from hookwright.models import EndpointConfig, EndpointState
from hookwright.signing import check_secret, generate_secret
from workflows.endpoint import Endpoint, EndpointCreate, SecretRotate

MAX_CONFIG_BYTES = 12_288
"""With ten live secrets an endpoint's memo stays below 16 KiB."""


@dataclass(frozen=True)
class Endpoints:
    """Reads and changes endpoints."""

    client: Client
    task_queue: str
    destinations: DestinationPolicy
    tenants: Tenants
    cursors: Cursors

    async def create(
        self,
        tenant_id: str,
        config: EndpointConfig,
        secret: str | None,
        idempotency_key: str | None,
    ) -> EndpointState:
        """Register an endpoint; every event published after this returns is matched against it.

        Raises:
            Problem: 404 no such tenant; 409 the idempotency key stands for another endpoint;
                422 a URL, secret or contract that will not do.
        """
        tenant = await self.tenants.get(tenant_id)
        config = self._checked(
            config.model_copy(update={"contract": config.contract or tenant.contract})
        )
        endpoint_id = (
            id_from_key("ep", tenant_id, idempotency_key) if idempotency_key else new_endpoint_id()
        )
        start = WithStartWorkflowOperation(
            Endpoint.run,
            EndpointState(tenant_id=tenant_id, endpoint_id=endpoint_id),
            id=endpoint_workflow_id(tenant_id, endpoint_id),
            task_queue=self.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )
        request = EndpointCreate(
            config=config,
            secret=_checked_secret(secret) if secret else generate_secret(),
            secret_given=secret is not None,
        )
        async with updating("tenant"):
            return await self.client.execute_update_with_start_workflow(
                Endpoint.create,
                request,
                start_workflow_operation=start,
                rpc_timeout=UPDATE_TIMEOUT,
            )

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
        position = self.cursors.read(scope, cursor).decode()
        ids = [route.endpoint_id for route in await self.tenants.routes(tenant_id)]
        first = ids.index(position) + 1 if position in ids else 0
        wanted = ids[first : first + limit]
        found = await asyncio.gather(*(self._find(tenant_id, each) for each in wanted))
        more = first + limit < len(ids)
        return Page(
            data=[endpoint for endpoint in found if endpoint],
            next_cursor=self.cursors.write(scope, wanted[-1].encode() if more else b""),
        )

    async def change(
        self, tenant_id: str, endpoint_id: str, changes: Mapping[str, Any]
    ) -> EndpointState:
        """Set the given fields; the very next attempt uses them.

        Raises:
            Problem: 404, or 422 as at creation.
        """
        current = await self.get(tenant_id, endpoint_id)
        try:
            changed = EndpointConfig.model_validate(
                {**current.active_config.model_dump(), **changes}
            )
        except ValidationError as error:
            raise invalid_model(error, "body") from None
        checked = self._checked(changed).model_dump(mode="json")
        async with updating("endpoint"):
            return await self._handle(tenant_id, endpoint_id).execute_update(
                Endpoint.change,
                {name: checked[name] for name in changes},
                rpc_timeout=UPDATE_TIMEOUT,
            )

    async def rotate(
        self, tenant_id: str, endpoint_id: str, grace_period_seconds: float
    ) -> EndpointState:
        """Give the endpoint a new secret of the same kind; the old one signs too for a while.

        Raises:
            Problem: 404.
        """
        current = await self.get(tenant_id, endpoint_id)
        rotation = SecretRotate(
            secret=generate_secret(like=current.secrets[0].value),
            grace_period_seconds=grace_period_seconds,
        )
        async with updating("endpoint"):
            return await self._handle(tenant_id, endpoint_id).execute_update(
                Endpoint.rotate, rotation, rpc_timeout=UPDATE_TIMEOUT
            )

    async def delete(self, tenant_id: str, endpoint_id: str) -> None:
        """Delete an endpoint; what waits for it is cancelled.

        Raises:
            Problem: 404.
        """
        await self.get(tenant_id, endpoint_id)
        async with updating("endpoint"):
            await self._handle(tenant_id, endpoint_id).execute_update(
                Endpoint.delete, rpc_timeout=UPDATE_TIMEOUT
            )

    def _handle(self, tenant_id: str, endpoint_id: str) -> WorkflowHandle[Endpoint, None]:
        return self.client.get_workflow_handle_for(
            Endpoint.run, endpoint_workflow_id(tenant_id, endpoint_id)
        )

    def _checked(self, config: EndpointConfig) -> EndpointConfig:
        contract = config.contract or DEFAULT_CONTRACT
        if contract not in contracts():
            known = ", ".join(contracts())
            raise invalid(("body", "contract"), f"no such contract; there are: {known}")
        try:
            url = self.destinations.check_url(config.url)
        except ValueError as error:
            raise invalid(("body", "url"), str(error)) from None
        checked = config.model_copy(update={"contract": contract, "url": url})
        if len(checked.model_dump_json().encode()) > MAX_CONFIG_BYTES:
            raise invalid(("body",), f"an endpoint has at most {MAX_CONFIG_BYTES} bytes")
        return checked

    async def _find(self, tenant_id: str, endpoint_id: str) -> EndpointState | None:
        description = await describe(self.client, endpoint_workflow_id(tenant_id, endpoint_id))
        if description is None or description.status is not WorkflowExecutionStatus.RUNNING:
            return None
        state = await description.memo_value(ENDPOINT_MEMO, None, type_hint=EndpointState)
        return None if state is None or state.deleted else state


def _checked_secret(secret: str) -> str:
    try:
        return check_secret(secret)
    except ValueError as error:
        raise invalid(("body", "secret"), str(error)) from None
