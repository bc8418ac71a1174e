"""All routes of the portal."""

from fastapi import APIRouter, Depends, FastAPI, Request, Response

from api.access import require_access
from api.http import not_found
from api.portal import assets, event_type_pages, links, operator_pages, sign_in
from api.portal.endpoints import endpoint_pages, form_pages, secret_pages, trial_pages
from api.portal.health import health_pages
from api.portal.logs import log_pages, recovery_pages
from api.portal.portal_route import PortalRoute
from api.portal.session import find_session

unknown = APIRouter(include_in_schema=False, route_class=PortalRoute)


@unknown.get("/portal/{path:path}")
async def unknown_page(path: str, request: Request) -> Response:  # noqa: ARG001 - any path
    """Answer with a page to every other path.

    Raises:
        Problem: 404, always.
    """
    request.state.portal_session = await find_session(request)
    raise not_found("page")


def install_portal(app: FastAPI) -> None:
    """Add the portal's routes to the application."""
    app.include_router(links.router, dependencies=[Depends(require_access)])
    for pages in (
        assets,
        sign_in,
        form_pages,
        secret_pages,
        trial_pages,
        endpoint_pages,
        health_pages,
        log_pages,
        recovery_pages,
        event_type_pages,
        operator_pages,
    ):
        app.include_router(pages.router)
    app.include_router(unknown)
