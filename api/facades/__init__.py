"""Facades: the management calls that a published contract documents, as its document prints them.

Each is a few routes over the services of the native routes. A caller has its tenant's own key and
sees its tenant's endpoints of that one contract; all others are not there. docs/facades.md lists
the calls.
"""

from collections.abc import Sequence

from fastapi import FastAPI

from api.facades import clearway, dossier, plain, reflow

ALL = "all"
FACADES = {
    "clearway": clearway.router,
    "dossier": dossier.router,
    "plain": plain.router,
    "reflow": reflow.router,
}


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
    for name, router in FACADES.items():
        if name in names or ALL in names:
            app.include_router(router)
