"""What the routes call: typed access to the entities in Temporal."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from temporalio.client import Client

from api.config import ApiConfig
from api.http import Cursors
from api.services.deliveries import Deliveries
from api.services.endpoints import Endpoints
from api.services.erasure import Erasure
from api.services.event_types import EventTypes
from api.services.events import Events
from api.services.lists import Lists
from api.services.recoveries import Recoveries
from api.services.retries import Retries
from api.services.statistics import Statistics
from api.services.tenants import Tenants
from api.services.visibility import Visibility
from hookwright.expressions import Evaluator
from hookwright.ids import deliveries_queue, entities_queue


@dataclass(frozen=True)
class Services:
    """All services, on one client."""

    tenants: Tenants
    endpoints: Endpoints
    events: Events
    deliveries: Deliveries
    event_types: EventTypes
    erasure: Erasure
    retries: Retries
    recoveries: Recoveries
    statistics: Statistics
    evaluator: Evaluator

    @classmethod
    def on(cls, client: Client, config: ApiConfig) -> "Services":
        """Return the services."""
        cursors = Cursors(config.cursor_key)
        visibility = Visibility(client)
        lists = Lists(visibility, cursors)
        entities = entities_queue(config.task_queue)
        tenants = Tenants(client, entities, config.contracts, lists)
        deliveries = Deliveries(client, lists)
        event_types = EventTypes(client, entities, config.contracts, cursors)
        events = Events(
            client,
            config.task_queue,
            config.contracts,
            tenants,
            deliveries,
            event_types,
            lists,
        )
        return cls(
            tenants=tenants,
            endpoints=Endpoints(
                client,
                entities,
                deliveries_queue(config.task_queue),
                config.destinations,
                config.contracts,
                tenants,
                cursors,
            ),
            events=events,
            erasure=Erasure(client, events),
            deliveries=deliveries,
            event_types=event_types,
            retries=Retries(client),
            recoveries=Recoveries(client, visibility, entities),
            statistics=Statistics(visibility),
            evaluator=Evaluator(),
        )


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


ServicesDependency = Annotated[Services, Depends(_services)]
