"""What an operator sees of workflows in the Temporal UI (docs/temporal-ui.md).

Nothing here makes a command or reads a clock, but for `SearchIndex`. So texts may change: no
recorded history depends on them.
"""

from workflows.explaining.delivery_texts import (
    attempt_summary,
    delivery_details,
    failure_text,
    retry_summary,
    turn_summary,
)
from workflows.explaining.entity_texts import (
    duty_summary,
    endpoint_details,
    queue_details,
    recovery_details,
    tenant_details,
)
from workflows.explaining.handlers import explained_update
from workflows.explaining.search_index import SearchIndex

__all__ = [
    "SearchIndex",
    "attempt_summary",
    "delivery_details",
    "duty_summary",
    "endpoint_details",
    "explained_update",
    "failure_text",
    "queue_details",
    "recovery_details",
    "retry_summary",
    "tenant_details",
    "turn_summary",
]
