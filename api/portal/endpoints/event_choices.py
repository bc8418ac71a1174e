"""The event types that a person may choose from, and their examples."""

from dataclasses import dataclass

from pydantic import JsonValue

from api.services import Services
from api.services.event_types import TEST_DATA
from hookwright.contracts import Contract
from hookwright.subscription import OPERATIONAL_TYPES

TEST_TYPE = "endpoint.test"

OPERATIONAL_DESCRIPTIONS = dict(
    zip(
        OPERATIONAL_TYPES,
        (
            "One of your webhooks has begun to fail. `*` does not include this type.",
            "One of your webhooks was disabled. `*` does not include this type.",
            "One of your webhooks works again. `*` does not include this type.",
            "A delivery failed at its last attempt. `*` does not include this type.",
            "A delivery waited too long and was given up. `*` does not include this type.",
        ),
        strict=True,
    )
)


@dataclass(frozen=True)
class EventChoice:
    """An event type with what it means, and an example of its data if the catalogue has one."""

    name: str
    description: str
    example: JsonValue = None
    deprecated: bool = False
    operational: bool = False


async def event_choices(services: Services, contract: Contract) -> list[EventChoice]:
    """Return the event types that endpoints of this contract can subscribe to, by name."""
    return [
        EventChoice(
            known.name,
            known.description,
            known.entry.example if known.entry else None,
            deprecated=bool(known.entry and known.entry.deprecated),
        )
        for known in await services.event_types.of_contract(contract.name)
    ]


def operational_choices() -> list[EventChoice]:
    """Return the types of notices about endpoints themselves."""
    return [
        EventChoice(name, description, operational=True)
        for name, description in OPERATIONAL_DESCRIPTIONS.items()
    ]


def example_of(choices: list[EventChoice], name: str) -> JsonValue:
    """Return the example of a type, or TEST_DATA if it has none, as the API's tests do."""
    found = next((each.example for each in choices if each.name == name), None)
    return TEST_DATA if found is None else found


def example_extra(contract: Contract) -> dict[str, JsonValue]:
    """Return values for the contract's extra fields that have no default, but for objects."""
    examples: dict[str, JsonValue] = {"boolean": False, "string": "example", "number": 1}
    return {
        name: field.choices[0] if field.choices else examples[field.type]
        for name, field in contract.extra.items()
        if field.default is None and field.type in examples
    }
