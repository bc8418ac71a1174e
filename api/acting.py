"""Who acts in the request that is under way, for the audit trail of what it changes.

It is a context variable, so that no change can be made without it: whatever route, facade or page a
change came by, its service finds out here who asked for it.
"""

from contextvars import ContextVar
from typing import TypedDict

import structlog

from hookwright.audit import MAX_ACTOR

REQUEST_ID = "request_id"
"""The name under which a request's id is bound to the log, if it has one."""

_actor: ContextVar[str | None] = ContextVar("actor", default=None)


class Asking(TypedDict):
    """The fields of `AskedBy`, for the argument of an update."""

    by: str | None
    request_id: str | None


def acts(actor: str) -> None:
    """Note who acts in this request, once that is known."""
    _actor.set(actor[:MAX_ACTOR])


def asking() -> Asking:
    """Return who asks for a change, and in which request."""
    bound = structlog.contextvars.get_contextvars()
    return Asking(by=_actor.get(), request_id=bound.get(REQUEST_ID))
