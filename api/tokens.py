"""Tenant tokens: JWTs that say which tenant calls, what it may do, and until when."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import jwt
from pydantic import BaseModel, Field, ValidationError

from hookwright.ids import Name
from hookwright.models import Tier

MAX_LIFETIME_SECONDS = 90 * 86_400
"""A lost token opens its tenant for so long at most. What must last is a fixed key's business."""

MAX_CLOCK_SKEW_SECONDS = 30
"""So far a provider's clock may be ahead of ours: its tokens are used the moment they are made."""


class Scope(StrEnum):
    """What a token permits. Events are read with `deliveries:read`: they show their deliveries."""

    ENDPOINTS_READ = "endpoints:read"
    ENDPOINTS_WRITE = "endpoints:write"
    EVENTS_WRITE = "events:write"
    DELIVERIES_READ = "deliveries:read"
    DELIVERIES_WRITE = "deliveries:write"


ALL_SCOPES = frozenset(Scope)

Seconds = Annotated[float, Field(strict=True, allow_inf_nan=False)]
"""Since 1970, as JWTs have times. A fraction is allowed."""


class Claims(BaseModel):
    """What a token says. Scopes that are none of ours are another service's, and ignored."""

    sub: Name
    iat: Seconds
    exp: Seconds
    nbf: Seconds = 0
    scope: str = ""
    tier: Tier | None = None

    @property
    def scopes(self) -> frozenset[Scope]:
        """The scopes, of ours."""
        return ALL_SCOPES.intersection(self.scope.split())

    def is_timely(self, now: float) -> bool:
        """Tell whether it has begun, and its life is no longer than a token's may be."""
        has_begun = max(self.iat, self.nbf) <= now + MAX_CLOCK_SKEW_SECONDS
        return has_begun and 0 < self.exp - self.iat <= MAX_LIFETIME_SECONDS


@dataclass(frozen=True)
class NewToken:
    """A fresh token, and when it ends."""

    token: str
    expires_at: datetime


@dataclass(frozen=True)
class Tokens:
    """Reads tokens with any of the keys, and makes them with the signing key, if there is one.

    Each key has one algorithm, fixed when it was loaded: what a token's header says can only agree
    with it. With an `audience`, tokens must be for it; without, those that name any are refused.
    """

    keys: Sequence[jwt.PyJWK] = ()
    signing_key: jwt.PyJWK | None = None
    audience: str | None = None

    def read(self, token: str) -> Claims | None:
        """Return what a token says, or None if it is not good, for whatever reason."""
        for key in self.keys:
            try:
                claims = Claims.model_validate(self._decoded(token, key))
            except (jwt.PyJWTError, ValidationError):
                continue
            return claims if claims.is_timely(time.time()) else None
        return None

    def mint(
        self, tenant_id: str, scopes: Sequence[Scope], expires_in_seconds: int, tier: Tier
    ) -> NewToken | None:
        """Return a token of a tenant's, or None without a signing key."""
        if self.signing_key is None:
            return None
        # Milliseconds: a token made in the second after a revocation must not fall before it.
        issued = round(time.time(), 3)
        expires = int(issued + expires_in_seconds)
        claims: dict[str, Any] = {
            "sub": tenant_id,
            "scope": " ".join(scopes),
            "tier": tier.value,
            "iat": issued,
            "exp": expires,
        }
        if self.audience:
            claims["aud"] = self.audience
        token = jwt.encode(claims, self.signing_key)
        return NewToken(token, datetime.fromtimestamp(expires, UTC))

    def _decoded(self, token: str, key: jwt.PyJWK) -> dict[str, Any]:
        """Return the claims of a token that this key signed.

        Raises:
            jwt.PyJWTError: it did not, or the token is not valid now.
        """
        return jwt.decode(
            token,
            key,
            audience=self.audience,
            # Their beginning is for `is_timely`: PyJWT would allow the same skew at the end.
            options={"require": ["sub", "iat", "exp"], "verify_iat": False, "verify_nbf": False},
        )
