"""Search attributes: what executions are listed and counted by in Temporal's visibility."""

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from hookwright.models import DeliveryInput, EventInput

TENANT_ID = SearchAttributeKey.for_keyword("TenantId")
ENDPOINT_ID = SearchAttributeKey.for_keyword("EndpointId")
EVENT_ID = SearchAttributeKey.for_keyword("EventId")
EVENT_TYPE = SearchAttributeKey.for_keyword("EventType")
DELIVERY_STATE = SearchAttributeKey.for_keyword("DeliveryState")
ACCEPTED_AT = SearchAttributeKey.for_datetime("AcceptedAt")
HELD_SINCE = SearchAttributeKey.for_datetime("HeldSince")
RECOVERY_ID = SearchAttributeKey.for_keyword("RecoveryId")

SEARCH_ATTRIBUTES = (
    *(TENANT_ID, ENDPOINT_ID, EVENT_ID, EVENT_TYPE),
    *(DELIVERY_STATE, ACCEPTED_AT, HELD_SINCE, RECOVERY_ID),
)
"""What a namespace must have registered; `hookwright setup` does."""


def event_search_attributes(event: EventInput) -> TypedSearchAttributes:
    """Return what lists of events are filtered by. Only ids and types: it is not encrypted."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(TENANT_ID, event.tenant_id),
            SearchAttributePair(EVENT_ID, event.id),
            SearchAttributePair(EVENT_TYPE, event.type),
        ]
    )


def tenant_search_attributes(tenant_id: str) -> TypedSearchAttributes:
    """Return what an execution is found by when all of its tenant is erased."""
    return TypedSearchAttributes([SearchAttributePair(TENANT_ID, tenant_id)])


def delivery_search_attributes(
    delivery: DeliveryInput, recovery: str | None = None
) -> TypedSearchAttributes:
    """Return what the delivery log is filtered by, and what a recovery counts its deliveries by."""
    return TypedSearchAttributes(
        [
            *event_search_attributes(delivery.event).search_attributes,
            SearchAttributePair(ENDPOINT_ID, delivery.endpoint_id),
            *([SearchAttributePair(RECOVERY_ID, recovery)] if recovery else []),
        ]
    )
