"""Calls to the REST API. Whatever goes wrong becomes a sentence that says what to do."""

import re
import ssl
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx

from runtime.errors import CommandError, ExitStatus
from runtime.remote.connection import KEY, URL, Connection

TIMEOUT_SECONDS = 30.0
MOST_ROWS_OF_A_PAGE = 100
LONGEST_WAIT_SECONDS = 60.0
SHORTEST_WAIT_SECONDS = 0.5
TRIES = 4

STATUSES = {
    HTTPStatus.UNAUTHORIZED: ExitStatus.NO_ACCESS,
    HTTPStatus.FORBIDDEN: ExitStatus.NO_ACCESS,
    HTTPStatus.NOT_FOUND: ExitStatus.NOT_FOUND,
    HTTPStatus.REQUEST_TIMEOUT: ExitStatus.UNAVAILABLE,
    HTTPStatus.TOO_MANY_REQUESTS: ExitStatus.UNAVAILABLE,
}

REMEDIES = {
    HTTPStatus.UNAUTHORIZED: f"Set {KEY} to a key or token of this API that is valid.",
    HTTPStatus.FORBIDDEN: "Use an operator key, or a token that has this scope.",
    HTTPStatus.MISDIRECTED_REQUEST: f"Call it by a host that it answers to: --url or {URL}.",
}

Value = TypeVar("Value")


class ApiError(CommandError):
    """The API did not do what it was asked. `retry_after` is how many seconds to wait, if known."""

    def __init__(self, text: str, status: ExitStatus, retry_after: float | None = None) -> None:
        super().__init__(text, status)
        self.retry_after = retry_after


def path_of(*parts: str) -> str:
    """Return the path of a resource below `/v1`.

    Raises:
        CommandError: A part would change the path's meaning.
    """
    for part in parts:
        if part in ("", ".", ".."):
            raise CommandError(f"{part!r} is not an id.")
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


class ApiClient:
    """An HTTP client of one API. Redirects are not followed: they would carry the key elsewhere."""

    def __init__(
        self,
        connection: Connection,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = connection.url
        self.clock_of_api: datetime | None = None
        self._sleep = sleep
        try:
            self._http = httpx.Client(
                headers={"authorization": f"Bearer {connection.key}"},
                timeout=TIMEOUT_SECONDS,
                transport=transport,
            )
        except (OSError, ValueError) as error:
            raise CommandError(
                "SSL_CERT_FILE, SSL_CERT_DIR or a proxy variable of the environment is not valid:"
                f" {error}."
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, **query: object) -> Any:  # noqa: ANN401 - a JSON document
        """Read a resource. Query parameters that are None are left out.

        Raises:
            ApiError: It was not read.
        """
        params = {name: str(value) for name, value in query.items() if value is not None}
        return self._call("GET", path, params=params)

    def send(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401
        """Change something.

        Raises:
            ApiError: It was refused, or it is not known whether it was done.
        """
        return self._call(method, path, body=body)

    def rows(
        self, path: str, limit: int, cursor: str | None = None, **query: object
    ) -> dict[str, Any]:
        """Return a page of up to `limit` rows, read as several pages of the API.

        Raises:
            ApiError: A page was not read.
        """
        data: list[dict[str, Any]] = []
        while True:
            size = min(limit - len(data), MOST_ROWS_OF_A_PAGE)
            read = partial(self.get, path, limit=size, cursor=cursor, **query)
            page = self.patiently(read) if data else read()
            data += page["data"]
            cursor = page["next_cursor"]
            if cursor is None or len(data) >= limit:
                return {"data": data, "next_cursor": cursor}

    def patiently(self, call: Callable[[], Value], tries: int = TRIES) -> Value:
        """Return what a call returns, which may be repeated while the API is not available.

        Raises:
            ApiError: The last try failed as well, or it is no use to repeat it.
        """
        for _ in range(tries - 1):
            try:
                return call()
            except ApiError as error:
                if error.status is not ExitStatus.UNAVAILABLE:
                    raise
                self._sleep(
                    min(max(error.retry_after or 1.0, SHORTEST_WAIT_SECONDS), LONGEST_WAIT_SECONDS)
                )
        return call()

    def _call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: object = None,
    ) -> Any:  # noqa: ANN401
        try:
            answer = self._http.request(method, self.url + path, params=params, json=body)
        except httpx.TimeoutException:
            done = "" if method == "GET" else " It may still be done: look before you repeat it."
            raise ApiError(
                f"{self.url} did not answer within {TIMEOUT_SECONDS:g} s.{done}"
                " `hookwright doctor` shows what is slow.",
                ExitStatus.UNAVAILABLE,
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise ApiError(_unreachable(self.url, error), ExitStatus.UNAVAILABLE) from None
        if "date" in answer.headers:
            self.clock_of_api = _http_date(answer.headers["date"])
        document = _document(answer)
        if answer.is_success and (
            document is not None or answer.status_code == HTTPStatus.NO_CONTENT
        ):
            return document
        if not isinstance(document, dict) or "detail" not in document:
            raise ApiError(_not_the_api(self.url, answer), ExitStatus.UNAVAILABLE)
        raise _refusal(answer, document)


def _document(answer: httpx.Response) -> Any:  # noqa: ANN401
    try:
        return answer.json()
    except (ValueError, RecursionError):
        return None


def _refusal(answer: httpx.Response, problem: dict[str, Any]) -> ApiError:
    """Return an RFC 9457 problem as an error: detail, remedy, and a line for each fault."""
    code = answer.status_code
    status = STATUSES.get(HTTPStatus(code)) if code in STATUSES else None
    if status is None:
        is_fault_of_server = code >= HTTPStatus.INTERNAL_SERVER_ERROR
        status = ExitStatus.UNAVAILABLE if is_fault_of_server else ExitStatus.FAILED
    faults = problem.get("errors")
    reasons = [
        f"{'.'.join(map(str, fault.get('loc', [])))}: {fault.get('msg', '')}"
        for fault in (faults if isinstance(faults, list) else [])
        if isinstance(fault, dict)
    ]
    retry_after = _seconds(answer.headers.get("retry-after"))
    remedy = REMEDIES.get(HTTPStatus(code)) if code in REMEDIES else None
    if retry_after is not None:
        remedy = f"Try again in {retry_after:g} s."
    # With reasons, the detail only repeats the first of them.
    detail = "The API refuses the request." if reasons else _sentence(str(problem["detail"]))
    if code == HTTPStatus.UNAUTHORIZED:
        detail = "The API does not accept the key."
    text = f"{detail} ({code} {answer.reason_phrase}){f' {remedy}' if remedy else ''}"
    return ApiError("\n  ".join([text, *reasons]), status, retry_after)


def _sentence(text: str) -> str:
    """Return a detail as a sentence: they begin in lower case, and end without a full stop."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _seconds(retry_after: str | None) -> float | None:
    return float(retry_after) if retry_after and re.fullmatch(r"\d{1,6}", retry_after) else None


def _http_date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except ValueError:
        return None


def _unreachable(url: str, error: Exception) -> str:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return (
            f"The certificate of {url} is not trusted: {cause.verify_message}. If an authority of"
            " your own has signed it, set SSL_CERT_FILE to that authority's PEM file."
        )
    if isinstance(cause, ssl.SSLError):
        return (
            f"{url} does not speak TLS as it should ({cause.reason or cause}). Is it http:// rather"
            " than https://?"
        )
    return (
        f"{url} cannot be reached: {error}. Is `hookwright serve` or `dev` running there?"
        f" Another address is given with --url or {URL}."
    )


def _not_the_api(url: str, answer: httpx.Response) -> str:
    kind = answer.headers.get("content-type", "nothing").partition(";")[0]
    text = f"{url} answered {answer.status_code} with {kind}, which the API of Hookwright does not."
    if location := answer.headers.get("location"):
        text += f" It redirects to {location}."
    return f"{text} Is the URL right? It is given with --url or {URL}."
