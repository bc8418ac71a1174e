"""A route class that checks requests early.

It refuses bodies that are too large, are not JSON, or are nested too deeply.
"""

import asyncio
import re
from array import array
from collections import Counter
from collections.abc import Callable, Collection, Coroutine
from contextlib import ExitStack
from http import HTTPStatus
from itertools import accumulate
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query
from fastapi.routing import APIRoute
from pydantic_core import from_json
from starlette.requests import ClientDisconnect

from api.access import Caller, Holder, admit, app_state, publish_kind
from api.config import ApiConfig
from api.http import Fault, Problem, invalid_faults
from hookwright.security import find_secret_values, hidden_from_logs
from hookwright.temporal import RPC_TIMEOUT

MAX_NESTING = 100
"""Half of what pydantic's parser allows, so that a body can still be parsed inside other models."""

STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
"""One level deeper, and one less deep, as signed bytes."""

NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))

ANSWER_SECONDS = RPC_TIMEOUT.total_seconds()
"""How long a publish may take, from its last byte on: a caller has its answer within 3 s."""

READ_SECONDS = 20.0
"""How long a read may take. Each call to Temporal has a bound of its own, and a list makes many."""

SEND_REFERENCE = "send a reference to the data instead"


def body_too_large(max_bytes: int, remedy: str) -> Problem:
    """Return a 413 that says how large a body may be, and what to do."""
    return Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "body-too-large",
        f"the body has more than {max_bytes} bytes; {remedy}",
    )


async def read_body(
    request: Request,
    max_bytes: int,
    seconds: float,
    remedy: str = SEND_REFERENCE,
    take: Callable[[int], None] = lambda _: None,
) -> bytes:
    """Return a request's body. `take` is told of each piece how many bytes it has.

    Raises:
        Problem: 413 if the body has more than `max_bytes`, 408 if it does not arrive in time, 400
            if its sender leaves before its end, and what `take` raises.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                take(len(chunk))
                body += chunk
                if len(body) > max_bytes:
                    raise body_too_large(max_bytes, remedy)
    except TimeoutError:
        raise Problem(
            HTTPStatus.REQUEST_TIMEOUT,
            "body-too-slow",
            f"the body did not arrive within {seconds:g} s; repeat the request",
            headers={"Connection": "close"},
        ) from None
    except ClientDisconnect:  # nobody hears it, but it is no error of ours, and counts as none
        raise Problem(
            HTTPStatus.BAD_REQUEST, "body-cut-off", "the body did not arrive whole; repeat it"
        ) from None
    return bytes(body)


class NestedTooDeeplyError(ValueError):
    """JSON nests more than MAX_NESTING levels."""

    def __init__(self) -> None:
        super().__init__(f"nests more than {MAX_NESTING} levels")


def strict_json(text: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value of a JSON text.

    Python's own parser accepts NaN, lone surrogates and any depth. Such values could be neither
    stored nor signed.

    Raises:
        ValueError: it is not JSON, or it nests too deeply (NestedTooDeeplyError).
    """
    if nesting_depth(text) > MAX_NESTING:
        raise NestedTooDeeplyError
    return from_json(text, allow_inf_nan=False)


class StrictRequest(Request):
    """A request with a limited body that must be valid JSON (`strict_json`).

    Secrets in the body are kept out of the logs until `concealing` is closed.
    """

    def __init__(
        self,
        request: Request,
        concealing: ExitStack,
        take: Callable[[int], None],
        max_bytes: int,
        remedy: str,
    ) -> None:
        super().__init__(request.scope, request.receive)
        self.concealing = concealing
        self.take = take
        self.max_bytes = max_bytes
        self.remedy = remedy

    async def body(self) -> bytes:
        """Return the body.

        Raises:
            Problem: 413 if the body is larger than the limit; the rest of it is not read. 408 if it
                does not arrive in time. 503 if the process holds too many bytes of bodies.
        """
        if not hasattr(self, "_body"):
            seconds = app_state(self).config.body_seconds
            self._body = await read_body(self, self.max_bytes, seconds, self.remedy, self.take)
        return self._body

    async def json(self) -> Any:  # noqa: ANN401 - any JSON value
        """Return the parsed body.

        Raises:
            Problem: 400 if it is not JSON, 422 if it is nested too deeply.
        """
        body = await self.body()
        try:
            value = strict_json(body)
        except NestedTooDeeplyError as error:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "nested-too-deeply",
                f"the body {error}; flatten it",
            ) from None
        except ValueError as error:
            raise Problem(
                HTTPStatus.BAD_REQUEST, "not-json", f"the body is not JSON: {error}"
            ) from None
        self.concealing.enter_context(hidden_from_logs(*find_secret_values(value)))
        return value


class StrictRoute(APIRoute):
    """A route that reads its body through StrictRequest."""

    body_remedy = SEND_REFERENCE
    """What a caller can do whose body is too large."""

    @staticmethod
    def max_body_bytes(config: ApiConfig) -> int:
        """Return the largest body that the route reads."""
        return config.max_body_bytes

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's handler, which then gets a StrictRequest."""
        handle = super().get_route_handler()
        known_parameters = {
            field.alias
            for field in get_flat_params(self.dependant)
            if isinstance(field.field_info, Query)
        }

        async def handle_strictly(request: Request) -> Response:
            token = request.headers.get("authorization", "").rpartition(" ")[2]
            clock = asyncio.get_running_loop().time
            began = clock()
            with ExitStack() as concealing:
                concealing.enter_context(hidden_from_logs(token))
                # First of all, so that a body is read only for a known caller within its limits.
                caller = await admit(request)
                spent = clock() - began
                _check_encoding(request)
                _check_media_type(request)
                _check_query(request, known_parameters)
                state = app_state(request)
                holder = _holder(request, caller)
                take = concealing.enter_context(state.under_way.body_bytes.taking(holder))
                max_bytes = self.max_body_bytes(state.config)
                strict = StrictRequest(request, concealing, take, max_bytes, self.body_remedy)
                # The time that a body takes is its sender's, and takes no place from others.
                if self.body_field:
                    await strict.body()
                request.state.answer_by = clock() - spent + ANSWER_SECONDS
                seconds = READ_SECONDS if request.method == "GET" else None
                with state.under_way.request(holder):
                    async with asyncio.timeout(seconds):
                        return await handle(strict)

        return handle_strictly


def _holder(request: Request, caller: Caller) -> Holder:
    """Return in whose name a request is under way.

    What an operator publishes is its tenant's: many programs publish with one key. For all else an
    operator finds room beside that, to pause an endpoint for example.
    """
    if caller.tenant_id:
        return Holder(caller.tenant_id)
    if publish_kind(request.scope):
        return Holder(request.path_params["tenant_id"])
    return Holder(caller.signature, is_operator=True)


def _check_encoding(request: Request) -> None:
    """Refuse a compressed body: a small one may expand to any size."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "compressed",
            "send the body without compression, and without `Content-Encoding`",
            headers={"Accept-Encoding": "identity"},
        )


def _check_media_type(request: Request) -> None:
    """Refuse a body without the media type of JSON: FastAPI would treat it as plain text."""
    is_empty = request.headers.get("content-length", "0") == "0"
    is_chunked = "transfer-encoding" in request.headers
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if (not is_empty or is_chunked) and media_type != "application/json":
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "not-called-json",
            "send the body as JSON, with `Content-Type: application/json`",
        )


def _check_query(request: Request, known_parameters: Collection[str]) -> None:
    """Refuse unknown query parameters, and known ones that are there twice.

    If an unknown one were ignored, a misspelt filter would show all. Of a parameter that is there
    twice the framework reads the last one, and the caller may mean the other, or both.
    """
    counts = Counter(name for name, _ in request.query_params.multi_items())
    known = ", ".join(sorted(known_parameters))
    choice = f"there are: {known}" if known else "this route has none"
    faults = [
        Fault(loc=["query", name], msg=f"no such parameter; {choice}")
        for name in counts
        if name not in known_parameters
    ] + [
        Fault(loc=["query", name], msg=f"it is there {count} times; send it once")
        for name, count in counts.items()
        if name in known_parameters and count > 1
    ]
    if faults:
        raise invalid_faults(faults)


def nesting_depth(body: bytes) -> int:
    """Return how deeply a JSON text is nested. Brackets inside strings do not count.

    A batch has megabytes, and other requests wait meanwhile, so all steps are calls into C.
    """
    if body.count(b"[") + body.count(b"{") <= MAX_NESTING:
        return 0
    steps = array("b", STRING.sub(b"", body).translate(STEPS, NO_BRACKETS))
    return max(accumulate(steps, initial=0))
