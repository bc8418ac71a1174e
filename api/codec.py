"""The codec endpoint, which decrypts payloads so that the Temporal UI can show them as clear text.

The UI cannot send a Hookwright key in a header, so the URL contains the permission: a long random
token. CORS lets browsers call the endpoint only from the UI's origin. A wrong token gives a 404.
"""

import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from google.protobuf import json_format
from starlette.middleware.cors import CORSMiddleware
from temporalio.api.common.v1 import Payloads

from api.access import AppState, Holder
from api.http import OWN_SPANS, Problem, install_errors, not_found
from api.routes.strict_route import read_body

MAX_BYTES = 8 * 1024 * 1024

UI = Holder("codec", is_operator=True)
"""Whoever has the token, an operator as a rule."""


def install(app: FastAPI, state: AppState, token: str) -> None:
    """Add `POST /codec/{token}/decode`, and `encode`, which encodes nothing.

    Temporal's command line has the arguments of each query encoded, also if there are none. What
    nobody needs to encrypt, nobody can: whoever has the token can read, and forges nothing.
    """
    config = state.config
    codec_app = FastAPI(openapi_url=None, **OWN_SPANS)
    install_errors(codec_app)
    codec_app.add_middleware(
        CORSMiddleware,
        allow_origins=[config.ui_origin],
        allow_methods=["POST"],
        allow_headers=["content-type", "x-namespace"],
    )

    @asynccontextmanager
    async def sent(given_token: str, request: Request) -> AsyncIterator[Payloads]:
        if not hmac.compare_digest(given_token.encode(), token.encode()):
            raise not_found("page")
        with state.under_way.body_bytes.taking(UI) as take:
            body = await read_body(request, MAX_BYTES, config.body_seconds, take=take)
            try:
                yield json_format.Parse(body, Payloads())
            except (json_format.ParseError, ValueError) as error:
                detail = str(error)
                raise Problem(HTTPStatus.BAD_REQUEST, "cannot-decode", detail) from None

    @codec_app.post("/{given_token}/decode")
    async def decode(given_token: str, request: Request) -> Response:
        async with sent(given_token, request) as payloads:
            decoded = Payloads(payloads=await config.codec.decode(payloads.payloads))
        return Response(json_format.MessageToJson(decoded), media_type="application/json")

    @codec_app.post("/{given_token}/encode")
    async def encode_nothing(given_token: str, request: Request) -> Response:
        async with sent(given_token, request) as payloads:
            if payloads.payloads:
                raise not_found("page")
        return Response("{}", media_type="application/json")

    app.mount("/codec", codec_app)
