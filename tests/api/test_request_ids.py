"""Request ids: in the answer, in every problem, and in the lines of the log."""

import io
import json
from http import HTTPStatus

import httpx
import pytest


@pytest.mark.parametrize("given", ["req-1", "Root=1-67891233-abcdef012345678912345678", "a" * 100])
async def test_given_id_is_taken(offline: httpx.AsyncClient, given: str) -> None:
    """An id of safe characters is the request's, also in its problem."""
    answer = await offline.get("/v1/nowhere", headers={"x-request-id": given})

    assert answer.headers["x-request-id"] == answer.json()["request_id"] == given


@pytest.mark.parametrize("given", ["", "a" * 101, "two words", "a\x1b[31m", "$(id)", "ü", "a,b"])
async def test_unsafe_id_is_replaced(offline: httpx.AsyncClient, given: str) -> None:
    """An id that is too long, or has other characters, is replaced by a new one."""
    headers = [(b"x-request-id", given.encode())]
    answers = [await offline.get("/healthz", headers=headers) for _ in range(2)]
    made = {answer.headers["x-request-id"] for answer in answers}

    assert len(made) == len(answers)
    assert given not in made


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/v1/tenants/a", {"authorization": "Bearer no"}, HTTPStatus.UNAUTHORIZED),
        ("/v1/tenants/a", {}, HTTPStatus.SERVICE_UNAVAILABLE),
        ("/healthz", {"x-long": "a" * 20_000}, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE),
    ],
)
async def test_every_problem_has_it(
    offline: httpx.AsyncClient, path: str, headers: dict[str, str], status: int
) -> None:
    """Problems of routes, of authentication and of middleware name the request."""
    answer = await offline.get(path, headers=headers)

    assert answer.status_code == status
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


async def test_unexpected_error_and_its_line_have_it(
    offline: httpx.AsyncClient, log_output: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that is made outside of all middleware has the id, and so has its traceback."""
    monkeypatch.setattr("api.http.hardening._head_is_too_large", lambda _: 1 / 0)
    answer = await offline.get("/healthz", headers={"x-request-id": "req-2"})
    [line] = [json.loads(line) for line in log_output.getvalue().splitlines()]

    assert answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "req-2"
    assert (line["event"], line["request_id"]) == ("api.unexpected_error", "req-2")
