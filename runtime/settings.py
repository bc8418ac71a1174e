"""Settings, read once at the edge and passed down.

Temporal's own (`TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, TLS, profiles) are read by
`temporalio.envconfig` in `hookwright.temporal.connection`.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from jwt import PyJWK
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from activities.egress import Proxy, tls_context
from api.config import IN_MEMORY
from api.tokens import Tokens
from hookwright.contracts import ContractError, Contracts, load_contracts
from hookwright.ids import TASK_QUEUE
from hookwright.security import DestinationPolicy, parse_networks
from hookwright.temporal import MAKE_A_KEY, named_values, read_key_ring
from runtime.errors import CommandError
from runtime.jwt_keys import jwks_keys, pem_key, secret_key

TENANT = re.compile(r"^[A-Za-z0-9_-]{1,64}$")
DIGEST = re.compile(r"[0-9A-Fa-f]{64}")


def _named(text: object) -> object:
    """Read `name:value,name:value`."""
    return named_values(text) if isinstance(text, str) else text


def _key_ring(text: object) -> object:
    """Read `id:base64,id:base64`."""
    return read_key_ring(text) if isinstance(text, str) else text


def _listed(text: object) -> object:
    """Read `a,b,c`."""
    if not isinstance(text, str):
        return text
    return [item.strip() for item in text.split(",") if item.strip()]


def _check_digests(keys: dict[str, str]) -> dict[str, str]:
    for name, digest in keys.items():
        if not DIGEST.fullmatch(digest):
            raise ValueError(f"{name}: give the SHA-256 digest of the key, as 64 hex digits")
    return {name: digest.lower() for name, digest in keys.items()}


def _tenant_keys(text: object) -> object:
    """Read `tenant:sha256hex,...`. A tenant may have several keys, so the digest comes first."""
    if not isinstance(text, str):
        return text
    pairs = [item.strip().partition(":") for item in text.split(",") if item.strip()]
    # No part is repeated: in the tenant's place may stand the key itself.
    if not all(TENANT.fullmatch(tenant) and DIGEST.fullmatch(key) for tenant, _, key in pairs):
        raise ValueError(
            "write it as tenant:sha256hex, separated by commas;"
            " the latter is the SHA-256 digest of the key, as 64 hex digits"
        )
    keys = {digest.lower(): tenant for tenant, _, digest in pairs}
    if len(keys) < len(pairs):
        raise ValueError("a key stands there twice; each opens one tenant")
    return keys


def _check_secrets(texts: list[str]) -> list[str]:
    for text in texts:
        secret_key(text)
    return texts


def _check_storage(url: str) -> str:
    if url == IN_MEMORY:
        return url
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("redis", "rediss") and parts.hostname and parts.port != 0
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"write {IN_MEMORY}, or redis://host:port/0 (rediss: with TLS)")
    return url


def _check_networks(networks: list[str]) -> list[str]:
    try:
        parse_networks(networks)
    except ValueError:
        raise ValueError("write networks as 10.1.0.0/16, separated by commas") from None
    return networks


def _check_proxy(url: SecretStr | None) -> SecretStr | None:
    if url is not None:
        Proxy.parse(url.get_secret_value())
    return url


def _none_if_empty(text: object) -> object:
    """Read an empty text as one that is not set, as compose passes it."""
    return text or None


NamedValues = Annotated[dict[str, str], NoDecode, BeforeValidator(_named)]
Listed = Annotated[list[str], NoDecode, BeforeValidator(_listed)]
FileSetting = Annotated[Path | None, BeforeValidator(_none_if_empty)]


class Settings(BaseSettings):
    """What an operator sets, as `HOOKWRIGHT_...` in the environment or in `.env`."""

    model_config = SettingsConfigDict(
        env_prefix="HOOKWRIGHT_", env_file=".env", extra="ignore", hide_input_in_errors=True
    )

    api_keys: Annotated[NamedValues, AfterValidator(_check_digests)] = Field(
        default={}, description="Operator keys: name:sha256hex, comma-separated."
    )
    tenant_keys: Annotated[dict[str, str], NoDecode, BeforeValidator(_tenant_keys)] = Field(
        default={},
        description="Tenants' keys: tenant:sha256hex, comma-separated; kept as digest: tenant.",
    )
    jwt_key: Annotated[Listed, AfterValidator(_check_secrets)] = Field(
        default=[],
        repr=False,
        description="Secrets for tenant tokens, comma-separated. The first signs, all verify.",
    )
    jwt_public_key_file: FileSetting = Field(
        default=None, description="The provider's public key, in PEM, which verifies its tokens."
    )
    jwt_jwks_file: FileSetting = Field(
        default=None, description="The provider's public keys, as a JWKS, which verify its tokens."
    )
    jwt_audience: Annotated[str | None, BeforeValidator(_none_if_empty)] = Field(
        default=None, description="Whom tokens must be for (`aud`). Unset: for nobody by name."
    )
    rate_limit_storage: Annotated[str, AfterValidator(_check_storage)] = Field(
        default=IN_MEMORY,
        repr=False,
        description="Where API processes count calls: memory://, or redis://... for several.",
    )
    operator_rate_limit: Annotated[int | None, BeforeValidator(_none_if_empty)] = Field(
        default=None, ge=1, description="Requests a minute for each operator key. Unset: no limit."
    )
    facades: Listed = Field(
        default=[], description="Facades switched on, comma-separated; `all` is all of them."
    )
    contracts_dir: FileSetting = Field(
        default=None, description="A folder of contract files beside those that ship."
    )
    encryption_keys: Annotated[dict[str, bytes], NoDecode, BeforeValidator(_key_ring)] = Field(
        default={},
        repr=False,
        description="id:base64 of 32 bytes, comma-separated. The first encrypts, all decrypt.",
    )
    task_queue: str = Field(
        default=TASK_QUEUE,
        min_length=1,
        description="The task queue of events; deliveries and entities have queues named after it.",
    )
    operator_tenant: Annotated[str | None, BeforeValidator(lambda text: text or None)] = Field(
        default=None,
        pattern=TENANT.pattern,
        description="The tenant that gets all tenants' operational events, too.",
    )
    retention_days: int = Field(
        default=30, ge=1, le=3_650, description="Length of the delivery log and of idempotency."
    )
    max_body_bytes: int = Field(
        default=262_144, ge=1_024, le=1_048_576, description="The largest request body."
    )
    egress_allow_cidrs: Annotated[Listed, AfterValidator(_check_networks)] = Field(
        default=[], description="Networks that webhooks may reach though they are not public."
    )
    egress_allow_http: bool = Field(default=False, description="Allow plain http receivers.")
    egress_proxy: Annotated[
        SecretStr | None, BeforeValidator(_none_if_empty), AfterValidator(_check_proxy)
    ] = Field(default=None, description="A CONNECT proxy that reaches receivers: http://host:port.")
    egress_ca_bundle: FileSetting = Field(
        default=None, description="A PEM file of authorities trusted beside the system's."
    )
    api_docs: bool = Field(default=True, description="Serve `/docs` and `/openapi.json`.")
    codec_token: SecretStr | None = Field(
        default=None,
        min_length=32,
        description="The capability in the codec endpoint's URL. Unset: there is no such endpoint.",
    )
    ui_origin: str = Field(
        default="http://localhost:8233",
        description="The Temporal UI's origin, which may call the codec endpoint.",
    )

    @property
    def destinations(self) -> DestinationPolicy:
        """Where webhooks may go."""
        return DestinationPolicy(
            allow_http=self.egress_allow_http,
            allow_networks=parse_networks(self.egress_allow_cidrs),
        )

    @property
    def proxy(self) -> Proxy | None:
        """The egress proxy, if there is one."""
        return Proxy.parse(self.egress_proxy.get_secret_value()) if self.egress_proxy else None

    @property
    def egress_authorities(self) -> str | None:
        """The authorities, as PEM, that receivers' certificates may be of beside the system's.

        Raises:
            CommandError: the file is missing or broken; the text names it and the reason.
        """
        if self.egress_ca_bundle is None:
            return None
        try:
            authorities = self.egress_ca_bundle.read_text(encoding="ascii", errors="ignore")
            tls_context(authorities)
        except (OSError, ValueError) as error:
            reason = str(getattr(error, "strerror", "") or error).partition(" (_ssl")[0]
            raise CommandError(
                f"HOOKWRIGHT_EGRESS_CA_BUNDLE: {self.egress_ca_bundle} is not a file of PEM"
                f" certificates ({reason})"
            ) from None
        return authorities

    @property
    def tokens(self) -> Tokens:
        """What reads and makes tenant tokens.

        Raises:
            CommandError: a file of keys will not do; the text names it and the fault.
        """
        own = [secret_key(text) for text in self.jwt_key]
        theirs = [
            *_keys_in(self.jwt_public_key_file, "PUBLIC_KEY", lambda file: [pem_key(file)]),
            *_keys_in(self.jwt_jwks_file, "JWKS", jwks_keys),
        ]
        return Tokens((*own, *theirs), own[0] if own else None, self.jwt_audience)

    @property
    def contracts(self) -> Contracts:
        """The contracts that can be chosen.

        Raises:
            CommandError: one of the files is broken; the text names file, key and reason.
        """
        try:
            return load_contracts(self.contracts_dir)
        except ContractError as error:
            raise CommandError(str(error)) from None

    @property
    def key_ring(self) -> dict[str, bytes]:
        """The payload keys by id, the encrypting one first.

        Raises:
            CommandError: there is none. Nothing is ever stored in clear.
        """
        if not self.encryption_keys:
            raise CommandError(f"HOOKWRIGHT_ENCRYPTION_KEYS is not set; {MAKE_A_KEY}")
        return self.encryption_keys


def _keys_in(file: Path | None, what: str, read: Callable[[Path], list[PyJWK]]) -> list[PyJWK]:
    if file is None:
        return []
    try:
        return read(file)
    except ValueError as error:
        raise CommandError(f"HOOKWRIGHT_JWT_{what}_FILE: {error}") from None


def load_settings() -> Settings:
    """Return the settings of this process.

    Raises:
        CommandError: some are not valid; the text names them and the faults, never the values.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        faults = {
            str(fault["loc"][0]).upper(): fault["msg"].removeprefix("Value error, ")
            for fault in error.errors()
        }
        sentences = [f"HOOKWRIGHT_{name}: {fault}" for name, fault in faults.items()]
        raise CommandError("; ".join(sentences)) from None
    if {*settings.api_keys.values()} & {*settings.tenant_keys}:
        raise CommandError(
            "HOOKWRIGHT_TENANT_KEYS: a tenant's key is an operator's too; make another"
        )
    return settings
