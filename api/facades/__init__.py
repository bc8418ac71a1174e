"""Facades: the management routes that a published contract documents, exactly as documented.

Each facade has a few routes, which use the same services as the native routes. Callers use a key or
a token of their tenant. They see only their tenant's endpoints of that contract; all other
endpoints give a 404. docs/facades.md lists the routes.
"""

from collections.abc import Sequence

from fastapi import FastAPI

from api.access import DELIVERIES, ENDPOINTS
from api.facades import clearway, cr3dentials, dossier, plain, reflow

ALL = "all"
FACADES = {
    "clearway": [(clearway.router, ENDPOINTS)],
    "cr3dentials": [(cr3dentials.router, ENDPOINTS), (cr3dentials.logs_router, DELIVERIES)],
    "dossier": [(dossier.router, ENDPOINTS)],
    "plain": [(plain.router, ENDPOINTS), (plain.deliveries_router, DELIVERIES)],
    "reflow": [(reflow.router, ENDPOINTS)],
}
"""The routers of each facade, and the scopes that their routes require."""


class UnknownFacadeError(ValueError):
    """There is no facade of this name. The text lists the names of all facades."""


def install(app: FastAPI, names: Sequence[str]) -> None:
    """Add the routes of these facades to the application. The name `all` adds all facades.

    Raises:
        UnknownFacadeError: There is no facade of one of these names.
    """
    if unknown := sorted({*names} - {ALL, *FACADES}):
        choice = ", ".join([ALL, *FACADES])
        raise UnknownFacadeError(f"no such facade: {', '.join(unknown)}; there are: {choice}")
    for name, routers in FACADES.items():
        if name in names or ALL in names:
            for router, scopes in routers:
                app.include_router(router, dependencies=[scopes])
