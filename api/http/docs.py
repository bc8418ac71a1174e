"""The page `/docs`: Swagger UI over the OpenAPI document.

Script and style come from this process, so the page works without the internet, and nobody else's
server can change what an operator's browser runs beside an operator's key.
"""

import base64
import hashlib
import re
from collections.abc import Awaitable, Callable
from importlib.resources import files

from fastapi import FastAPI, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse

ASSETS = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.png": "image/png",
}
"""Files of the package fastapi-offline, with their media types."""

CACHED = {"Cache-Control": "public, max-age=3600"}
"""The assets have more than a megabyte, and nothing in them is secret."""


def install_docs(app: FastAPI) -> None:
    """Serve `/docs` and what it loads. Its policy lets it load this and nothing else."""
    page = get_swagger_ui_html(
        openapi_url=app.openapi_url or "",
        title=app.title,
        swagger_js_url="/docs/swagger-ui-bundle.js",
        swagger_css_url="/docs/swagger-ui.css",
        swagger_favicon_url="/docs/favicon.png",
    )
    (inline_script,) = re.findall(rb"<script>(.*?)</script>", bytes(page.body), re.DOTALL)
    script_digest = base64.b64encode(hashlib.sha256(inline_script).digest()).decode()
    # Swagger UI writes `style` attributes, which no hash can allow. They can load nothing.
    policy = (
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none';"
        f" connect-src 'self'; script-src 'self' 'sha256-{script_digest}';"
        " style-src 'self' 'unsafe-inline'; img-src 'self' data:"
    )

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(page.body, headers={"Content-Security-Policy": policy})

    for name in ASSETS:
        app.get(f"/docs/{name}", include_in_schema=False)(_asset_route(name))


def _asset_route(name: str) -> Callable[[], Awaitable[Response]]:
    content = (files("fastapi_offline") / "static" / name).read_bytes()

    async def asset() -> Response:
        return Response(content, media_type=ASSETS[name], headers=CACHED)

    return asset
