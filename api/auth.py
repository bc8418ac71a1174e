"""Who is calling. Operator keys, compared by digest and in constant time."""

import hashlib
import hmac
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.errors import Problem

bearer = HTTPBearer(auto_error=False, description="An operator key: `hwk_<id>_<secret>`.")


async def require_operator(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> None:
    """Let operators pass.

    Raises:
        Problem: 401, with no detail on what was wrong.
    """
    token = credentials.credentials if credentials else ""
    digest = hashlib.sha256(token.encode()).hexdigest()
    matches = [
        hmac.compare_digest(digest, known) for known in request.app.state.config.api_keys.values()
    ]
    if not any(matches):
        raise Problem(
            HTTPStatus.UNAUTHORIZED,
            "unauthorized",
            "send `Authorization: Bearer <operator key>`",
            headers={"WWW-Authenticate": "Bearer"},
        )
