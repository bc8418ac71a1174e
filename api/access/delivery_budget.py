"""A tenant's budget of deliveries: so many a minute, and a debt that is paid from later minutes.

How many deliveries an event has is known when it is accepted. So what exceeds the budget is not
refused. It is taken from the next minutes, and until they are over nothing else is accepted.
"""

import math
import time

from limits.aio.storage import Storage

MINUTE_SECONDS = 60


async def spend(storage: Storage, per_minute: int, tenant_id: str, cost: int) -> None:
    """Take deliveries from the budget of this minute, and what it has not from the next ones."""
    minute = _this_minute()
    while cost > 0:
        expires_in = math.ceil((minute + 1) * MINUTE_SECONDS - time.time())
        spent = await storage.incr(_key(tenant_id, minute), expires_in, amount=cost)
        cost = min(cost, spent - per_minute)
        minute += 1


async def debt_seconds(storage: Storage, per_minute: int, tenant_id: str) -> int:
    """Return in how many seconds there is something to spend again; 0 if there is now."""
    now = minute = _this_minute()
    while await storage.get(_key(tenant_id, minute)) >= per_minute:
        minute += 1
    if minute == now:
        return 0
    return max(1, math.ceil(minute * MINUTE_SECONDS - time.time()))


def _this_minute() -> int:
    return int(time.time() // MINUTE_SECONDS)


def _key(tenant_id: str, minute: int) -> str:
    return f"deliveries/{tenant_id}/{minute}"
