"""The application's state, which every request can use."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from temporalio.client import Client

from api.access.limits import RateLimits
from api.access.under_way import UnderWay
from api.config import ApiConfig
from api.services import Services


@dataclass(frozen=True)
class AppState:
    """The objects that all requests share. They are made once, with the application."""

    client: Client
    config: ApiConfig
    services: Services
    limits: RateLimits
    under_way: UnderWay = field(default_factory=UnderWay)

    def install(self, app: FastAPI) -> None:
        """Store the state in the application, where its requests find it."""
        app.state.hookwright = self


def app_state(request: Request) -> AppState:
    """Return the state of the application that serves a request."""
    state: AppState = request.app.state.hookwright
    return state


# FastAPI calls a dependency that is not `async` in a thread. It costs more than these lookups, and
# a busy process has to wait for the thread, and then for the loop. So all dependencies are `async`.
async def _app_state(request: Request) -> AppState:
    return app_state(request)


async def _services(request: Request) -> Services:
    return app_state(request).services


AppStateDependency = Annotated[AppState, Depends(_app_state)]
ServicesDependency = Annotated[Services, Depends(_services)]
