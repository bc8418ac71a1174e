"""Search attributes: what executions are listed and counted by in Temporal's visibility."""

from datetime import datetime

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from hookwright.models import DeliveryInput, EndpointState, EventInput

TENANT_ID = SearchAttributeKey.for_keyword("TenantId")
ENDPOINT_ID = SearchAttributeKey.for_keyword("EndpointId")
EVENT_ID = SearchAttributeKey.for_keyword("EventId")
EVENT_TYPE = SearchAttributeKey.for_keyword("EventType")
DELIVERY_STATE = SearchAttributeKey.for_keyword("DeliveryState")
ACCEPTED_AT = SearchAttributeKey.for_datetime("AcceptedAt")
UNREADABLE_STATE = "unreadable"
"""The `DeliveryState` of an event that ended because nobody here has its encryption key."""

HELD_SINCE = SearchAttributeKey.for_datetime("HeldSince")
RECOVERY_ID = SearchAttributeKey.for_keyword("RecoveryId")
ENDPOINT_STATUS = SearchAttributeKey.for_keyword("EndpointStatus")
ENDPOINT_HEALTH = SearchAttributeKey.for_keyword("EndpointHealth")

SEARCH_ATTRIBUTES = (
    *(TENANT_ID, ENDPOINT_ID, EVENT_ID, EVENT_TYPE),
    *(DELIVERY_STATE, ACCEPTED_AT, HELD_SINCE, RECOVERY_ID),
    *(ENDPOINT_STATUS, ENDPOINT_HEALTH),
)
"""What a namespace must have registered; `hookwright setup` does.

On SQL Temporal has room for ten keywords, of which eight are used."""


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
    """Return what all that belongs to a tenant is found by in the Temporal UI, itself included."""
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


def endpoint_search_attributes(endpoint: EndpointState, now: datetime) -> TypedSearchAttributes:
    """Return what lists of endpoints over all tenants are filtered by.

    The colour is that of the endpoint's last change. It may have become another one since, because
    attempts grow old: yellow, red and yellow again, or green.
    """
    return TypedSearchAttributes(
        [
            SearchAttributePair(TENANT_ID, endpoint.tenant_id),
            SearchAttributePair(ENDPOINT_ID, endpoint.endpoint_id),
            SearchAttributePair(ENDPOINT_STATUS, endpoint.status),
            SearchAttributePair(ENDPOINT_HEALTH, endpoint.health.colour(now)),
        ]
    )
