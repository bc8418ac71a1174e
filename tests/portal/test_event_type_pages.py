"""The catalogue of event types in the portal."""

import re
from typing import Any

import pytest
from support.portal import Portal, serving
from support.stack import CONTRACTS, Stack, unique

from hookwright.contracts import Contracts

LINK = re.compile(r'href="/portal/event-types/([^"]+)"')


async def put(service: Stack, name: str, **config: Any) -> str:
    answer = await service.http.put(f"/v1/event-types/{name}", json=config)
    assert answer.status_code in (200, 201), answer.text
    return name


async def test_search_and_mark(portal: Portal) -> None:
    """Words are found in names and descriptions, in any case; deprecated types are marked."""
    mark = unique("x")
    first = await put(portal.service, f"{mark}/orders:v2.created", description="An ORDER began")
    second = await put(portal.service, f"{mark}.closed", description="Over", deprecated=True)
    async with portal.visit() as person:
        for q, expected in (
            (mark, {first, second}),
            (f"{mark.upper()} order", {first}),
            (f"over {mark}", {second}),
            (f"{mark} nothing", set()),
        ):
            html = (await person.get("/portal/event-types", q=q)).text
            assert set(LINK.findall(html)) == expected
            assert ("Deprecated" in html) is (second in expected)
            assert f'value="{q}"' in html
        hostile = await person.get("/portal/event-types", q='"><script>alert(1)</script>')
        assert "<script>" not in hostile.text
        assert "Nothing found" in hostile.text


async def test_one_event_type(portal: Portal) -> None:
    """A type whose name has every separator shows its description, schema and example as text."""
    schema = {"type": "object", "properties": {"amount": {"type": "integer"}}}
    name = await put(
        portal.service,
        f"{unique('x')}/create:v2.full",
        description="<b>Bold</b>",
        json_schema=schema,
        example={"amount": 1500},
        deprecated=True,
    )
    async with portal.visit() as person:
        html = (await person.get(f"/portal/event-types/{name}")).text
        assert "&lt;b&gt;Bold&lt;/b&gt;" in html
        assert "&#34;amount&#34;: 1500" in html
        assert "&#34;type&#34;: &#34;integer&#34;" in html
        assert "Deprecated" in html
        assert "event_type=" in html
        for missing in ("nothing.here", "a..b", "%2e%2e/x", f"{name}/more"):
            assert (await person.get(f"/portal/event-types/{missing}")).status_code == 404


async def test_only_the_contracts_own_types(portal: Portal) -> None:
    """A tenant with a contract sees the types of this contract, as the API lists them."""
    service = portal.service
    foreign = await put(service, unique("x.only"))
    settings = {"name": "Test", "contract": "clearway"}
    assert (await service.http.put(service.root, json=settings)).is_success
    answer = await service.http.get("/v1/event-types", params={"contract": "clearway"})
    async with portal.visit() as person:
        html = (await person.get("/portal/event-types")).text
        assert LINK.findall(html) == [row["name"] for row in answer.json()["data"]]
        assert (await person.get(f"/portal/event-types/{foreign}")).status_code == 404


async def test_a_contract_that_is_gone(portal: Portal) -> None:
    """If the tenant's contract is no longer there, the page says so, and is no error of ours."""
    service = portal.service
    settings = {"name": "Test", "contract": "clearway"}
    assert (await service.http.put(service.root, json=settings)).is_success
    contracts = Contracts({name: it for name, it in CONTRACTS.items() if name != "clearway"})
    async with serving(service, contracts=contracts) as without, without.visit() as person:
        answer = await person.get("/portal/event-types")
    assert answer.status_code == 503
    assert "Contract clearway is missing" in answer.text


async def test_pages_of_a_long_catalogue(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Links lead through all types in the order of their names, each once, and keep the search."""
    monkeypatch.setattr("api.portal.event_type_pages.PAGE_SIZE", 2)
    mark = unique("x")
    names = [await put(portal.service, f"{mark}.{letter}") for letter in "abcde"]
    async with portal.visit() as person:
        path, found = f"/portal/event-types?q={mark}", []
        while path:
            html = (await person.get(path)).text
            assert "5 event types found." in html
            found += LINK.findall(html)
            following = re.search(r'href="([^"]+)">Next page', html)
            path = following[1].replace("&amp;", "&") if following else ""
    assert found == names
