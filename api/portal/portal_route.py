"""A route whose errors are pages."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from api.http import not_found, unavailability
from api.portal.rendering import page
from api.portal.session import SignedOutError
from api.routes.strict_route import READ_SECONDS
from hookwright.security import hidden_from_logs

Handle = Callable[[Request], Coroutine[Any, Any, Response]]


class PortalRoute(APIRoute):
    """Answers with a page for people, whatever happens."""

    def get_route_handler(self) -> Handle:
        """Return FastAPI's handler, whose errors become pages."""
        handle = super().get_route_handler()

        async def handle_secretly(request: Request) -> Response:
            tokens = (*request.cookies.values(), request.query_params.get("link", ""))
            with ExitStack() as until_answered, hidden_from_logs(*tokens):
                # `read_form` adds what is secret in the form, and its bytes; a session its place.
                request.state.until_answered = until_answered
                return await handle_for_people(request)

        async def handle_for_people(request: Request) -> Response:
            seconds = READ_SECONDS if request.method == "GET" else None
            try:
                async with asyncio.timeout(seconds):
                    return await handle(request)
            except SignedOutError:
                return page(request, "signed_out.html", HTTPStatus.UNAUTHORIZED)
            except RequestValidationError:
                return error_page(request, not_found("page"))
            except HTTPException as error:
                return error_page(request, error)
            except Exception as error:
                problem = unavailability(error)
                if problem is None:
                    raise
                return error_page(request, problem)

        return handle_secretly


def error_page(request: Request, error: HTTPException) -> Response:
    """Return the page for an error."""
    status = HTTPStatus(error.status_code)
    response = page(request, "error.html", status, title=status.phrase, detail=error.detail)
    response.headers.update(error.headers or {})
    return response
