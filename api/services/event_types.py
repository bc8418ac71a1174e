"""The service of event types: the catalogue, and the checks of events by it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cachetools import TTLCache
from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy

from api.http import Cursors, Fault, Page, conflict, invalid_faults, not_found
from api.services.temporal import UPDATE_TIMEOUT, deadline, describe, updating
from hookwright.catalogue import CatalogueEntry, CatalogueState, EventTypeFields, schema_faults
from hookwright.contracts import Contract, Contracts
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


@dataclass(frozen=True)
class KnownEventType:
    """An event type: the catalogue's entry, if it has one, and the contracts that name it."""

    name: str
    entry: CatalogueEntry | None
    contracts: Mapping[str, str]


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

    async def page(self, limit: int, cursor: str | None) -> Page[KnownEventType]:
        """Return a page of all event types by name, those of contracts included."""
        catalogue = await self._catalogue()
        after = self.cursors.read("event types", cursor).decode()
        of_contracts = (name for each in self.contracts.values() for name in each.event_types)
        names = sorted(name for name in {*catalogue, *of_contracts} if name > after)
        shown = names[:limit]
        position = shown[-1].encode() if len(names) > limit else b""
        return Page(
            data=[self._known(name, catalogue) for name in shown],
            next_cursor=self.cursors.write("event types", position),
        )

    async def get(self, name: str) -> KnownEventType:
        """Return an event type.

        Raises:
            Problem: 404.
        """
        found = self._known(name, await self._catalogue())
        if not found.entry and not found.contracts:
            raise not_found("event type")
        return found

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
            async with updating("event type"):
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

    def _known(self, name: str, catalogue: Catalogue) -> KnownEventType:
        return KnownEventType(
            name,
            catalogue.get(name),
            {
                contract.name: contract.event_types[name]
                for contract in self.contracts.values()
                if name in contract.event_types
            },
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
