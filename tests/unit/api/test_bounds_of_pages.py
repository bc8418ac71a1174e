"""Pages and the codec endpoint share the bounds of the API: requests, and bytes of bodies."""

import asyncio

import httpx
import pytest
from support.stack import CODEC, CODEC_TOKEN, OPERATOR_KEY, PORTAL_KEY, api_client, api_config

from api.access import under_way
from api.portal.grants import Grant, GrantKey, GrantUse, operator_grant
from hookwright.temporal import connect
from runtime.keys import digest

FORM = {"content-type": "application/x-www-form-urlencoded"}
DECODE = f"/codec/{CODEC_TOKEN}/decode"


def session() -> str:
    """Return the cookie of an operator."""
    key = GrantKey(PORTAL_KEY)
    token = key.write(operator_grant("test", digest(OPERATOR_KEY)), GrantUse.SESSION)
    return f"__Host-hookwright={token}"


def link() -> str:
    """Return the path of a link to the portal, which is good for ten minutes."""
    token = GrantKey(PORTAL_KEY).write(Grant.new(600, tenant="t"), GrantUse.LINK)
    return f"/portal/sign-in?link={token}"


async def answer(method: str, path: str, **request: object) -> httpx.Response:
    nowhere = await connect(CODEC, target_host="127.0.0.1:1", lazy=True)
    async with api_client(nowhere, api_config("unused")) as http:
        return await http.request(method, path, **request)


@pytest.mark.parametrize("path", ["/portal/sign-in", "/portal/operator/sign-in"])
async def test_a_form_to_sign_in(path: str) -> None:
    """Of somebody unknown no form is read that is larger than a link or a key needs."""
    found = await answer("POST", path, content=b"key=" + b"x" * 9_000, headers=FORM)
    assert found.status_code == 413


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/portal/sign-in", FORM),
        ("/portal/operator/sign-in", FORM),
        ("/portal/operator/act-as", FORM),
        (DECODE, {}),
    ],
    ids=["link", "key", "session", "codec"],
)
async def test_bodies(monkeypatch: pytest.MonkeyPatch, path: str, headers: dict[str, str]) -> None:
    """A form, or payloads to decode, for whose bytes there is no room are a 503."""
    if path.endswith("act-as"):
        headers = {**headers, "cookie": session()}
    monkeypatch.setattr(under_way, "MAX_BODY_BYTES", 100)
    found = await answer("POST", path, content=b"x" * 60, headers=headers)
    assert found.status_code == 503
    assert under_way.TOO_MANY_BYTES[1:] in found.text  # a page begins it with a capital


@pytest.mark.parametrize("known_by", ["session", "link"])
async def test_requests(monkeypatch: pytest.MonkeyPatch, known_by: str) -> None:
    """A page that would wait for Temporal beside too many other requests is a 503 at once."""
    monkeypatch.setattr(under_way, "MAX_REQUESTS", 1)
    if known_by == "session":
        found = await answer("GET", "/portal/operator", headers={"cookie": session()})
    else:
        found = await answer("GET", link())
    assert found.status_code == 503
    assert under_way.TOO_MANY_REQUESTS[1:] in found.text


async def test_a_page_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page for which Temporal takes too long is a 503, as any other read is."""

    async def hang(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("api.portal.portal_route.READ_SECONDS", 0.05)
    monkeypatch.setattr("api.services.tenants.TenantService.page", hang)
    found = await answer("GET", "/portal/operator", headers={"cookie": session()})
    assert found.status_code == 503


async def test_what_pages_took_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forms and payloads hold their bytes until they are answered, and no longer."""
    monkeypatch.setattr(under_way, "MAX_BODY_BYTES", 100)
    nowhere = await connect(CODEC, target_host="127.0.0.1:1", lazy=True)
    async with api_client(nowhere, api_config("unused")) as http:
        for _ in range(5):
            refused = await http.post("/portal/operator/sign-in", data={"key": "x" * 20})
            assert refused.status_code == 401
            decoded = await http.post(DECODE, content=b'{"payloads": []}')
            assert decoded.status_code == 200
