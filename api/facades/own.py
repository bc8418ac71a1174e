"""What the facades share: a tenant's endpoints of one contract, in the words of its document."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel

from api.access import OwnTenant, ServicesDependency
from api.http import BODY_ERRORS, Fault, Problem, invalid_faults, not_found, responses
from api.services import Services
from api.services.new_endpoint import NewEndpoint
from hookwright.contracts import Contract
from hookwright.ids import id_from_key, new_endpoint_id
from hookwright.models import EndpointConfig, EndpointState
from hookwright.subscription import EventTypePattern
from hookwright.times import rfc3339_seconds

PREFIX = "wh"
PAGE = 100

READS = responses(HTTPStatus.NOT_FOUND)
DELETES = responses(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
WRITES = DELETES | responses(*BODY_ERRORS)

Moment = Annotated[AwareDatetime, PlainSerializer(rfc3339_seconds, when_used="json")]
"""A time as the documents print it: whole seconds and `Z`."""

EventTypes = Annotated[list[EventTypePattern], Field(min_length=1, max_length=50)]


class Documented(BaseModel):
    """A body with the fields of a document, and no others."""

    model_config = ConfigDict(extra="forbid")


class CamelCased(Documented):
    """The same, with the names in camelCase; ours, `model_validate(..., by_name=True)`."""

    model_config = ConfigDict(alias_generator=to_camel)


@dataclass(frozen=True)
class OwnWebhooks:
    """A tenant's endpoints of one contract. `words` are the document's names of our fields."""

    services: Services
    tenant_id: str
    contract: Contract
    words: Mapping[str, str]

    async def create(
        self,
        endpoint_id: str,
        *,
        secret: str | None = None,
        paused: bool = False,
        **fields: Any,  # noqa: ANN401
    ) -> EndpointState:
        """Register an endpoint under this contract, whatever contract the tenant has.

        Raises:
            Problem: as for the native route.
        """
        config = EndpointConfig(contract=self.contract.name, **fields)
        with self._in_its_words():
            return await self.services.endpoints.create(
                self.tenant_id,
                NewEndpoint(config, secret, endpoint_id=endpoint_id, paused=paused),
            )

    async def all(self) -> list[EndpointState]:
        """Return all of them, oldest first: no document has pages of webhooks.

        Raises:
            Problem: 404 no such tenant.
        """
        found: list[EndpointState] = []
        cursor = None
        while True:
            page = await self.services.endpoints.page(self.tenant_id, PAGE, cursor)
            found += filter(self._is_own, page.data)
            cursor = page.next_cursor
            if cursor is None:
                return found

    async def get(self, endpoint_id: str) -> EndpointState:
        """Return an endpoint.

        Raises:
            Problem: 404, the same for one that is of another contract.
        """
        endpoint = await self.services.endpoints.get(self.tenant_id, endpoint_id)
        if not self._is_own(endpoint):
            raise not_found("endpoint")
        return endpoint

    async def change(self, endpoint_id: str, changes: Mapping[str, Any]) -> EndpointState:
        """Set the given fields.

        Raises:
            Problem: 404, or 422 as at creation.
        """
        await self.get(endpoint_id)
        with self._in_its_words():
            return await self.services.endpoints.change(self.tenant_id, endpoint_id, changes)

    async def enable(self, endpoint_id: str, *, enabled: bool) -> EndpointState:
        """Resume an endpoint, or pause it.

        Raises:
            Problem: 404.
        """
        endpoints = self.services.endpoints
        switch = endpoints.resume if enabled else endpoints.pause
        return await switch(self.tenant_id, endpoint_id)

    async def delete(self, endpoint_id: str) -> None:
        """Delete an endpoint.

        Raises:
            Problem: 404.
        """
        await self.get(endpoint_id)
        await self.services.endpoints.delete(self.tenant_id, endpoint_id)

    def id_for(self, idempotency_key: str | None) -> str:
        """Return the id of a new endpoint: `wh_` and hex, the same under the same key."""
        if idempotency_key is None:
            return new_endpoint_id(PREFIX)
        # With the contract's name: one key may stand for a webhook of each.
        return id_from_key(PREFIX, self.tenant_id, f"{self.contract.name} {idempotency_key}")

    def _is_own(self, endpoint: EndpointState) -> bool:
        return endpoint.active_config.contract == self.contract.name

    @contextmanager
    def _in_its_words(self) -> Iterator[None]:
        """Name faults by the fields that the caller sent."""
        try:
            yield
        except Problem as problem:
            faults = [
                Fault(loc=[self.words.get(str(part), part) for part in fault.loc], msg=fault.msg)
                for fault in problem.errors
            ]
            raise (invalid_faults(faults) if faults else problem) from None


def own_webhooks(contract: str, **words: str) -> Any:  # noqa: ANN401 - as FastAPI's Depends
    """Return the dependency of a facade's routes."""

    async def dependency(tenant_id: OwnTenant, services: ServicesDependency) -> OwnWebhooks:
        return OwnWebhooks(services, tenant_id, services.endpoints.contracts[contract], words)

    return Depends(dependency)
