"""Tenant tokens: JWTs that name the calling tenant, its permissions, and when they expire."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import jwt
from pydantic import BaseModel, Field, ValidationError

from hookwright.ids import Name, new_token_id
from hookwright.models import Tier

MAX_LIFETIME_SECONDS = 90 * 86_400
"""A stolen token gives access to its tenant at most so long. Permanent access needs a key."""

MAX_CLOCK_SKEW_SECONDS = 30
"""The clock of a token's provider may differ from this machine's by so much: tokens are often used
at the moment when they are made."""

TOKEN_ID = re.compile(r"[!-~]{1,64}")
"""The ids that the audit trail shows. A provider's own tokens may have any."""

EPOCH = datetime.fromtimestamp(0, UTC)


class Scope(StrEnum):
    """A permission of a token.

    To read events takes `deliveries:read`, because events are shown with their deliveries.
    """

    ENDPOINTS_READ = "endpoints:read"
    ENDPOINTS_WRITE = "endpoints:write"
    EVENTS_WRITE = "events:write"
    DELIVERIES_READ = "deliveries:read"
    DELIVERIES_WRITE = "deliveries:write"


ALL_SCOPES = frozenset(Scope)

Seconds = Annotated[float, Field(strict=True, allow_inf_nan=False)]
"""Seconds since 1970, the form of times in JWTs. Fractions are allowed."""


class Claims(BaseModel):
    """The claims of a token. Unknown scopes belong to other services and are ignored.

    `clock_lag` is no claim: it is by how many seconds its maker's clock may be behind.
    """

    sub: Name
    iat: Seconds
    exp: Seconds
    nbf: Seconds = 0
    scope: str = ""
    tier: Tier | None = None
    clock_lag: float = 0
    jti: Any = None

    @property
    def token_id(self) -> str | None:
        """The token's id, or None if it has none, or one that is no short word of ASCII."""
        usable = isinstance(self.jti, str) and TOKEN_ID.fullmatch(self.jti)
        return self.jti if usable else None

    @property
    def scopes(self) -> frozenset[Scope]:
        """The known scopes of the token."""
        return ALL_SCOPES.intersection(self.scope.split())

    def is_timely(self, now: float) -> bool:
        """Return whether the token has become valid, and its lifetime is not too long."""
        has_begun = max(self.iat, self.nbf) <= now + MAX_CLOCK_SKEW_SECONDS
        return has_begun and 0 < self.exp - self.iat <= MAX_LIFETIME_SECONDS

    def is_older_than(self, created_at: datetime) -> bool:
        """Return whether the token was made before its tenant: for an earlier one of the same id.

        A tenant that was deleted takes its revocations with it, so none of its tokens may live on.
        A token that was made right after the tenant is not older. Its time may be of a clock that
        is behind, and whole seconds are rounded down.
        """
        rounding = 1.0 if self.iat.is_integer() else 0.0
        return self.iat + max(rounding, self.clock_lag) < created_at.timestamp()


@dataclass(frozen=True)
class NewToken:
    """A new token, its id, which is no secret, and the time when it expires."""

    token: str
    id: str
    expires_at: datetime


@dataclass(frozen=True)
class Tokens:
    """Verifies tokens with any of the keys, and makes tokens with the signing key, if there is one.

    Each key has one algorithm, which is fixed when the key is loaded. A token whose header names
    another algorithm is refused. If an `audience` is set, tokens must name it; otherwise tokens
    that name any audience are refused.
    """

    keys: Sequence[jwt.PyJWK] = ()
    signing_key: jwt.PyJWK | None = None
    audience: str | None = None

    def read(self, token: str) -> Claims | None:
        """Return the claims of a token, or None if the token is not valid for any reason."""
        for key in self.keys:
            try:
                claims = Claims.model_validate(self._decode(token, key))
            except (jwt.PyJWTError, ValidationError):
                continue
            # A symmetric key is this API's own. A provider has clocks of its own as well.
            lag = 0.0 if key.key_type == "oct" else MAX_CLOCK_SKEW_SECONDS
            claims = claims.model_copy(update={"clock_lag": lag})
            return claims if claims.is_timely(time.time()) else None
        return None

    def mint(
        self,
        tenant_id: str,
        scopes: Sequence[Scope],
        expires_in_seconds: int,
        tier: Tier,
        *,
        created_at: datetime = EPOCH,
    ) -> NewToken | None:
        """Return a new token for a tenant, or None if there is no signing key.

        The token is not older than the tenant, which has the time of Temporal's clock: this
        machine's may be a little behind.
        """
        if self.signing_key is None:
            return None
        # With a precision of milliseconds: in whole seconds, a token that is made just after a
        # revocation would seem older than it.
        issued_at = max(round(time.time(), 3), created_at.timestamp())
        expires_at = int(issued_at + expires_in_seconds)
        claims: dict[str, Any] = {
            "sub": tenant_id,
            "scope": " ".join(scopes),
            "tier": tier.value,
            "iat": issued_at,
            "exp": expires_at,
            "jti": new_token_id(),
        }
        if self.audience:
            claims["aud"] = self.audience
        token = jwt.encode(claims, self.signing_key)
        return NewToken(token, claims["jti"], datetime.fromtimestamp(expires_at, UTC))

    def _decode(self, token: str, key: jwt.PyJWK) -> dict[str, Any]:
        """Return the claims of a token that was signed with this key.

        Raises:
            jwt.PyJWTError: The token was signed with another key, or is not valid now.
        """
        return jwt.decode(
            token,
            key,
            audience=self.audience,
            # `is_timely` checks when a token begins, because PyJWT would allow the same clock skew
            # at its end.
            options={"require": ["sub", "iat", "exp"], "verify_iat": False, "verify_nbf": False},
        )
