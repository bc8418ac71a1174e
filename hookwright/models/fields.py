"""Field types that several models share, with their limits."""

import json
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue

from hookwright.contracts import check_headers
from hookwright.expressions import check_expression
from hookwright.ids import Channel

MAX_METADATA_BYTES = 4096
MAX_CHANNELS = 10


def _check_metadata(metadata: dict[str, str]) -> dict[str, str]:
    if sum(len(key.encode()) + len(value.encode()) for key, value in metadata.items()) > (
        MAX_METADATA_BYTES
    ):
        raise ValueError(f"metadata holds at most {MAX_METADATA_BYTES} bytes")
    return metadata


def _check_finite(value: JsonValue) -> JsonValue:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        raise ValueError("a number beyond a double (1e999) or NaN; send it as a string") from None
    return value


def _check_any_headers(headers: dict[str, str]) -> dict[str, str]:
    return check_headers(headers, reserved=())


CustomHeaders = Annotated[dict[str, str], AfterValidator(_check_any_headers)]
EventData = Annotated[JsonValue, AfterValidator(_check_finite)]
Metadata = Annotated[dict[str, str], AfterValidator(_check_metadata)]
Expression = Annotated[str, AfterValidator(check_expression)]
EventTypeChecks = Literal["off", "warn", "enforce"]
"""What a publish does with data that does not fit its type's schema: accept, warn or refuse it."""

OrderingKey = Annotated[str, Field(min_length=1, max_length=128)]

Channels = Annotated[list[Channel], Field(max_length=MAX_CHANNELS)]
