"""What FastAPI calls for each request runs on the event loop, and needs no thread."""

import inspect
from collections.abc import Iterator
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from support.stack import CODEC, api_config

from api.app import create_app
from hookwright.temporal import connect


def routes(items: list[Any]) -> Iterator[APIRoute]:
    """Yield the routes of an application, of its routers, and of the applications in it."""
    for each in items:
        if isinstance(each, APIRoute):
            yield each
        else:
            inside = getattr(each, "original_router", None) or getattr(each, "app", None)
            yield from routes(getattr(inside, "routes", []))


def called(dependant: Dependant) -> Iterator[Any]:
    """Yield a route's function and all its dependencies."""
    yield dependant.call
    for each in dependant.dependencies:
        yield from called(each)


async def test_no_route_needs_a_thread() -> None:
    """Routes and their dependencies are coroutines: others would wait for a thread each time."""
    client = await connect(CODEC, target_host="127.0.0.1:1", lazy=True)
    found = {
        each
        for route in routes(create_app(client, api_config("queue")).routes)
        for each in called(route.dependant)
    }
    assert len(found) > 100
    in_a_thread = {
        each
        for each in found
        if not inspect.iscoroutinefunction(each)
        and not inspect.iscoroutinefunction(type(each).__call__)
    }
    assert not in_a_thread
