"""Errors as `application/problem+json` (RFC 9457).

They come from Hookwright's own checks, from pydantic's validation, and from Starlette (404, 405).
"""

import math
from collections.abc import Mapping, Sequence
from http import HTTPMethod, HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Match
from temporalio.service import RPCError, RPCStatusCode

from api.http.requests import REQUEST_ID_HEADER, request_id
from hookwright.temporal import UncheckedKeysError

RETRY_AFTER_SECONDS = 2

TEMPORAL_SLOW = "Temporal did not answer in time; repeat the request, an event with the same id"
"""Said of reads as well, which have no id."""

FAULTS_OF_OURS = (RPCStatusCode.INTERNAL, RPCStatusCode.INVALID_ARGUMENT)
"""What Temporal answers if a call of ours was wrong."""

NOT_SET_UP = "no mapping defined for search attribute"
"""What Temporal's refusal contains if its namespace is not set up, or has been only just now: each
process of a Temporal cluster reads search attributes once a minute."""

EVERY_ANSWER = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
"""Headers of all answers. `api.http.hardening` adds them to all answers but those to unexpected
errors, which are made outside of that middleware and add them here."""

log = structlog.get_logger(__name__)


class Fault(BaseModel):
    """One fault of a request: its location (`loc`) and a message."""

    loc: list[str | int]
    msg: str


class ProblemBody(BaseModel):
    """The body of every error.

    `event_id` is there if a publish may or may not have been stored: repeat it with this id.
    `request_id` is the answer's `X-Request-Id`: name it to whoever can read the log.
    """

    type: str
    title: str
    status: int
    detail: str
    errors: list[Fault]
    event_id: str | None = Field(default=None, exclude_if=lambda value: value is None)
    request_id: str | None = Field(default=None, exclude_if=lambda value: value is None)


class Problem(HTTPException):
    """An error answer. `slug` identifies it for programs; `detail` says how to correct it."""

    def __init__(
        self,
        status: HTTPStatus,
        slug: str,
        detail: str,
        *,
        errors: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, headers=dict(headers or {}))
        self.slug = slug
        self.errors = list(errors)
        self.event_id: str | None = None

    def body(self) -> ProblemBody:
        """Return the body of the answer."""
        return ProblemBody(
            type=f"https://hookwright.dev/problems#{self.slug}",
            title=HTTPStatus(self.status_code).phrase,
            status=self.status_code,
            detail=self.detail,
            errors=self.errors,
            event_id=self.event_id,
            request_id=request_id(),
        )


def not_found(resource: str) -> Problem:
    """Return a 404. It is the same for what does not exist and for what another tenant has."""
    return Problem(HTTPStatus.NOT_FOUND, "not-found", f"there is no such {resource}")


def conflict(detail: str) -> Problem:
    """Return a 409 with this detail."""
    return Problem(HTTPStatus.CONFLICT, "conflict", detail)


def invalid(loc: Sequence[str | int], msg: str) -> Problem:
    """Return a 422 with one fault."""
    return invalid_faults([Fault(loc=list(loc), msg=msg)])


def invalid_model(error: ValidationError | RequestValidationError, *loc: str) -> Problem:
    """Return a 422 with all faults that pydantic reports.

    It never repeats the input, which may be a secret.
    """
    return invalid_faults(
        [
            Fault(loc=[*loc, *fault["loc"]], msg=fault["msg"].removeprefix("Value error, "))
            for fault in error.errors()
        ]
    )


def invalid_faults(faults: list[Fault]) -> Problem:
    """Return a 422 with these faults. Its detail describes the first one."""
    first, others = faults[0], len(faults) - 1
    detail = f"{'.'.join(map(str, first.loc))}: {first.msg}"
    return Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid",
        f"{detail} (and {others} more; see errors)" if others else detail,
        errors=faults,
    )


def unavailable(detail: str, retry_after_seconds: float = RETRY_AFTER_SECONDS) -> Problem:
    """Return a 503 that says when to try again."""
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "unavailable",
        detail,
        headers={"Retry-After": str(math.ceil(retry_after_seconds))},
    )


PROBLEM_SCHEMA = f"#/components/schemas/{ProblemBody.__name__}"
"""Where the OpenAPI document has the schema of errors: `api.http.openapi` puts it there."""

BODY_ERRORS = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
)
"""The errors that every route with a request body can answer."""


def responses(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """Return a route's errors for OpenAPI, with the errors that every route can answer."""
    common_statuses = (
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.MISDIRECTED_REQUEST,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        HTTPStatus.SERVICE_UNAVAILABLE,
    )
    content = {"application/problem+json": {"schema": {"$ref": PROBLEM_SCHEMA}}}
    return {
        int(status): {"description": status.phrase, "content": content}
        for status in (*common_statuses, *statuses)
    }


def answer(problem: Problem) -> JSONResponse:
    """Return a problem as a response."""
    return JSONResponse(
        problem.body().model_dump(),
        problem.status_code,
        problem.headers,
        media_type="application/problem+json",
    )


def install_errors(app: FastAPI) -> None:
    """Make the application answer every error as a problem."""
    app.exception_handler(HTTPException)(_answer_http_exception)

    @app.exception_handler(RequestValidationError)
    async def validation(_: Request, error: RequestValidationError) -> JSONResponse:
        return answer(invalid_model(error))

    # One for each type: Starlette lets the handler of `Exception` answer, and raises all the same.
    for unavailability in (RPCError, RuntimeError, TimeoutError):
        app.exception_handler(unavailability)(_answer_unavailability)

    @app.exception_handler(Exception)
    async def unexpected(_: Request, error: Exception) -> JSONResponse:
        return _answer_unexpected(error)


def unavailability(error: Exception) -> Problem | None:
    """Return the 503 for an error that means: Temporal was not there in time. Otherwise None.

    Temporal may still have carried out a call without an answer, so the text does not say whether
    the request had an effect.
    """
    match error:
        case Problem(status_code=HTTPStatus.SERVICE_UNAVAILABLE):
            return error
        case RPCError():
            return _temporal_unavailable(error)
        case TimeoutError():
            log.warning("temporal.slow")
            return unavailable(TEMPORAL_SLOW)
        case UncheckedKeysError():
            return unavailable("the encryption keys are being checked; nothing was accepted")
        # The SDK raises a plain RuntimeError if its first connection fails.
        case RuntimeError() if str(error).startswith("Failed client connect"):
            return unavailable("Temporal cannot be reached right now; nothing was accepted")
        case _:
            return None


def _temporal_unavailable(error: RPCError) -> Problem | None:
    """Return the 503 for an error of Temporal's, or None if a call of ours was wrong."""
    if NOT_SET_UP in error.message:
        log.error("temporal.not_set_up", error=error.message)
        return unavailable(
            "Temporal does not know Hookwright's search attributes; run `hookwright setup`, "
            "and wait for up to a minute after it"
        )
    if error.status in FAULTS_OF_OURS:
        return None
    log.warning("temporal.unavailable", status=error.status.name)
    return unavailable(TEMPORAL_SLOW)


async def _answer_unavailability(_: Request, error: Exception) -> JSONResponse:
    problem = unavailability(error)
    return answer(problem) if problem else _answer_unexpected(error)


async def _answer_http_exception(request: Request, error: HTTPException) -> JSONResponse:
    """Return a problem, or an error of Starlette's as a problem."""
    if isinstance(error, Problem):
        return answer(error)
    status = HTTPStatus(error.status_code)
    slug = status.phrase.lower().replace(" ", "-")
    headers = dict(error.headers or {})
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed_methods(request))
    return answer(Problem(status, slug, str(error.detail), headers=headers))


def _allowed_methods(request: Request) -> list[str]:
    """Return the methods of a path. Starlette itself reports only those of the first route."""
    routes = request.app.routes
    methods = [
        method.value
        for method in HTTPMethod
        if any(
            route.matches({**request.scope, "method": method.value})[0] is Match.FULL
            for route in routes
        )
    ]
    # `Hardening` answers a HEAD wherever there is a GET.
    return ["HEAD", *methods] if "GET" in methods and "HEAD" not in methods else methods


def _answer_unexpected(error: Exception) -> JSONResponse:
    log.error("api.unexpected_error", exc_info=error)
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    detail = "internal error; it has been logged"
    headers = {**EVERY_ANSWER, REQUEST_ID_HEADER: request_id() or ""}
    return answer(Problem(status, "internal", detail, headers=headers))
