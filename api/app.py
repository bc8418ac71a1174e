"""The application: routes, errors, and what they stand on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import Depends, FastAPI
from temporalio.client import Client

from api import codec, facades
from api.access import (
    DELIVERIES,
    ENDPOINTS,
    EVENTS,
    AppState,
    PublishMetrics,
    RateLimitHeaders,
    RateLimits,
    require_access,
)
from api.config import ApiConfig
from api.http import (
    OWN_SPANS,
    AllowedHosts,
    Hardening,
    RequestIds,
    install_docs,
    install_errors,
    install_openapi,
)
from api.portal import install_portal
from api.routes import (
    batch,
    contracts,
    deliveries,
    endpoints,
    erasure,
    event_types,
    events,
    match,
    probes,
    recoveries,
    stats,
    tenants,
)
from api.routes.overview import all_tenants, audit, status_changes, whoami
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
    services = Services.on(client, config)

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        async with services.evaluator:
            yield

    app = FastAPI(
        lifespan=running,
        title="Hookwright",
        version=version("hookwright"),
        description=DESCRIPTION,
        redirect_slashes=False,
        # Generated clients name their functions by it.
        generate_unique_id_function=lambda route: route.name,
        openapi_url="/openapi.json" if config.docs else None,
        docs_url=None,
        redoc_url=None,
        **OWN_SPANS,
    )
    state = AppState(client, config, services, RateLimits.at(config.rate_limit_storage))
    state.install(app)
    app.add_middleware(RateLimitHeaders)
    app.add_middleware(PublishMetrics)
    install_errors(app)
    if config.allowed_hosts:
        app.add_middleware(AllowedHosts, hosts=config.allowed_hosts)
    app.add_middleware(Hardening)
    app.add_middleware(RequestIds)
    if config.docs:
        install_docs(app)
        install_openapi(app)
    app.include_router(probes.router)
    own = Depends(require_access)
    for router, scopes in (
        (whoami.router, []),
        (tenants.router, []),
        (endpoints.router, [ENDPOINTS]),
        (status_changes.router, [ENDPOINTS]),
        (audit.router, [ENDPOINTS]),
        (all_tenants.router, []),
        (match.router, [ENDPOINTS]),
        (events.router, [EVENTS]),
        (batch.router, [EVENTS]),
        (erasure.router, [EVENTS]),
        (deliveries.router, [DELIVERIES]),
        (recoveries.router, [DELIVERIES]),
        (stats.router, [DELIVERIES]),
        (event_types.router, []),
        (contracts.router, []),
    ):
        app.include_router(router, dependencies=[own, *scopes])
    install_portal(app)
    facades.install(app, config.facades)
    if config.codec_token:
        codec.install(app, state, config.codec_token)
    return app
