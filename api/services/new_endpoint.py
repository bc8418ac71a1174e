"""What registers an endpoint, and what replaces its secret."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from api.services.endpoint_checks import PemPair
from hookwright.models import EndpointConfig, SignWith


@dataclass(frozen=True)
class SecretRotation:
    """What replaces a secret: a given one, or None for a new one of the same kind."""

    grace_period_seconds: float
    sign_with: SignWith
    secret: str | None


@dataclass(frozen=True)
class NewEndpoint:
    """What registers an endpoint. A repeat under a chosen id is safe: it gets the first answer.

    A `paused` one is created and paused in one update, so no event is sent in between.
    `max_endpoints` is how many its tenant may have then, if there is a limit.
    """

    config: EndpointConfig
    secret: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    endpoint_id: str | None = None
    client: PemPair = (None, None)
    paused: bool = False
    max_endpoints: int | None = None

    def digest(self) -> str:
        """Return a digest that equal requests share. It is stored encrypted."""
        content: list[object] = [
            self.config.model_dump(mode="json"),
            self.secret,
            dict(self.headers),
        ]
        if any(self.client):  # else older requests would not match
            content.append(list(self.client))
        if self.paused:  # for the same reason only then
            content.append("paused")
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
