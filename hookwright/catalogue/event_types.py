"""The catalogue of event types: what each means, and what its data looks like."""

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, model_validator

from hookwright.catalogue.json_schemas import Schema, check_schema, schema_faults
from hookwright.ids import EventType
from hookwright.models import EventData
from hookwright.sizes import MAX_ENTRY_BYTES
from hookwright.times import Timestamp


def _check_given(schema: Schema | None) -> Schema | None:
    return None if schema is None else check_schema(schema)


class EventTypeFields(BaseModel):
    """What the catalogue keeps of an event type. It was checked when it was entered."""

    description: str = ""
    json_schema: Schema | None = None
    example: JsonValue = None
    deprecated: bool = False


class EventTypeConfig(EventTypeFields):
    """What an operator says of an event type. `json_schema` is what its data must fit."""

    model_config = ConfigDict(extra="forbid")

    description: str = Field(default="", max_length=1024)
    json_schema: Annotated[Schema | None, AfterValidator(_check_given)] = None
    example: EventData = None

    @model_validator(mode="after")
    def _is_of_a_size(self) -> Self:
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
    """All that the `EventTypes` workflow carries. Its memo has one entry a type, by name."""

    entries: dict[EventType, CatalogueEntry] = {}

    def size_with(self, name: str, fields: EventTypeFields) -> int:
        """Return how many bytes the catalogue would have with this type."""
        others = [entry for entry in self.entries.values() if entry.name != name]
        return sum(len(each.model_dump_json().encode()) for each in [*others, fields])
