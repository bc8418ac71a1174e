"""The connections that are open and carry no exchange: whose they are, and which one has to go.

Every step takes the same time, however many connections, origins and tenants there are.
"""

from collections import OrderedDict
from typing import NamedTuple

from activities.egress.connection import ReceiverConnection

MAX_IDLE = 1_000
"""Idle connections of one worker."""


class Origin(NamedTuple):
    """Whose connection it is, and where it leads."""

    tenant_id: str
    scheme: str
    host: str
    port: int


class IdleConnections:
    """The idle connections of all tenants, at most MAX_IDLE.

    If there is no room for one more, the tenant with the most of them gives up the one that was
    idle longest. So one tenant may have them all, but never at the cost of another: with `n`
    tenants, nobody who has less than an `n`th of MAX_IDLE loses a connection.
    """

    def __init__(self) -> None:
        self._origins: OrderedDict[ReceiverConnection, Origin] = OrderedDict()
        self._by_origin: dict[Origin, OrderedDict[ReceiverConnection, None]] = {}
        self._by_tenant: dict[str, OrderedDict[ReceiverConnection, None]] = {}
        self._tenants_with: dict[int, OrderedDict[str, None]] = {}
        self._most = 0

    def __len__(self) -> int:
        return len(self._origins)

    @property
    def oldest(self) -> ReceiverConnection | None:
        """The connection that was idle longest."""
        return next(iter(self._origins), None)

    def add(self, connection: ReceiverConnection, origin: Origin) -> ReceiverConnection | None:
        """Add a connection. Return the one that has to be closed for it, if there is one."""
        self._origins[connection] = origin
        self._by_origin.setdefault(origin, OrderedDict())[connection] = None
        of_tenant = self._by_tenant.setdefault(origin.tenant_id, OrderedDict())
        of_tenant[connection] = None
        self._count(origin.tenant_id, len(of_tenant) - 1, len(of_tenant))
        if len(self) <= MAX_IDLE:
            return None
        tenant_with_most = next(iter(self._tenants_with[self._most]))
        return self.remove(next(iter(self._by_tenant[tenant_with_most])))

    def take(self, origin: Origin) -> ReceiverConnection | None:
        """Remove and return the connection of this origin that was used last, if there is one."""
        of_origin = self._by_origin.get(origin)
        return self.remove(next(reversed(of_origin))) if of_origin else None

    def remove(self, connection: ReceiverConnection) -> ReceiverConnection:
        """Remove and return this connection."""
        origin = self._origins.pop(connection)
        of_origin = self._by_origin[origin]
        del of_origin[connection]
        if not of_origin:
            del self._by_origin[origin]
        of_tenant = self._by_tenant[origin.tenant_id]
        del of_tenant[connection]
        if not of_tenant:
            del self._by_tenant[origin.tenant_id]
        self._count(origin.tenant_id, len(of_tenant) + 1, len(of_tenant))
        return connection

    def _count(self, tenant_id: str, before: int, now: int) -> None:
        """Note how many connections a tenant has. The number changes by one at a time."""
        if before:
            tenants = self._tenants_with[before]
            del tenants[tenant_id]
            if not tenants:
                del self._tenants_with[before]
        if now:
            self._tenants_with.setdefault(now, OrderedDict())[tenant_id] = None
        if now > self._most or self._most not in self._tenants_with:
            self._most = now
