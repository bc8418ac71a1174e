"""An event, the endpoints that it is for, and the progress of its fan-out."""

from pydantic import BaseModel, ConfigDict, Field

from hookwright.ids import EventType, Name
from hookwright.models.fields import Channels, EventData, OrderingKey
from hookwright.subscription import EventTypePattern
from hookwright.times import Timestamp


class EventInput(BaseModel):
    """An event of one tenant: the argument of the `Event` workflow.

    `extra` holds the contract's fields beside the data. `endpoint_id` limits the event to one
    endpoint; `channels` limits it to endpoints that listen to one of them, or to all channels.
    `created_at` is when it happened; if a service that starts the workflow itself leaves it out,
    the start time counts. Nothing is delivered before `deliver_at`. `operational` marks a notice
    about an endpoint's health: an endpoint gets it only if it subscribes to the type by name, and
    its own delivery causes no notices. `hops` is how many webhooks led to it, of which each
    published the event of the next. Endpoints with an order deliver the events of one
    `ordering_key` in the order of acceptance, and those of different keys side by side.
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
    hops: int = Field(default=0, ge=0, exclude_if=lambda hops: hops == 0)
    ordering_key: OrderingKey | None = Field(default=None, exclude_if=lambda key: key is None)


class Route(BaseModel):
    """An endpoint's entry in the route table of its tenant: what matching an event needs.

    The filter was checked when the endpoint was saved and is not parsed here: parsing all filters
    of a table again would take seconds. What a route does not have is not stored: the table must
    fit into one memo, and most routes have neither channels nor a filter. `ordered`: the endpoint's
    deliveries take their places in its queue when an event is accepted.
    """

    endpoint_id: Name
    version: int
    event_types: list[EventTypePattern]
    channels: Channels = Field(default=[], exclude_if=lambda channels: not channels)
    filter: str | None = Field(default=None, exclude_if=lambda expression: expression is None)
    ordered: bool = Field(default=False, exclude_if=lambda ordered: not ordered)


class FanOut(BaseModel):
    """The progress of an event's fan-out: the endpoints whose delivery is started.

    `undecided` are the endpoints whose filters are still to be asked alone, because all filters
    together cost too much. It is None until that is known.
    """

    endpoint_ids: list[Name] = []
    complete: bool = False
    undecided: list[Name] | None = None


class FanOutInput(BaseModel):
    """The argument of the fan-out activities: the event, its acceptance time, and the progress.

    `in_parts`: the activity may return before the fan-out is complete, and is called again.
    """

    event: EventInput
    accepted_at: Timestamp
    done: FanOut = FanOut()
    in_parts: bool = False
