"""`EventTypes`: the one catalogue of event types."""

from pydantic import BaseModel
from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from hookwright.catalogue import CatalogueEntry, CatalogueState, EventTypeFields
    from hookwright.ids import EventType
    from hookwright.sizes import MAX_CATALOGUE_BYTES
    from hookwright.temporal import ErrorType, Signal, WorkflowType
    from workflows.deadline import Deadline
    from workflows.explaining import explained_update


class EventTypePutUpdate(Deadline):
    """The argument of `put`."""

    name: EventType
    fields: EventTypeFields


class EventTypeDeleteUpdate(Deadline):
    """The argument of `delete`."""

    name: EventType


class EventTypePutResult(BaseModel):
    """The answer to `put`."""

    entry: CatalogueEntry
    created: bool


@workflow.defn(name=WorkflowType.EVENT_TYPES)
class EventTypes:
    """Lives for ever. State is carried in the argument; the memo is the copy others read."""

    @workflow.init
    def __init__(self, state: CatalogueState) -> None:
        self.state = state
        self.renewing = False

    @workflow.run
    async def run(self, state: CatalogueState) -> None:  # noqa: ARG002 - taken by __init__
        """Serve updates; continue as new when the history has grown long, or to be renewed."""
        await workflow.wait_condition(
            lambda: self.renewing or workflow.info().is_continue_as_new_suggested()
        )
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(self.state, memo=dict(self.state.entries))

    @workflow.signal(name=Signal.RENEW, description="Write everything under the current key.")
    def renew(self) -> None:
        """Continue as new, which writes everything under the current encryption key."""
        self.renewing = True

    @explained_update
    async def put(self, request: EventTypePutUpdate) -> EventTypePutResult:
        """Enter or change an event type."""
        known, now = self.state.entries.get(request.name), workflow.now()
        entry = CatalogueEntry(
            **request.fields.model_dump(),
            name=request.name,
            created_at=known.created_at if known else now,
            updated_at=now,
        )
        self.state.entries[request.name] = entry
        workflow.upsert_memo({request.name: entry})
        return EventTypePutResult(entry=entry, created=known is None)

    @explained_update
    async def delete(self, request: EventTypeDeleteUpdate) -> None:
        """Remove an event type from the catalogue, if it is there."""
        if self.state.entries.pop(request.name, None):
            workflow.upsert_memo({request.name: None})

    @put.validator
    def refuse_put(self, request: EventTypePutUpdate) -> None:
        """Refuse an entry with which the catalogue would be larger than Temporal can keep."""
        request.refuse_when_late(workflow.now())
        if self.state.size_with(request.name, request.fields) > MAX_CATALOGUE_BYTES:
            raise ApplicationError(
                f"the catalogue has at most {MAX_CATALOGUE_BYTES} bytes; delete event types first",
                type=ErrorType.CONFLICT,
            )

    @delete.validator
    def refuse_delete(self, request: EventTypeDeleteUpdate) -> None:
        """Refuse a deletion whose caller no longer waits for it."""
        request.refuse_when_late(workflow.now())
