"""Requests that are webhooks of Hookwright itself: an endpoint's URL may be one of this API."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request

from api.http import Problem
from hookwright.webhook import MAX_HOPS, hops_of


def request_hops(request: Request) -> int:
    """Return how many webhooks led to a request; 0 for all but our own webhooks."""
    return hops_of(request.headers.get("user-agent", ""))


def refuse_loops(request: Request, *, publishes: bool) -> None:
    """Refuse a webhook of ours that would go on and on.

    It may publish, because the new event counts the hops. It may not change anything else: a resend
    or a test sends a webhook, too, and nothing would count those.

    Raises:
        Problem: 403.
    """
    hops = request_hops(request)
    if not hops or request.method == "GET":
        return
    if not publishes:
        raise _loop("it may publish events, and change nothing else")
    if hops > MAX_HOPS:
        raise _loop(
            f"{hops} webhooks led to it, of which each published the event of the next; at most"
            f" {MAX_HOPS} may. Does an endpoint's URL lead back here?"
        )


def _loop(reason: str) -> Problem:
    return Problem(
        HTTPStatus.FORBIDDEN,
        "webhook-loop",
        f"this request is a webhook that Hookwright has sent, by its user agent: {reason}",
    )


async def _hops(request: Request) -> int:
    return request_hops(request)


Hops = Annotated[int, Depends(_hops)]
