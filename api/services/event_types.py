"""The service of event types: the catalogue, and the checks of events by it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cachetools import TTLCache
from pydantic import JsonValue
from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy

from api.http import Cursors, Fault, Page, conflict, invalid, invalid_faults, not_found
from api.services.temporal import UPDATE_TIMEOUT, deadline, describe, updating
from hookwright.catalogue import CatalogueEntry, CatalogueState, EventTypeFields, schema_faults
from hookwright.contracts import Contract, Contracts, UnknownContractError
from hookwright.ids import EVENT_TYPES_WORKFLOW_ID
from hookwright.models import EventInput, EventTypeChecks
from workflows.event_types import (
    EventTypeDeleteUpdate,
    EventTypePutResult,
    EventTypePutUpdate,
    EventTypes,
)

KNOWN_SECONDS = 5.0
"""How old the copy of the catalogue may be by which events are checked."""

Catalogue = Mapping[str, CatalogueEntry]


TEST_DATA: JsonValue = {"test": True}
"""The data of a test event whose type has no example."""


@dataclass(frozen=True)
class KnownEventType:
    """An event type: the catalogue's entry, if it has one, and the contracts that name it.

    The description is the catalogue's or else a contract's.
    """

    name: str
    description: str
    entry: CatalogueEntry | None
    contracts: list[str]


@dataclass(frozen=True)
class EventTypeService:
    """Reads and changes the catalogue, and checks events by it."""

    client: Client
    task_queue: str
    contracts: Contracts
    cursors: Cursors
    _recent: TTLCache[None, Catalogue] = field(
        default_factory=lambda: TTLCache(1, KNOWN_SECONDS), init=False
    )

    async def page(
        self, limit: int, cursor: str | None, contract: str | None = None
    ) -> Page[KnownEventType]:
        """Return a page of all event types by name, those of contracts included.

        With a contract, only its types are there (`of_contract`).

        Raises:
            Problem: 422, there is no such contract.
        """
        known = await (self.of_contract(contract) if contract else self._all())
        scope = f"event types of {contract}" if contract else "event types"
        after = self.cursors.read(scope, cursor).decode()
        later = [each for each in known if each.name > after]
        shown = later[:limit]
        position = shown[-1].name.encode() if len(later) > limit else b""
        return Page(data=shown, next_cursor=self.cursors.write(scope, position))

    async def of_contract(self, name: str) -> list[KnownEventType]:
        """Return the event types that a contract may send, by name.

        These are the types of its table or, if it has none, those of the catalogue that match its
        pattern.

        Raises:
            Problem: 422, there is no such contract.
        """
        contract = self._contract(name)
        catalogue = await self._catalogue()
        names = contract.event_types or filter(contract.has_type, catalogue)
        return [self._known(each, catalogue, contract) for each in sorted(names)]

    async def get(self, name: str, contract: str | None = None) -> KnownEventType:
        """Return an event type; with a contract, only if it is one of its types.

        Raises:
            Problem: 404; 422, there is no such contract.
        """
        chosen = self._contract(contract) if contract else None
        found = self._known(name, await self._catalogue(), chosen)
        is_known = found.entry or found.contracts
        if not is_known or (chosen and not chosen.has_type(name)):
            raise not_found("event type")
        return found

    async def test_data(self, event_type: str) -> JsonValue:
        """Return the data of a test event: the example of its type, or TEST_DATA without one."""
        entry = (await self._catalogue()).get(event_type)
        return TEST_DATA if entry is None or entry.example is None else entry.example

    async def put(self, name: str, fields: EventTypeFields) -> tuple[KnownEventType, bool]:
        """Enter or change an event type; return it, and whether it is new to the catalogue.

        Raises:
            Problem: 409 the catalogue is full.
        """
        start = WithStartWorkflowOperation(
            EventTypes.run,
            CatalogueState(),
            id=EVENT_TYPES_WORKFLOW_ID,
            task_queue=self.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )
        # An update waits long for a worker; this call fails soon if Temporal itself is away.
        await describe(self.client, EVENT_TYPES_WORKFLOW_ID)
        try:
            async with updating("event type", start):
                kept: EventTypePutResult = await self.client.execute_update_with_start_workflow(
                    EventTypes.put,
                    EventTypePutUpdate(name=name, fields=fields, not_after=deadline()),
                    start_workflow_operation=start,
                    rpc_timeout=UPDATE_TIMEOUT,
                )
        finally:
            self._recent.clear()
        return self._known(name, {name: kept.entry}), kept.created

    async def delete(self, name: str) -> None:
        """Remove an event type from the catalogue.

        Raises:
            Problem: 404; 409 it belongs to a contract.
        """
        found = await self.get(name)
        if not found.entry:
            names = ", ".join(found.contracts)
            raise conflict(f"it stands in the contract {names}, not in the catalogue")
        handle = self.client.get_workflow_handle(EVENT_TYPES_WORKFLOW_ID)
        try:
            async with updating("event type"):
                await handle.execute_update(
                    EventTypes.delete,
                    EventTypeDeleteUpdate(name=name, not_after=deadline()),
                    rpc_timeout=UPDATE_TIMEOUT,
                )
        finally:
            self._recent.clear()

    async def check(
        self, event: EventInput, checks: EventTypeChecks, contract: Contract
    ) -> list[str]:
        """Return what is wrong with an event by the catalogue, as warnings.

        Raises:
            Problem: 422, if the tenant enforces the checks.
        """
        if checks == "off":
            return []
        recent = self._recent.get(None)
        catalogue = await self._catalogue() if recent is None else recent
        entry = catalogue.get(event.type)
        faults = _faults(event, entry, known=event.type in contract.event_types)
        if faults and checks == "enforce":
            raise invalid_faults(faults)
        deprecated = [f"type: {event.type} is deprecated"] if entry and entry.deprecated else []
        return deprecated + [f"{'.'.join(map(str, it.loc[1:]))}: {it.msg}" for it in faults]

    async def _catalogue(self) -> Catalogue:
        description = await describe(self.client, EVENT_TYPES_WORKFLOW_ID)
        memo = await description.memo() if description else {}
        # A deleted entry leaves a null: it is encrypted, so the server does not see that it is one.
        entries = ((name, entry) for name, entry in memo.items() if entry is not None)
        found = {name: CatalogueEntry.model_validate(entry) for name, entry in entries}
        self._recent[None] = found
        return found

    async def _all(self) -> list[KnownEventType]:
        catalogue = await self._catalogue()
        of_contracts = (name for each in self.contracts.values() for name in each.event_types)
        return [self._known(name, catalogue) for name in sorted({*catalogue, *of_contracts})]

    def _contract(self, name: str) -> Contract:
        try:
            return self.contracts.named(name)
        except UnknownContractError as error:
            raise invalid(("query", "contract"), str(error)) from None

    def _known(
        self, name: str, catalogue: Catalogue, contract: Contract | None = None
    ) -> KnownEventType:
        """Return an event type, described by the catalogue, by this contract, or by any."""
        entry = catalogue.get(name)
        naming = [each for each in self.contracts.values() if name in each.event_types]
        first = [contract] if contract in naming else []
        descriptions = (each.event_types[name] for each in (*first, *naming) if each)
        return KnownEventType(
            name=name,
            description=entry.description if entry else next(descriptions, ""),
            entry=entry,
            contracts=[each.name for each in naming],
        )


def _faults(event: EventInput, entry: CatalogueEntry | None, *, known: bool) -> list[Fault]:
    if entry is None:
        unknown = f"{event.type} is not in the catalogue of event types"
        return [] if known else [Fault(loc=["body", "type"], msg=unknown)]
    if entry.json_schema is None:
        return []
    return [
        Fault(loc=["body", "data", *fault.path], msg=f"{fault.json_path}: {fault.message}")
        for fault in schema_faults(entry.json_schema, event.data)
    ]
