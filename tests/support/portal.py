"""The portal over real HTTP, for a browser and for clients without one."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
from playwright.async_api import Page

from api.app import create_app
from api.config import ApiConfig
from runtime.http import listening_socket, serve
from support.stack import OPERATOR_KEY, Stack, api_config

CSRF = re.compile(r'name="csrf" value="([0-9a-f]{64})"')
ACTING_AS = re.compile(r'name="acting_as" value="([^"]+)"')


@dataclass
class Portal:
    """The portal of a tenant of one test, on a real HTTP server."""

    service: Stack
    url: str

    async def link(self, **wanted: Any) -> str:
        """Return a new link for the tenant."""
        answer = await self.service.http.post(f"{self.service.root}/portal-links", json=wanted)
        assert answer.status_code == 201, answer.text
        return str(httpx.URL(self.url).join(httpx.URL(answer.json()["url"]).raw_path.decode()))

    async def open(self, page: Page, path: str = "/portal/endpoints", **wanted: Any) -> Page:
        """Sign a browser in by a new link, and open a page."""
        await page.goto(await self.link(**wanted))
        await page.get_by_role("button", name="Continue").click()
        await page.wait_for_url("**/portal/endpoints")
        if path != "/portal/endpoints":
            await page.goto(self.url + path)
        return page

    async def open_as_operator(self, page: Page, path: str = "/portal/operator") -> Page:
        """Sign a browser in with the operator's key, and open a page."""
        await page.goto(f"{self.url}/portal/operator/sign-in")
        await page.get_by_label("Operator key").fill(OPERATOR_KEY)
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_url("**/portal/operator")
        if path != "/portal/operator":
            await page.goto(self.url + path)
        return page

    def person(self) -> "Person":
        """Return a browser without script, who is not signed in yet."""
        return Person(self, httpx.AsyncClient(base_url=self.url, timeout=30, trust_env=False))

    @asynccontextmanager
    async def visit(self, **wanted: Any) -> AsyncIterator["Person"]:
        """Yield a browser without script that has signed in."""
        person = self.person()
        async with person.http:
            answer = await person.follow(await self.link(**wanted))
            assert answer.status_code == 303, answer.text
            yield person


@dataclass
class Person:
    """A person whose browser runs no script: pages are read, and their forms are sent."""

    portal: Portal
    http: httpx.AsyncClient

    async def follow(self, link: str) -> httpx.Response:
        """Open a link and press its button."""
        page = await self.http.get(link)
        token = re.search(r'name="link" value="([^"]+)"', page.text)
        if token is None:
            return page
        return await self.http.post("/portal/sign-in", data={"link": token[1]})

    async def get(self, path: str, **params: Any) -> httpx.Response:
        return await self.http.get(path, params=params or None)  # {} would take away the query

    async def csrf(self) -> str:
        """Return the token that the forms of this session carry."""
        found = CSRF.search((await self.http.get("/portal/nothing")).text)
        assert found, "no form on the page"
        return found[1]

    async def hidden(self) -> dict[str, str]:
        """Return the hidden fields that every form carries now."""
        page = (await self.http.get("/portal/nothing")).text
        acting = ACTING_AS.search(page)
        return {"csrf": await self.csrf(), **({"acting_as": acting[1]} if acting else {})}

    async def send(self, path: str, **fields: Any) -> httpx.Response:
        """Send a form as a page of this session would."""
        return await self.http.post(path, data={**await self.hidden(), **fields})


@asynccontextmanager
async def serving(service: Stack, **settings: Any) -> AsyncIterator[Portal]:
    """Serve the API with the portal over HTTP, for a tenant of its own."""
    config: ApiConfig = replace(api_config(service.task_queue), **settings)
    listener = listening_socket("127.0.0.1", 0)
    port = listener.getsockname()[1]
    app = asyncio.create_task(serve(create_app(service.client, config), listener))
    try:
        yield Portal(service, f"http://127.0.0.1:{port}")
    finally:
        app.cancel()
        await asyncio.gather(app, return_exceptions=True)
