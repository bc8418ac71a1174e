"""The catalogue of event types: the meaning of each type, and the form of its data."""

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, model_validator

from hookwright.catalogue.json_schemas import Schema, check_schema, schema_faults
from hookwright.ids import EventType
from hookwright.models import EventData
from hookwright.sizes import MAX_ENTRY_BYTES
from hookwright.times import Timestamp


def _check_optional_schema(schema: Schema | None) -> Schema | None:
    return None if schema is None else check_schema(schema)


class EventTypeFields(BaseModel):
    """The fields of an event type in the catalogue. They were checked when they were saved."""

    description: str = ""
    json_schema: Schema | None = None
    example: JsonValue = None
    deprecated: bool = False


class EventTypeConfig(EventTypeFields):
    """An event type as an operator defines it. Its data must fit `json_schema`."""

    model_config = ConfigDict(extra="forbid")

    description: str = Field(default="", max_length=1024)
    json_schema: Annotated[Schema | None, AfterValidator(_check_optional_schema)] = None
    example: EventData = None

    @model_validator(mode="after")
    def _is_small_enough(self) -> Self:
        if len(self.model_dump_json().encode()) > MAX_ENTRY_BYTES:
            raise ValueError(f"an event type has at most {MAX_ENTRY_BYTES} bytes")
        return self

    @model_validator(mode="after")
    def _example_fits(self) -> Self:
        if self.example is not None and self.json_schema is not None:
            for fault in schema_faults(self.json_schema, self.example):
                raise ValueError(f"the example does not fit: {fault.json_path}: {fault.message}")
        return self


class CatalogueEntry(EventTypeFields):
    """An event type in the catalogue."""

    name: EventType
    created_at: Timestamp
    updated_at: Timestamp


class CatalogueState(BaseModel):
    """The whole state of the `EventTypes` workflow. Its memo has one entry for each type."""

    entries: dict[EventType, CatalogueEntry] = {}

    def size_with(self, name: str, fields: EventTypeFields) -> int:
        """Return how many bytes the catalogue would have with these fields for this type."""
        others = [entry for entry in self.entries.values() if entry.name != name]
        return sum(len(each.model_dump_json().encode()) for each in [*others, fields])
