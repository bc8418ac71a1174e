"""What all facades use: a tenant's endpoints of one contract, with the field names of its document.

A webhook is what a contract's document calls an endpoint.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, PlainSerializer
from pydantic.alias_generators import to_camel

from api.access import CallerDependency, CallerTenantId, ServicesDependency
from api.http import BODY_ERRORS, Fault, Problem, invalid_faults, not_found, responses
from api.services import Services
from api.services.endpoint_checks import or_invalid
from api.services.new_endpoint import NewEndpoint, SecretRotation
from hookwright.contracts import Contract
from hookwright.ids import id_from_key, new_endpoint_id, new_event_id
from hookwright.models import Attempt, EndpointConfig, EndpointState, EventInput
from hookwright.subscription import EventTypePattern
from hookwright.times import rfc3339_seconds
from hookwright.webhook import next_secret

ID_PREFIX = "wh"
PAGE_SIZE = 100

READS = responses(HTTPStatus.NOT_FOUND)
DELETES = responses(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
WRITES = DELETES | responses(*BODY_ERRORS)

Moment = Annotated[AwareDatetime, PlainSerializer(rfc3339_seconds, when_used="json")]
"""A time in the form of the contracts' documents: whole seconds and `Z`."""

EventTypes = Annotated[list[EventTypePattern], Field(min_length=1, max_length=50)]


class DocumentModel(BaseModel):
    """A body that has exactly the fields of a contract's document."""

    model_config = ConfigDict(extra="forbid")


class CamelCaseModel(DocumentModel):
    """A body of a contract whose document has field names in camelCase.

    To create one with Python's names, use `model_validate(..., by_name=True)`.
    """

    model_config = ConfigDict(alias_generator=to_camel)


@dataclass(frozen=True)
class ContractWebhooks:
    """A tenant's endpoints of one contract.

    `field_names` maps the names of the native fields to those of the contract's document.
    """

    services: Services
    tenant_id: str
    contract: Contract
    field_names: Mapping[str, str]
    max_endpoints: int | None

    async def create(
        self,
        endpoint_id: str,
        *,
        secret: str | None = None,
        paused: bool = False,
        headers: Mapping[str, str] | None = None,
        **fields: Any,  # noqa: ANN401
    ) -> EndpointState:
        """Create an endpoint with this contract, whatever contract the tenant has.

        Raises:
            Problem: The same errors as those of the native route.
        """
        config = EndpointConfig(contract=self.contract.name, **fields)
        with self._document_names_in_errors():
            return await self.services.endpoints.create(
                self.tenant_id,
                NewEndpoint(
                    config,
                    secret,
                    headers or {},
                    endpoint_id,
                    paused=paused,
                    max_endpoints=self.max_endpoints,
                ),
            )

    async def all(self) -> list[EndpointState]:
        """Return all endpoints of the contract, oldest first.

        There is no page by page access, because no document has pages of webhooks.

        Raises:
            Problem: 404, there is no such tenant.
        """
        endpoints: list[EndpointState] = []
        cursor = None
        while True:
            page = await self.services.endpoints.page(self.tenant_id, PAGE_SIZE, cursor)
            endpoints += filter(self._has_contract, page.data)
            cursor = page.next_cursor
            if cursor is None:
                return endpoints

    async def get(self, endpoint_id: str) -> EndpointState:
        """Return an endpoint.

        Raises:
            Problem: 404, there is no such endpoint, or it has another contract.
        """
        endpoint = await self.services.endpoints.get(self.tenant_id, endpoint_id)
        if not self._has_contract(endpoint):
            raise not_found("endpoint")
        return endpoint

    async def change(
        self,
        endpoint_id: str,
        changes: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
        rotation: SecretRotation | None = None,
    ) -> EndpointState:
        """Change the given fields of an endpoint, its headers and its secret, and return it.

        Raises:
            Problem: 404, or 422 as in `create`.
        """
        endpoint = await self.get(endpoint_id)
        endpoints = self.services.endpoints
        with self._document_names_in_errors():
            if rotation:
                # Checked first of all, because a refused secret must leave all as it is.
                current = endpoint.secrets[0].value
                or_invalid("secret", next_secret, self.contract, current, rotation.secret)
            changed = await endpoints.change(self.tenant_id, endpoint_id, changes, headers)
            if rotation:
                changed = await endpoints.rotate(self.tenant_id, endpoint_id, rotation)
        return changed

    async def enable(self, endpoint_id: str, *, enabled: bool) -> EndpointState:
        """Resume or pause an endpoint, and return it.

        Raises:
            Problem: 404.
        """
        await self.get(endpoint_id)
        endpoints = self.services.endpoints
        switch = endpoints.resume if enabled else endpoints.pause
        return await switch(self.tenant_id, endpoint_id)

    async def send_test(
        self,
        endpoint_id: str,
        event_type: str | None,
        sample: JsonValue,
        extra: Mapping[str, JsonValue],
    ) -> tuple[str, Attempt]:
        """Send a test event now, and return its type and the attempt.

        Its data are the example of its type in the catalogue or, if there is none, `sample`. The
        default type is the first that the endpoint has subscribed to.

        Raises:
            Problem: 404; 422 the contract has no such type; 503 no worker sent it in time.
        """
        endpoint = await self.get(endpoint_id)
        known = self.contract.event_types
        wanted = (each for each in endpoint.active_config.event_types if each in known)
        chosen = event_type or next(wanted, next(iter(known)))
        if faults := self.contract.event_faults(chosen, extra):
            raise invalid_faults([Fault(loc=["body", it], msg=faults[it]) for it in faults])
        entry = (await self.services.event_types.get(chosen)).entry
        event = EventInput(
            tenant_id=self.tenant_id,
            id=new_event_id(),
            type=chosen,
            data=sample if entry is None or entry.example is None else entry.example,
            extra=dict(extra),
        )
        sent = await self.services.endpoints.send_test(self.tenant_id, endpoint_id, event)
        return chosen, sent

    async def delete(self, endpoint_id: str) -> None:
        """Delete an endpoint.

        Raises:
            Problem: 404.
        """
        await self.get(endpoint_id)
        await self.services.endpoints.delete(self.tenant_id, endpoint_id)

    def id_for(self, idempotency_key: str | None) -> str:
        """Return the id of a new endpoint: `wh_` and hex digits. The same key gives the same id."""
        if idempotency_key is None:
            return new_endpoint_id(ID_PREFIX)
        # The id also depends on the contract, so that one key can create a webhook of each.
        return id_from_key(ID_PREFIX, self.tenant_id, f"{self.contract.name} {idempotency_key}")

    def _has_contract(self, endpoint: EndpointState) -> bool:
        return endpoint.active_config.contract == self.contract.name

    @contextmanager
    def _document_names_in_errors(self) -> Iterator[None]:
        """Use the document's field names, which the caller has sent, in the faults of errors."""
        try:
            yield
        except Problem as problem:
            faults = [
                Fault(
                    loc=[self.field_names.get(str(part), part) for part in fault.loc],
                    msg=fault.msg,
                )
                for fault in problem.errors
            ]
            raise (invalid_faults(faults) if faults else problem) from None


def contract_webhooks(contract_name: str, **field_names: str) -> Any:  # noqa: ANN401 - as FastAPI's Depends
    """Return the FastAPI dependency that gives a facade's routes the caller's webhooks."""

    async def dependency(
        tenant_id: CallerTenantId, caller: CallerDependency, services: ServicesDependency
    ) -> ContractWebhooks:
        contract = services.endpoints.contracts[contract_name]
        return ContractWebhooks(services, tenant_id, contract, field_names, caller.max_endpoints)

    return Depends(dependency)
