"""Links and sessions: what a person may do in the portal, as signed tokens.

Nothing is stored for a session. It ends when it expires, when the tenant's tokens are revoked, when
the tenant is deleted, or when the operator's key is taken away.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Self

import jwt
from pydantic import BaseModel, StringConstraints, ValidationError

from api.access import Holder
from api.tokens import ALL_SCOPES, Scope
from hookwright.ids import Name
from hookwright.models import TenantView

SESSION_SECONDS = 12 * 3_600
ALGORITHM = "HS256"

GrantId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


class GrantUse(StrEnum):
    """What a token is for. It is the token's audience, so a link is no session."""

    LINK = "hookwright portal link"
    SESSION = "hookwright portal session"


class Grant(BaseModel):
    """Who signed in, and what they may do.

    `tenant` is the tenant whose pages are shown; an operator has none until they act as one.
    `operator` is the name of an operator's key, and `key` the beginning of its digest.
    """

    jti: GrantId
    iat: float
    exp: int
    tenant: Name | None = None
    operator: str | None = None
    key: str | None = None
    scopes: list[str] = []

    @classmethod
    def new(cls, seconds: int, **fields: Any) -> Self:  # noqa: ANN401 - checked by pydantic
        """Return a new grant that is valid for so many seconds."""
        now = round(time.time(), 3)
        return cls(jti=secrets.token_hex(16), iat=now, exp=int(now) + seconds, **fields)

    @property
    def known_scopes(self) -> frozenset[Scope]:
        """What it allows. An operator may do everything."""
        return ALL_SCOPES if self.operator else ALL_SCOPES.intersection(self.scopes)

    @property
    def holder(self) -> Holder:
        """In whose name its requests are under way."""
        if self.operator:
            return Holder(f"operator:{self.operator}", is_operator=True)
        return Holder(self.tenant or "")

    def acting_as(self, tenant: str | None) -> Self:
        """Return an operator's grant that shows this tenant's pages, or no tenant's."""
        return self.model_copy(update={"tenant": tenant})


@dataclass(frozen=True)
class GrantKey:
    """Signs grants, and reads those that it signed."""

    key: bytes

    def write(self, grant: Grant, use: GrantUse) -> str:
        """Return a grant as a token for this use."""
        claims = {**grant.model_dump(exclude_none=True), "aud": use.value}
        return jwt.encode(claims, self.key, ALGORITHM)

    def read(self, token: str, use: GrantUse) -> Grant | None:
        """Return the grant of a token, or None if the token is not valid for this use."""
        options: Any = {"require": ["exp", "iat", "aud", "jti"], "verify_iat": False}
        try:
            claims = jwt.decode(token, self.key, [ALGORITHM], options, audience=use.value)
            return Grant.model_validate(claims)
        except (jwt.PyJWTError, ValidationError):
            return None

    def csrf_token(self, grant: Grant) -> str:
        """Return the token that every form of this session carries."""
        return hmac.new(self.key, f"csrf {grant.jti}".encode(), hashlib.sha256).hexdigest()


def link_grant(tenant: TenantView, scopes: Collection[Scope], seconds: int) -> Grant:
    """Return the grant of a new link.

    It is not older than its tenant, even if this machine's clock is behind Temporal's: it would
    look like a link to an earlier tenant of the same id.
    """
    grant = Grant.new(seconds, tenant=tenant.id, scopes=sorted(scopes))
    return grant.model_copy(update={"iat": max(grant.iat, tenant.created_at.timestamp())})


def session_grant(link: Grant) -> Grant:
    """Return the session that a link opens.

    It is as old as its link: a revocation that comes while the link is being used ends both.
    """
    session = Grant.new(SESSION_SECONDS, tenant=link.tenant, scopes=link.scopes)
    return session.model_copy(update={"iat": link.iat})


def operator_grant(name: str, key_digest: str) -> Grant:
    """Return the session of an operator."""
    return Grant.new(SESSION_SECONDS, operator=name, key=key_digest[:16])
