"""Walking lists, page by page."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import httpx

from support.waiting import eventually

Row = dict[str, Any]


async def pages(http: httpx.AsyncClient, path: str, **params: Any) -> AsyncIterator[list[Row]]:
    """Yield the pages of a list; one that is refused for its pace is asked for again."""
    cursor = None
    while True:
        query = {**params, **({"cursor": cursor} if cursor else {})}
        page_url = httpx.URL(path).copy_merge_params(query)  # `params=` drops a query of the path
        answer = await eventually(partial(http.get, page_url), lambda it: it.status_code != 503)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        yield page["data"]
        if (cursor := page["next_cursor"]) is None:
            return


async def walk(http: httpx.AsyncClient, path: str, **params: Any) -> list[Row]:
    """Return all rows of a list."""
    return [row async for page in pages(http, path, **params) for row in page]
