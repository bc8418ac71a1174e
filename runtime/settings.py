"""The settings of a process. They are read once, when it starts, and passed on as values.

The settings of the Temporal client (`TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, TLS, profiles) are
read by `temporalio.envconfig` in `hookwright.temporal.connection`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from jwt import PyJWK
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import NoDecode, SettingsConfigDict

from activities.egress import Proxy, tls_context
from api.config import IN_MEMORY
from api.portal_config import DEFAULT_ACCENT, Logo
from api.tokens import Tokens
from hookwright.contracts import ContractError, Contracts, load_contracts
from hookwright.ids import TASK_QUEUE
from hookwright.security import DestinationPolicy, parse_networks
from hookwright.temporal import MAKE_A_KEY
from runtime.errors import CommandError
from runtime.keys.jwt_keys import jwks_keys, pem_key, secret_key
from runtime.logs import LogSettings
from runtime.mail import MailSettings
from runtime.metrics import MetricsSettings
from runtime.setting_values import (
    TENANT,
    CommaSeparated,
    FileSetting,
    NamedValues,
    check_digests,
    check_header_sources,
    check_hosts,
    check_networks,
    check_portal_url,
    check_proxy,
    check_secrets,
    check_storage,
    none_if_empty,
    parse_key_ring,
    parse_tenant_keys,
    read_logo,
)


class Settings(MailSettings, MetricsSettings, LogSettings):
    """The operator's settings, from `HOOKWRIGHT_...` variables in the environment or in `.env`."""

    model_config = SettingsConfigDict(
        env_prefix="HOOKWRIGHT_", env_file=".env", extra="ignore", hide_input_in_errors=True
    )

    api_keys: Annotated[NamedValues, AfterValidator(check_digests)] = Field(
        default={}, description="Operator keys: name:sha256hex, comma-separated."
    )
    tenant_keys: Annotated[dict[str, str], NoDecode, BeforeValidator(parse_tenant_keys)] = Field(
        default={},
        description="Tenants' keys: tenant:sha256hex, comma-separated. Stored as digest: tenant.",
    )
    jwt_key: Annotated[CommaSeparated, AfterValidator(check_secrets)] = Field(
        default=[],
        repr=False,
        description="Secrets of tenant tokens, comma-separated. The first signs, all verify.",
    )
    jwt_public_key_file: FileSetting = Field(
        default=None, description="A provider's public key, in PEM, which verifies its tokens."
    )
    jwt_jwks_file: FileSetting = Field(
        default=None, description="A provider's public keys, as a JWKS, which verify its tokens."
    )
    jwt_audience: Annotated[str | None, BeforeValidator(none_if_empty)] = Field(
        default=None,
        description="The audience (`aud`) that tokens must name. Unset: tokens must name none.",
    )
    rate_limit_storage: Annotated[str, AfterValidator(check_storage)] = Field(
        default=IN_MEMORY,
        repr=False,
        description="Where the API counts requests: memory://, or redis://... to share the counts"
        " among several processes.",
    )
    operator_rate_limit: Annotated[int | None, BeforeValidator(none_if_empty)] = Field(
        default=None, ge=1, description="Requests a minute for each operator key. Unset: no limit."
    )
    facades: CommaSeparated = Field(
        default=[], description="The facades to serve, comma-separated; `all` serves all of them."
    )
    contracts_dir: FileSetting = Field(
        default=None, description="A folder of contract files, in addition to the built-in ones."
    )
    encryption_keys: Annotated[dict[str, bytes], NoDecode, BeforeValidator(parse_key_ring)] = Field(
        default={},
        repr=False,
        description="id:base64 of 32 bytes, comma-separated. The first encrypts, all decrypt.",
    )
    refuse_clear_payloads: bool = Field(
        default=False,
        description="Read nothing from Temporal that was not encrypted with one of these keys.",
    )
    task_queue: str = Field(
        default=TASK_QUEUE,
        min_length=1,
        description="The task queue of events. The queues of deliveries and entities derive their"
        " names from it.",
    )
    worker_build_id: Annotated[str | None, BeforeValidator(none_if_empty)] = Field(
        default=None,
        max_length=255,
        description="The build that a worker runs. It gets work when `hookwright promote` makes it"
        " current. Unset: workers have no version.",
    )
    operator_tenant: Annotated[str | None, BeforeValidator(lambda text: text or None)] = Field(
        default=None,
        pattern=TENANT.pattern,
        description="A tenant that also receives the operational events of all tenants.",
    )
    retention_days: int = Field(
        default=30,
        ge=1,
        le=3_650,
        description="How many days deliveries stay in the log and event ids stay taken.",
    )
    max_body_bytes: int = Field(
        default=262_144,
        ge=1_024,
        le=1_048_576,
        description="The largest request body, in bytes.",
    )
    egress_allow_cidrs: Annotated[CommaSeparated, AfterValidator(check_networks)] = Field(
        default=[], description="Networks that are not public, and that webhooks may still reach."
    )
    egress_deny_cidrs: Annotated[CommaSeparated, AfterValidator(check_networks)] = Field(
        default=[],
        description="Networks that webhooks may not reach though they are public. It wins over"
        " HOOKWRIGHT_EGRESS_ALLOW_CIDRS.",
    )
    egress_allow_http: bool = Field(default=False, description="Allow plain http receivers.")
    egress_proxy: Annotated[
        SecretStr | None, BeforeValidator(none_if_empty), AfterValidator(check_proxy)
    ] = Field(
        default=None,
        description="A CONNECT proxy through which webhooks are sent: http://host:port.",
    )
    egress_ca_bundle: FileSetting = Field(
        default=None,
        description="A PEM file of certificate authorities that are trusted in addition to the"
        " system's.",
    )
    webhook_headers: Annotated[NamedValues, AfterValidator(check_header_sources)] = Field(
        default={},
        description="Headers of all webhooks beside those of their contracts: header:source,"
        " comma-separated. Sources are those of a contract's headers.",
    )
    api_docs: bool = Field(default=True, description="Serve `/docs` and `/openapi.json`.")
    allowed_hosts: Annotated[CommaSeparated, AfterValidator(check_hosts)] = Field(
        default=[],
        description="The hosts that the API answers to, comma-separated, without ports. Unset: any."
        " `hookwright dev` always has localhost, 127.0.0.1 and [::1].",
    )
    codec_token: SecretStr | None = Field(
        default=None,
        min_length=32,
        description="The secret in the codec endpoint's URL. Unset: there is no codec endpoint.",
    )
    ui_origin: str = Field(
        default="http://localhost:8233",
        description="The Temporal UI's origin, which may call the codec endpoint.",
    )
    portal_name: str = Field(
        default="Hookwright", min_length=1, max_length=100, description="The portal's name."
    )
    portal_accent: str = Field(
        default=DEFAULT_ACCENT,
        pattern=r"^#[0-9A-Fa-f]{6}$",
        description="The colour of the portal's buttons: #rrggbb.",
    )
    portal_logo: Annotated[Logo | None, BeforeValidator(read_logo)] = Field(
        default=None,
        description="The portal's logo: a file (PNG, JPEG, SVG, WebP), or a data URI.",
    )
    portal_url: Annotated[
        str | None, BeforeValidator(none_if_empty), AfterValidator(check_portal_url)
    ] = Field(
        default=None,
        description="Where people reach the portal: https://webhooks.example.com, without /portal."
        " Unset: links point to where the request for them went.",
    )

    @property
    def destinations(self) -> DestinationPolicy:
        """The rules for the addresses that webhooks may be sent to."""
        return DestinationPolicy(
            allow_http=self.egress_allow_http,
            allow_networks=parse_networks(self.egress_allow_cidrs),
            deny_networks=parse_networks(self.egress_deny_cidrs),
        )

    @property
    def proxy(self) -> Proxy | None:
        """The egress proxy, if there is one."""
        return Proxy.parse(self.egress_proxy.get_secret_value()) if self.egress_proxy else None

    @property
    def egress_authorities(self) -> str | None:
        """The certificate authorities, as PEM, that are trusted in addition to the system's.

        Raises:
            CommandError: The file is missing or not valid. The text names it and the reason.
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
        """The object that verifies and makes tenant tokens.

        Raises:
            CommandError: A file of keys is not valid. The text names it and the fault.
        """
        signing_keys = [secret_key(text) for text in self.jwt_key]
        provider_keys = [
            *_keys_in(
                self.jwt_public_key_file,
                "HOOKWRIGHT_JWT_PUBLIC_KEY_FILE",
                lambda file: [pem_key(file)],
            ),
            *_keys_in(self.jwt_jwks_file, "HOOKWRIGHT_JWT_JWKS_FILE", jwks_keys),
        ]
        return Tokens(
            (*signing_keys, *provider_keys),
            signing_keys[0] if signing_keys else None,
            self.jwt_audience,
        )

    @property
    def contracts(self) -> Contracts:
        """The contracts that can be chosen.

        Raises:
            CommandError: A file is not valid. The text names the file, the key and the reason.
        """
        try:
            return load_contracts(self.contracts_dir)
        except ContractError as error:
            raise CommandError(str(error)) from None

    @property
    def key_ring(self) -> dict[str, bytes]:
        """The keys that encrypt payloads, by id. The first one encrypts.

        Raises:
            CommandError: There is no key. Payloads are never stored unencrypted.
        """
        if not self.encryption_keys:
            raise CommandError(f"HOOKWRIGHT_ENCRYPTION_KEYS is not set; {MAKE_A_KEY}")
        return self.encryption_keys


def _keys_in(file: Path | None, setting: str, read: Callable[[Path], list[PyJWK]]) -> list[PyJWK]:
    if file is None:
        return []
    try:
        return read(file)
    except ValueError as error:
        raise CommandError(f"{setting}: {error}") from None


def load_settings() -> Settings:
    """Return the settings of this process.

    Raises:
        CommandError: Settings are not valid. The text names them and their faults, but never
            repeats a value, which may be a secret.
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
    _ = settings.mail_server  # refuses what does not fit together
    if {*settings.api_keys.values()} & {*settings.tenant_keys}:
        raise CommandError(
            "HOOKWRIGHT_TENANT_KEYS: a tenant's key is also an operator's; make another key"
        )
    return settings
