"""What several routes take: ids and a header, described for OpenAPI, and the time for an answer."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Path, Request


@dataclass(frozen=True)
class DeliveryKey:
    """The two parts of a delivery's id: a delivery brings one event to one endpoint."""

    endpoint_id: str
    event_id: str


@dataclass(frozen=True)
class RecoveryKey:
    """The two parts of a recovery's id: its endpoint, and the run of the endpoint's recovery."""

    endpoint_id: str
    run_id: str


async def _delivery_key(
    delivery_id: Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}:[A-Za-z0-9_-]{1,64}$")],
) -> DeliveryKey:
    return DeliveryKey(*delivery_id.split(":"))


async def _recovery_key(
    recovery_id: Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}:[0-9a-f-]{36}$")],
) -> RecoveryKey:
    return RecoveryKey(*recovery_id.split(":"))


async def _answer_by(request: Request) -> float:
    found: float = request.state.answer_by
    return found


AnswerBy = Annotated[float, Depends(_answer_by)]
"""Until when a publish must be answered, in the event loop's time."""

DeliveryIdDependency = Annotated[DeliveryKey, Depends(_delivery_key)]
RecoveryIdDependency = Annotated[RecoveryKey, Depends(_recovery_key)]

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        description="A request that is repeated with the same key creates nothing new. It takes"
        " the place of an `id` in the body.",
    ),
]
