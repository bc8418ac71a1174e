"""The catalogue of event types, and the JSON Schemas of their data."""

from hookwright.catalogue.event_types import (
    CatalogueEntry,
    CatalogueState,
    EventTypeConfig,
    EventTypeFields,
)
from hookwright.catalogue.json_schemas import Schema, schema_faults

__all__ = [
    "CatalogueEntry",
    "CatalogueState",
    "EventTypeConfig",
    "EventTypeFields",
    "Schema",
    "schema_faults",
]
