"""Forms: read with limits, and only from pages of the portal itself."""

import hmac
from http import HTTPStatus
from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from fastapi import Depends, Request
from starlette.datastructures import FormData

from api.access import Holder, app_state
from api.http import Problem, conflict
from api.portal.session import SessionDependency
from api.routes.strict_route import read_body
from hookwright.security import SECRET_FIELDS, hidden_from_logs

MEDIA_TYPE = "application/x-www-form-urlencoded"
MAX_FIELDS = 500
SECRET_NAMES = SECRET_FIELDS | {"csrf", "example_data", "link"}
"""The names of fields whose values are secrets, beside the values of headers."""


async def read_form(request: Request, holder: Holder, max_bytes: int) -> FormData:
    """Return the fields of a form that a page of this host sent. Its secrets stay out of the logs.

    Raises:
        Problem: 403 another site sent it; 408, 413, 415, 422 and 503 as for any body.
    """
    check_origin(request)
    if request.headers.get("content-type", "").partition(";")[0].strip() != MEDIA_TYPE:
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not-a-form", f"send the form as {MEDIA_TYPE}"
        )
    state, until_answered = app_state(request), request.state.until_answered
    take = until_answered.enter_context(state.under_way.body_bytes.taking(holder))
    body = await read_body(request, max_bytes, state.config.body_seconds, "send less", take)
    try:
        fields = parse_qsl(
            body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY, "not-a-form", "the form is not valid"
        ) from None
    secrets = [value for name, value in fields if _is_secret(name)]
    until_answered.enter_context(hidden_from_logs(*secrets))
    # A browser sends the ends of lines of a text area as CR LF.
    return FormData([(name, value.replace("\r\n", "\n")) for name, value in fields])


def _is_secret(name: str) -> bool:
    return name in SECRET_NAMES or name.startswith("header_value")


async def _session_form(request: Request, session: SessionDependency) -> FormData:
    """Return a form that carries the token of its session.

    Raises:
        Problem: 403, or as `read_form`.
    """
    max_bytes = app_state(request).config.max_body_bytes
    form = await read_form(request, session.grant.holder, max_bytes)
    given = str(form.get("csrf", ""))
    if not hmac.compare_digest(given.encode(), session.csrf_token.encode()):
        raise _foreign()
    return form


SessionFormDependency = Annotated[FormData, Depends(_session_form)]
"""A form that concerns the session itself, whichever tenant's pages it shows."""


async def _form_of_page(session: SessionDependency, form: SessionFormDependency) -> FormData:
    """Return a form of a page of the tenant whose pages are shown now.

    All tabs of a browser share one session. In another tab an operator may have begun to act as
    another tenant: a webhook must not be created there, with the first tenant's URL.

    Raises:
        Problem: 409, or as `_session_form`.
    """
    if session.is_operator and text(form, "acting_as") != session.tenant_id:
        raise conflict("you act as another tenant now; open the page again and repeat")
    return form


FormDependency = Annotated[FormData, Depends(_form_of_page)]


def text(form: FormData, name: str) -> str:
    """Return a field's text without spaces around it, or an empty text."""
    return str(form.get(name, "")).strip()


def check_origin(request: Request) -> None:
    """Refuse a form that a browser sent from another site.

    Only hosts are compared: a proxy that ends TLS changes the scheme.

    Raises:
        Problem: 403.
    """
    own = {request.headers.get("host", "")} - {""}
    if url := app_state(request).config.portal.url:
        own.add(urlsplit(url).netloc)
    source = request.headers.get("origin") or request.headers.get("referer")
    site = request.headers.get("sec-fetch-site", "same-origin")
    if site not in ("same-origin", "none") or (source and _host(source) not in own):
        raise _foreign()


def _host(url: str) -> str:
    """Return the host and port of a URL, or an empty text if it is malformed."""
    try:
        return urlsplit(url).netloc
    except ValueError:
        return ""


def _foreign() -> Problem:
    return Problem(
        HTTPStatus.FORBIDDEN,
        "foreign-form",
        "the form did not come from a page of this session; open the page again and repeat",
    )
