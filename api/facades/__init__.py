"""Facades: the management calls that a published contract documents, as its document prints them.

Each is a few routes over the services of the native routes. A caller has its tenant's own key or a
token, and sees its tenant's endpoints of that one contract; all others are not there.
docs/facades.md lists the calls.
"""

from collections.abc import Sequence

from fastapi import FastAPI

from api.access import DELIVERIES, ENDPOINTS
from api.facades import clearway, dossier, plain, reflow

ALL = "all"
FACADES = {
    "clearway": [(clearway.router, ENDPOINTS)],
    "dossier": [(dossier.router, ENDPOINTS)],
    "plain": [(plain.router, ENDPOINTS), (plain.log, DELIVERIES)],
    "reflow": [(reflow.router, ENDPOINTS)],
}
"""Their routes, with the scopes that these take."""


class UnknownFacadeError(ValueError):
    """A name stands for no facade; the text names those that there are."""


def install(app: FastAPI, names: Sequence[str]) -> None:
    """Serve the facades of these names; `all` is all of them.

    Raises:
        UnknownFacadeError: a name is none.
    """
    if unknown := sorted({*names} - {ALL, *FACADES}):
        known = ", ".join([ALL, *FACADES])
        raise UnknownFacadeError(f"no such facade: {', '.join(unknown)}; there are: {known}")
    for name, routers in FACADES.items():
        if name in names or ALL in names:
            for router, scopes in routers:
                app.include_router(router, dependencies=[scopes])
