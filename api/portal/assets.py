"""What pages load: style, script, logo and colours, all from this process."""

from importlib.resources import files

from fastapi import APIRouter, Request, Response

from api.access import app_state
from api.http import not_found

ASSETS = {
    "portal.css": "text/css",
    "portal.js": "text/javascript",
    "webhook_form.js": "text/javascript",
}
CACHED = {"Cache-Control": "public, max-age=300"}

router = APIRouter(prefix="/portal/static", include_in_schema=False)


@router.get("/theme.css")
async def theme(request: Request) -> Response:
    """Return the operator's colour. It is a file because the policy allows no style in pages."""
    portal = app_state(request).config.portal
    css = f":root {{ --accent: {portal.accent}; --on-accent: {portal.text_on_accent}; }}\n"
    return Response(css, media_type="text/css", headers=CACHED)


@router.get("/logo")
async def logo(request: Request) -> Response:
    """Return the operator's logo.

    Raises:
        Problem: 404, there is none.
    """
    picture = app_state(request).config.portal.logo
    if picture is None:
        raise not_found("logo")
    return Response(picture.content, media_type=picture.media_type, headers=CACHED)


@router.get("/{name}")
async def asset(name: str) -> Response:
    """Return the style or the script.

    Raises:
        Problem: 404.
    """
    if name not in ASSETS:
        raise not_found("file")
    content = (files("api.portal") / "static" / name).read_bytes()
    return Response(content, media_type=ASSETS[name], headers=CACHED)
