"""An attempt whose activity is reset in Temporal goes on."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from temporalio import activity

from hookwright.models import DeliveryLog


async def shield_from_reset(work: Coroutine[Any, Any, DeliveryLog]) -> DeliveryLog:
    """Await an attempt even if its activity is reset: cancelled, it would be sent twice."""
    attempt = asyncio.create_task(work)
    try:
        return await asyncio.shield(attempt)
    except asyncio.CancelledError:
        details = activity.cancellation_details()
        if not (details and details.reset):
            attempt.cancel()
        return await attempt
