"""Contracts: data that describes how a provider's webhooks look and behave.

A contract is one TOML file. The code for delivery, signing and retries reads these models and never
depends on the name of a contract. docs/contracts.md shows how to write one.
"""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
    model_validator,
)

from hookwright.contracts.deactivation import DeactivationRule
from hookwright.contracts.headers import FORBIDDEN
from hookwright.contracts.retries import RetryRule
from hookwright.expressions import check_expression
from hookwright.ids import EventType, Name
from hookwright.subscription import OPERATIONAL_TYPES, wants_type
from hookwright.validation_errors import described_faults

MAX_TIMEOUT_SECONDS = 60
"""The longest timeout that a contract or an endpoint may set for the receiver's answer."""

HeaderName = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", max_length=128),
]
VisibleAscii = Annotated[str, StringConstraints(pattern=r"^[ -~]*$", max_length=128)]
HeaderSource = Literal["event_id", "delivery_id", "unix_time"]
"""What a contract may send in one of its headers: the id of the event, the id of the delivery (the
same at every attempt), or the time of the attempt."""


class ContractModel(BaseModel):
    """The base of all parts of a contract: unknown fields are refused, and nothing can change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SignatureRule(ContractModel):
    """Which header carries the signature, and how it is made (see `hookwright.webhook.signing`).

    `standard` is Standard Webhooks: `v1` and `v1a` over `id.timestamp.body`, keys in base64.
    `body` is one HMAC-SHA256 over the body, `timestamped` is `t=<unix>,v1=<hmac>` over
    `<unix>.<body>`. The key of both is the text of the secret, which is not decoded.
    """

    scheme: Literal["standard", "body", "timestamped"]
    header: HeaderName
    encoding: Literal["base64", "hex"]
    prefix: VisibleAscii = ""

    @model_validator(mode="after")
    def _fits_its_scheme(self) -> Self:
        if self.scheme == "standard" and (self.encoding != "base64" or self.prefix):
            raise ValueError("the standard scheme is base64 without a prefix")
        if self.scheme == "timestamped" and self.prefix:
            raise ValueError("the timestamped scheme has no prefix")
        return self


class SecretRule(ContractModel):
    """Who chooses an endpoint's secret, and how many characters a given secret may have."""

    given: Literal["required", "optional", "refused"] = "optional"
    min_length: int = Field(default=16, ge=1, le=256)
    max_length: int = Field(default=256, ge=1, le=256)

    @model_validator(mode="after")
    def _some_secret_fits(self) -> Self:
        if self.min_length > self.max_length:
            raise ValueError("min_length is above max_length")
        return self


class ExtraField(ContractModel):
    """A field that events of the contract have beside their data. The envelope places it."""

    type: Literal["boolean", "string", "number", "object"]
    choices: tuple[str, ...] = ()
    default: JsonValue = None

    def fault(self, value: JsonValue) -> str | None:
        """Return what is wrong with a value, or None."""
        kinds: dict[str, tuple[type, ...]] = {
            "boolean": (bool,),
            "string": (str,),
            "number": (int, float),
            "object": (dict,),
        }
        is_kind = isinstance(value, kinds[self.type])
        if not is_kind or (self.type == "number" and isinstance(value, bool)):
            return f"must be of type {self.type}"
        if self.choices and value not in self.choices:
            return f"must be one of: {', '.join(self.choices)}"
        return None

    @model_validator(mode="after")
    def _default_fits(self) -> Self:
        if self.default is not None and (fault := self.fault(self.default)):
            raise ValueError(f"the default {fault}")
        return self


class Contract(ContractModel):
    """One contract, with the fields of its TOML file."""

    name: Name
    title: str
    content_type: VisibleAscii
    timeout_seconds: float = Field(gt=0, le=MAX_TIMEOUT_SECONDS)
    json_style: Literal["compact", "ecmascript"] = "compact"
    envelope: Annotated[str, AfterValidator(check_expression)]
    headers: Mapping[HeaderName, HeaderSource] = {}
    signature: SignatureRule
    secret: SecretRule = SecretRule()
    retry: RetryRule
    deactivation: DeactivationRule = DeactivationRule()
    extra: Mapping[Name, ExtraField] = {}
    event_types: Mapping[EventType, str] = {}

    @model_validator(mode="after")
    def _sends_what_it_signs(self) -> Self:
        if self.signature.scheme == "standard":
            for source in ("event_id", "unix_time"):
                if source not in self.headers.values():
                    raise ValueError(f"headers: the standard scheme needs one for {source}")
        return self

    @model_validator(mode="after")
    def _may_set_its_headers(self) -> Self:
        names = [name.lower() for name in (*self.headers, self.signature.header)]
        if len({*names}) < len(names):
            raise ValueError("headers: a name is given twice")
        if forbidden := sorted(FORBIDDEN & {*names}):
            raise ValueError(f"headers: a contract may not set {', '.join(forbidden)}")
        return self

    def header_with(self, source: HeaderSource) -> str:
        """Return the name of the header with this content. The standard scheme has one for each."""
        return next(name for name, sent in self.headers.items() if sent == source)

    @property
    def reserved_headers(self) -> frozenset[str]:
        """The names, in lower case, of the headers that this contract sets."""
        return frozenset(name.lower() for name in (*self.headers, self.signature.header))

    def subscription_fault(self, patterns: Iterable[str]) -> str | None:
        """Return why no event of this contract could ever match one of the patterns, or None."""
        for pattern in patterns:
            if self.event_types and not any(
                wants_type([pattern], each) for each in (*self.event_types, *OPERATIONAL_TYPES)
            ):
                return f"{pattern} is no event type of contract {self.name}"
        return None

    def event_faults(self, event_type: str, extra: Mapping[str, JsonValue]) -> dict[str, str]:
        """Return why an event is not one of this contract, by the field at fault."""
        faults = {}
        if self.event_types and event_type not in self.event_types:
            known = ", ".join(self.event_types)
            faults["type"] = (
                f"{event_type} is no event type of contract {self.name}, which has: {known}"
            )
        for name, value in extra.items():
            field = self.extra.get(name)
            fault = field.fault(value) if field else self._unknown_extra()
            if fault:
                faults[f"extra.{name}"] = fault
        return faults

    def with_defaults(self, extra: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """Return an event's extra fields, with the defaults of those that were not given."""
        defaults = {
            name: field.default for name, field in self.extra.items() if field.default is not None
        }
        return {**defaults, **extra}

    def _unknown_extra(self) -> str:
        return f"contract {self.name} has {', '.join(self.extra) or 'no'} extra fields only"


class ContractError(Exception):
    """A contract file is invalid. The text names the file, the key and the reason."""


def load_contract(path: Path) -> Contract:
    """Read one contract file.

    Raises:
        ContractError: the file is not TOML, or does not describe a contract.
    """
    try:
        return Contract.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        raise ContractError(f"{path}: {described_faults(error)}") from error
    except (OSError, RecursionError, ValueError) as error:
        raise ContractError(f"{path}: {error}") from error
