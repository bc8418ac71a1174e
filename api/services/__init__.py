"""What the routes call: typed access to the entities in Temporal."""

from dataclasses import dataclass

from temporalio.client import Client

from api.config import ApiConfig
from api.http import Cursors
from api.services.deliveries import DeliveryService
from api.services.endpoints import EndpointService
from api.services.erasure import ErasureService
from api.services.event_types import EventTypeService
from api.services.events import EventService
from api.services.lists import ExecutionLists
from api.services.overview import (
    AllEndpointsService,
    AuditService,
    StatusChangeService,
    UnreadableEventService,
)
from api.services.recoveries import RecoveryService
from api.services.retries import RetryService
from api.services.statistics import StatisticsService
from api.services.tenants import TenantService
from api.services.visibility import Visibility
from hookwright.expressions import Evaluator
from hookwright.ids import deliveries_queue, entities_queue


@dataclass(frozen=True)
class Services:
    """All services, on one client."""

    tenants: TenantService
    endpoints: EndpointService
    events: EventService
    deliveries: DeliveryService
    event_types: EventTypeService
    erasure: ErasureService
    retries: RetryService
    recoveries: RecoveryService
    status_changes: StatusChangeService
    audit: AuditService
    all_endpoints: AllEndpointsService
    unreadable_events: UnreadableEventService
    statistics: StatisticsService
    evaluator: Evaluator

    @classmethod
    def on(cls, client: Client, config: ApiConfig) -> "Services":
        """Return the services."""
        cursors = Cursors(config.cursor_key)
        visibility = Visibility(client)
        lists = ExecutionLists(visibility, cursors)
        entities = entities_queue(config.task_queue)
        tenants = TenantService(client, entities, config.contracts, config.destinations, lists)
        deliveries = DeliveryService(client, lists)
        event_types = EventTypeService(client, entities, config.contracts, cursors)
        events = EventService(
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
            endpoints=EndpointService(
                client,
                entities,
                deliveries_queue(config.task_queue),
                config.destinations,
                config.contracts,
                tenants,
                cursors,
            ),
            events=events,
            erasure=ErasureService(client, events),
            deliveries=deliveries,
            event_types=event_types,
            retries=RetryService(client),
            recoveries=RecoveryService(client, visibility, lists, entities),
            status_changes=StatusChangeService(client, tenants, lists, cursors),
            audit=AuditService(client, cursors),
            all_endpoints=AllEndpointsService(client, lists),
            unreadable_events=UnreadableEventService(client, lists),
            statistics=StatisticsService(visibility),
            evaluator=Evaluator(),
        )
