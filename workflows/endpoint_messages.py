"""The arguments of the updates of an `Endpoint`, which any Temporal client may send."""

from typing import Any

from pydantic import Field
from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from hookwright.models import CustomHeaders, EndpointConfig, SignWith
    from hookwright.security import ClientIdentity
    from workflows.deadline import AuditedUpdate


class EndpointCreateUpdate(AuditedUpdate):
    """The argument of `create`. `digest` is of the caller's request: a repeat has the same one."""

    config: EndpointConfig
    secret: str = Field(min_length=1, max_length=256)
    headers: CustomHeaders
    client_identity: ClientIdentity | None = None
    digest: str
    paused: bool = False


class EndpointSwitchUpdate(AuditedUpdate):
    """The argument of `pause` and `resume`."""


class EndpointChangeUpdate(AuditedUpdate):
    """The argument of `change`: the fields to set, and all custom headers if they change.

    The same holds for the client identity, which `no_client_identity` takes away.
    """

    fields: dict[str, Any]
    headers: CustomHeaders | None = None
    client_identity: ClientIdentity | None = None
    no_client_identity: bool = False

    def identity(self, current: ClientIdentity | None) -> ClientIdentity | None:
        """Return the client identity after the change."""
        return None if self.no_client_identity else self.client_identity or current


class SecretRotateUpdate(AuditedUpdate):
    """The argument of `rotate`: the new secret, and how long the older ones go on signing.

    With `previous` the new one signs when that time is over, and not before.
    """

    secret: str = Field(min_length=1, max_length=256)
    grace_period_seconds: float = Field(ge=0, le=604_800, allow_inf_nan=False)
    sign_with: SignWith = "new"
