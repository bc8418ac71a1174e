"""The application: routes, errors, and what they stand on."""

from fastapi import Depends, FastAPI
from temporalio.client import Client

from api import (
    codec,
    contracts,
    deliveries,
    endpoints,
    erasure,
    errors,
    event_types,
    events,
    facades,
    health,
    match,
    tenants,
)
from api.auth import require_access
from api.config import ApiConfig
from api.services import Services

DESCRIPTION = """\
A durable webhook sender. Publish an event; it is delivered, signed, to every endpoint that wants
it, and retried on the schedule of the endpoint's contract.
"""


def create_app(client: Client, config: ApiConfig) -> FastAPI:
    """Return the application, on a client that may be lazy: Temporal need not be up yet.

    Raises:
        UnknownFacadeError: the configuration names a facade that is none.
    """
    app = FastAPI(
        title="Hookwright", version="0.1.0", description=DESCRIPTION, redirect_slashes=False
    )
    app.state.client = client
    app.state.config = config
    app.state.services = Services.on(client, config)
    errors.install(app)
    app.include_router(health.router)
    for module in (tenants, endpoints, match, events, erasure, deliveries, event_types, contracts):
        app.include_router(module.router, dependencies=[Depends(require_access)])
    facades.install(app, config.facades)
    if config.codec_token:
        codec.install(app, config.codec, config.codec_token, config.ui_origin)
    return app
