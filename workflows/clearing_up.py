"""What an endpoint or a tenant does when it is deleted: cancel what still waits for it."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.entities import EntityActivities
    from hookwright.models import DeliveryScope

SEARCH_PAUSES_SECONDS = (1, 2, 4, 8)
"""Pauses before the searches. Visibility lags behind: the longest lag that was measured between a
start and its row is 0.2 s."""

MAX_SEARCHES = 30
"""What was cancelled is found until it has ended, and a POST under way takes a minute at most."""

SEARCH_TIMEOUT = timedelta(hours=1)
SEARCH_HEARTBEAT = timedelta(seconds=30)


async def cancel_deliveries(tenant_id: str, endpoint_id: str | None = None) -> None:
    """Cancel what waits for a deleted endpoint, or for any of a deleted tenant.

    One search may come too early, so there are several, until one after the longest pause finds
    nothing. The pauses are timers and no part of an activity: however many endpoints are deleted at
    once, they hold none of a worker's slots.
    """
    for number in range(MAX_SEARCHES):
        pause = SEARCH_PAUSES_SECONDS[min(number, len(SEARCH_PAUSES_SECONDS) - 1)]
        await workflow.sleep(pause, summary="let the search show what has begun")
        found = await workflow.execute_activity_method(
            EntityActivities.cancel_deliveries,
            DeliveryScope(tenant_id=tenant_id, endpoint_id=endpoint_id),
            start_to_close_timeout=SEARCH_TIMEOUT,
            heartbeat_timeout=SEARCH_HEARTBEAT,
            summary=f"cancel what still waits, search {number + 1}",
        )
        if not found and pause == SEARCH_PAUSES_SECONDS[-1]:
            return
