"""What holds for every answer, and what no request gets through."""

import gzip
import io
import re
from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest
from support.stack import CODEC_TOKEN, OPERATOR_KEY, Stack, api_client, api_config
from temporalio.client import Client

from api.http.errors import EVERY_ANSWER
from api.http.hardening import MAX_HEADERS
from api.services.endpoints import NewEndpoint

EVERYWHERE = [
    ("GET", "/healthz", 200),
    ("GET", "/readyz", 200),
    ("GET", "/openapi.json", 200),
    ("GET", "/docs", 200),
    ("GET", "/v1/tenants", 200),
    ("GET", "/v1/tenants/nobody", 404),
    ("PUT", "/v1/tenants/a.b", 422),
    ("PATCH", "/v1/tenants", 405),
    ("GET", "/nowhere", 404),
    ("POST", f"/codec/{CODEC_TOKEN}/decode", 400),
    ("POST", "/codec/wrong/decode", 404),
]


@pytest.mark.parametrize(("method", "path", "status"), EVERYWHERE)
async def test_headers_of_every_answer(service: Stack, method, path, status) -> None:
    """Every answer, errors too, says that it is not to be kept, sniffed or framed."""
    answer = await service.http.request(method, path, json=1)
    assert answer.status_code == status
    for name, value in EVERY_ANSWER.items():
        if path != "/docs" or name != "Content-Security-Policy":
            assert answer.headers.get_list(name) == [value]
    assert "server" not in answer.headers


async def test_headers_of_a_fault_of_ours(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault that nobody foresaw is answered with the same headers, and no detail."""
    monkeypatch.setattr("api.services.tenants.TenantService.get", lambda *_: 1 / 0)
    async with api_client(client, api_config("unused")) as http:
        answer = await http.get("/v1/tenants/acme")
    assert answer.status_code == 500
    assert answer.json()["detail"] == "internal error; it has been logged"
    for name, value in EVERY_ANSWER.items():
        assert answer.headers.get_list(name) == [value]


async def test_a_fault_of_ours_tells_no_secret(
    client: Client, monkeypatch: pytest.MonkeyPatch, log_output: io.StringIO
) -> None:
    """What a caller sent in confidence is blotted out of the traceback that is logged."""
    body = {"url": "https://x.example.com/", "secret": "Tr0ub4dor&3", "headers": {"A": "c0rrect h"}}

    def fail(_: object, __: str, new: NewEndpoint) -> None:
        raise KeyError(new, OPERATOR_KEY)

    monkeypatch.setattr("api.services.endpoints.EndpointService.create", fail)
    async with api_client(client, api_config("unused")) as http:
        answer = await http.post("/v1/tenants/acme/endpoints", json=body)
    assert answer.status_code == 500
    line = log_output.getvalue()
    assert "api.unexpected_error" in line
    assert "https://x.example.com/" not in line
    for secret in ("Tr0ub4dor&3", "c0rrect h", OPERATOR_KEY):
        assert secret not in line
        assert secret not in answer.text


async def test_the_docs_page_may_load_what_it_names(service: Stack) -> None:
    """The page's policy lets its own scripts and styles run, and frames nothing."""
    answer = await service.http.get("/docs")
    (policy,) = answer.headers.get_list("Content-Security-Policy")
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == rules["frame-ancestors"] == "'none'"
    assert "unsafe" not in rules["script-src"]


async def test_the_docs_page_needs_no_internet(service: Stack) -> None:
    """All that the page loads comes from the API itself; there is no second page that might not."""
    answer = await service.http.get("/docs")
    assert (await service.http.get("/redoc")).status_code == 404
    assert "//" not in answer.headers["Content-Security-Policy"]
    assets = re.findall(r'(?:src|href)="([^"]+)"', answer.text)
    assert len(assets) == 3
    for asset in assets:
        assert asset.startswith("/docs/")
        loaded = await service.http.get(asset)
        assert loaded.status_code == 200
        assert len(loaded.content) > 500
        assert loaded.headers["x-content-type-options"] == "nosniff"
        assert loaded.headers["content-type"].split(";")[0] == asset_type(asset)


def asset_type(asset: str) -> str:
    """Return the media type that a browser that does not guess wants for an asset."""
    types = {".js": "text/javascript", ".css": "text/css", ".png": "image/png"}
    return types[asset[asset.rindex(".") :]]


async def test_docs_can_be_switched_off(client: Client) -> None:
    """Without docs neither the page nor what it reads can be reached, on any path."""
    config = replace(api_config("unused"), docs=False)
    async with api_client(client, config) as http:
        for path in ("/docs", "/openapi.json", "/redoc", "/docs/swagger-ui.css"):
            assert (await http.get(path)).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/tenants", {"GET"}),
        ("POST", "/v1/tenants/acme", {"GET", "PUT", "PATCH", "DELETE"}),
        ("PUT", "/v1/tenants/acme/endpoints", {"GET", "POST"}),
        ("PUT", "/v1/tenants/acme/endpoints/ep_1", {"GET", "PATCH", "DELETE"}),
        ("TRACE", "/v1/tenants/acme/events", {"GET", "POST"}),
        ("OPTIONS", "/healthz", {"GET"}),
        ("POST", "/docs", {"GET"}),
    ],
)
async def test_what_a_path_takes(service: Stack, method, path, allowed) -> None:
    """A method that a path does not take is a 405 that names all that it does."""
    answer = await service.http.request(method, path)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) - {"HEAD"} == allowed
    for each in allowed - {"PUT", "DELETE"}:
        assert (await service.http.request(each, path, json={})).status_code != 405


@pytest.mark.parametrize(
    "send",
    [
        lambda http: http.get("/healthz", headers=[("x-a", "b")] * (MAX_HEADERS + 1)),
        lambda http: http.get("/healthz", headers={"x-a": "b" * 16_384}),
        lambda http: http.get("/healthz", headers={"x" * 16_384: "b"}),
        lambda http: http.get("/healthz?" + "a" * 16_384),
        lambda http: http.get("/" + "a" * 16_384),
    ],
)
async def test_heads_that_are_too_large(
    service: Stack, send: Callable[[httpx.AsyncClient], httpx.Response]
) -> None:
    """More headers than 100, or more than 16 KiB of them with path and query, are refused."""
    answer = await send(service.http)
    assert answer.status_code == 431
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"] == "at most 100 headers, and 16384 bytes with path and query"


async def test_unknown_parameters(service: Stack) -> None:
    """An unknown query parameter is refused, and the known ones are named."""
    path = f"{service.root}/deliveries"
    answer = await service.http.get(path, params={"stat": "pending", "limit": 1, "x": ["a", "b"]})
    assert answer.status_code == 422
    first, second = answer.json()["errors"]
    assert [first["loc"], second["loc"]] == [["query", "stat"], ["query", "x"]]
    assert first["msg"].startswith("no such parameter; there are: cursor, endpoint_id, ")
    answer = await service.http.get(service.root, params={"limit": 1})
    assert answer.json()["detail"] == "query.limit: no such parameter; this route has none"


async def test_parameters_that_are_there_twice(service: Stack) -> None:
    """A parameter that is there twice is refused: the caller may have meant either, or both."""
    for path, query, name in (
        (f"{service.root}/deliveries", "state=pending&state=held", "state"),
        (f"{service.root}/events", "limit=1&type=a&limit=1", "limit"),
        ("/v1/tenants", "cursor=&cursor=", "cursor"),
    ):
        answer = await service.http.get(f"{path}?{query}")
        assert answer.status_code == 422
        assert answer.json()["detail"] == f"query.{name}: it is there 2 times; send it once"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/openapi.json", "/docs", "/v1/contracts"])
async def test_head_is_get_without_a_body(service: Stack, path) -> None:
    """HEAD answers with the status and the headers of GET: monitors and balancers probe with it."""
    head, get = await service.http.head(path), await service.http.get(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers == get.headers
    assert int(head.headers["content-length"]) == len(get.content) > 0


async def test_head_where_there_is_nothing(service: Stack) -> None:
    """HEAD is refused as GET is, and without a body."""
    for path, status in (
        ("/nowhere", 404),
        (f"{service.root}/endpoints/none", 404),
        (f"{service.root}/endpoints/none/pause", 405),
    ):
        answer = await service.http.head(path)
        assert (answer.status_code, answer.content) == (status, b"")
    anonymous = await service.http.head("/v1/tenants", headers={"authorization": ""})
    assert anonymous.status_code == 401


@pytest.mark.parametrize("encoding", ["gzip", "br", "GZIP", "identity, gzip", "x"])
async def test_compressed_bodies(service: Stack, encoding) -> None:
    """A compressed body is refused as what it is, with the remedy."""
    headers = {"content-type": "application/json", "content-encoding": encoding}
    body = gzip.compress(b'{"type": "a", "data": 1}')
    for path in (f"{service.root}/events", f"{service.root}/events/batch"):
        answer = await service.http.post(path, content=body, headers=headers)
        assert answer.status_code == 415
        assert "without compression" in answer.json()["detail"]
        assert answer.headers["accept-encoding"] == "identity"


async def test_identity_is_no_compression(service: Stack) -> None:
    """`Content-Encoding: identity` says that nothing was done, and is taken."""
    answer = await service.http.post(
        f"{service.root}/events",
        json={"type": "a", "data": 1},
        headers={"content-encoding": "Identity"},
    )
    assert answer.status_code == 202


@pytest.mark.parametrize(
    "moment",
    [
        "1700000000",
        "1700000000.5",
        "-1",
        "1e9",
        "2026-01-15",
        "20260115T103000Z",
        "",
        "2026-01-15T10:30Z",
        "2026-01-15T10:30:00",
        "2026-01-15T10:30:00Zx",
    ],
)
async def test_times_are_written_out(service: Stack, moment) -> None:
    """A filter's time is a date with a time and a zone; a number is not taken for seconds."""
    for name in ("since", "until"):
        answer = await service.http.get(f"{service.root}/events", params={name: moment})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["loc"] == ["query", name]
    for good in ("2026-01-15T10:30:00Z", "2026-01-15t10:30:00.123+01:00"):
        answer = await service.http.get(f"{service.root}/events", params={"until": good})
        assert answer.status_code == 200
