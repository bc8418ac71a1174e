"""Shares by tenant of what waits in Temporal's task queues.

The server has to have `matching.enableFairness`. Without it the order is that of arrival
(docs/decisions/0030-shares-by-tenant.md).
"""

from temporalio.common import Priority


def fair_share(tenant_id: str) -> Priority:
    """Return the priority with which tenants take turns at what waits in a task queue.

    The activities of a workflow inherit it.
    """
    return Priority(fairness_key=tenant_id)
