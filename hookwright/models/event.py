"""An event, whom it is for, and how far its fan-out has come."""

from pydantic import BaseModel, ConfigDict

from hookwright.ids import EventType, Name
from hookwright.models.fields import Channels, EventData
from hookwright.subscription import EventTypePattern
from hookwright.times import Timestamp


class EventInput(BaseModel):
    """One thing that happened, addressed to one tenant: the argument of the `Event` workflow.

    `extra` holds what the tenant's contract puts beside the data. `endpoint_id` narrows it to one
    endpoint, `channels` to those that listen to one of them, or to all. `created_at` is when it
    happened; a service that starts the workflow itself may leave it out, and the start counts.
    Nothing is delivered before `deliver_at`. `operational` marks what Hookwright itself tells of an
    endpoint's health: an endpoint gets it only by naming the type, and nothing is told of it.
    """

    model_config = ConfigDict(extra="forbid")

    tenant_id: Name
    id: Name
    type: EventType
    data: EventData
    extra: dict[Name, EventData] = {}
    endpoint_id: Name | None = None
    channels: Channels = []
    created_at: Timestamp | None = None
    deliver_at: Timestamp | None = None
    operational: bool = False


class Route(BaseModel):
    """What a tenant's route table knows of one endpoint: enough to match an event against it.

    Its filter was checked when it was entered; to parse all of a table again would take seconds.
    """

    endpoint_id: Name
    version: int
    event_types: list[EventTypePattern]
    channels: Channels = []
    filter: str | None = None


class FanOut(BaseModel):
    """How far an event's fan-out has come: the endpoints that have their delivery."""

    endpoint_ids: list[Name] = []
    complete: bool = False


class FanOutInput(BaseModel):
    """The argument of the fan-out activities: the event, when it was accepted, and what is done."""

    event: EventInput
    accepted_at: Timestamp
    done: FanOut = FanOut()
