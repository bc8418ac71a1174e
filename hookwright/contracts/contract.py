"""Contracts: data that describes how a provider's webhooks look and behave.

A contract is one TOML file. The code for delivery, signing and retries reads these models and never
depends on the name of a contract. docs/contracts.md shows how to write one.
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, JsonValue, ValidationError, model_validator

from hookwright.contracts.contract_model import (
    ContractModel,
    HeaderName,
    HeaderText,
    VisibleAscii,
)
from hookwright.contracts.deactivation import DeactivationRule
from hookwright.contracts.event_type_patterns import check_pattern, fits_pattern
from hookwright.contracts.header_templates import as_template, check_header_value, extra_names
from hookwright.contracts.headers import FORBIDDEN
from hookwright.contracts.retries import RetryRule
from hookwright.contracts.signature import SignatureRule
from hookwright.expressions import check_expression
from hookwright.ids import EventType, Name
from hookwright.subscription import OPERATIONAL_TYPES, wants_type
from hookwright.validation_errors import described_faults, fault_lines

MAX_TIMEOUT_SECONDS = 60
"""The longest timeout that a contract or an endpoint may set for the receiver's answer."""

MAX_EXTRA_IN_HEADER = 256
"""The longest text of an extra field that stands in a header."""

HeaderValue = Annotated[str, Field(max_length=256), AfterValidator(check_header_value)]


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
    body_format: Literal["json", "form"] = "json"
    envelope: Annotated[str, AfterValidator(check_expression)]
    headers: Mapping[HeaderName, HeaderValue] = {}
    constant_headers: Mapping[HeaderName, HeaderText] = {}
    signature: SignatureRule
    secret: SecretRule = SecretRule()
    retry: RetryRule
    deactivation: DeactivationRule = DeactivationRule()
    extra: Mapping[Name, ExtraField] = {}
    event_types: Mapping[EventType, str] = {}
    event_type_pattern: Annotated[str, AfterValidator(check_pattern)] | None = None

    @model_validator(mode="after")
    def _sends_what_it_signs(self) -> Self:
        rule = self.signature
        standard = rule.scheme == "standard"
        needed = {
            "event_id": standard or rule.signs("id"),
            "unix_time": standard or (rule.signs("timestamp") and not rule.value_has_timestamp),
        }
        for source, is_needed in needed.items():
            if is_needed and not self._headers_with(source):
                raise ValueError(f"headers: the {rule.scheme} scheme needs one for {source}")
        if rule.signs("form") and self.body_format != "form":
            raise ValueError('signature.signed: {form} needs body_format = "form"')
        return self

    @model_validator(mode="after")
    def _has_its_extra_fields(self) -> Self:
        for name, field in self._extra_in_headers():
            if field is None:
                raise ValueError(f"headers: there is no [extra.{name}]")
            if field.type == "object":
                raise ValueError(f"headers: extra.{name} is an object, which no header can hold")
        return self

    @model_validator(mode="after")
    def _follows_its_pattern(self) -> Self:
        for event_type in self.event_types:
            if fault := self._pattern_fault(event_type):
                raise ValueError(f"event_types: {fault}")
        return self

    @model_validator(mode="after")
    def _may_set_its_headers(self) -> Self:
        names = [name.lower() for name in self._header_names()]
        if len({*names}) < len(names):
            raise ValueError("headers: a name is given twice")
        if forbidden := sorted(FORBIDDEN & {*names}):
            raise ValueError(f"headers: a contract may not set {', '.join(forbidden)}")
        return self

    def header_with(self, source: str) -> str:
        """Return the name of the header with this content. What is signed has one for each."""
        return self._headers_with(source)[0]

    @property
    def reserved_headers(self) -> frozenset[str]:
        """The names, in lower case, of the headers that this contract sets."""
        return frozenset(name.lower() for name in self._header_names())

    def has_type(self, event_type: str) -> bool:
        """Return whether events of this type may be sent by this contract."""
        in_table = not self.event_types or event_type in self.event_types
        return in_table and self._pattern_fault(event_type) is None

    def subscription_fault(self, patterns: Iterable[str]) -> str | None:
        """Return why no event of this contract could ever match one of the patterns, or None."""
        for pattern in patterns:
            if self.event_types and not any(
                wants_type([pattern], each) for each in (*self.event_types, *OPERATIONAL_TYPES)
            ):
                return f"{pattern} is no event type of contract {self.name}"
            # Which types a pattern with a star covers cannot be told from a regular expression.
            if not (pattern.endswith("*") or pattern in OPERATIONAL_TYPES):
                fault = self._pattern_fault(pattern)
                if fault:
                    return fault
        return None

    def event_faults(self, event_type: str, extra: Mapping[str, JsonValue]) -> dict[str, str]:
        """Return why an event is not one of this contract, by the field at fault."""
        faults = {}
        if self.event_types and event_type not in self.event_types:
            known = ", ".join(self.event_types)
            faults["type"] = (
                f"{event_type} is no event type of contract {self.name}, which has: {known}"
            )
        elif fault := self._pattern_fault(event_type):
            faults["type"] = fault
        in_headers = {name for name, _ in self._extra_in_headers()}
        for name, value in extra.items():
            field = self.extra.get(name)
            fault = field.fault(value) if field else self._unknown_extra()
            if not fault and name in in_headers:
                fault = _header_fault(value)
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

    def _header_names(self) -> list[str]:
        return [*self.headers, *self.constant_headers, self.signature.header]

    def _headers_with(self, source: str) -> list[str]:
        whole = f"{{{source}}}"
        return [name for name, sent in self.headers.items() if as_template(sent) == whole]

    def _extra_in_headers(self) -> Iterable[tuple[str, ExtraField | None]]:
        for value in self.headers.values():
            for name in extra_names(value):
                yield name, self.extra.get(name)

    def _pattern_fault(self, event_type: str) -> str | None:
        if self.event_type_pattern is None or fits_pattern(self.event_type_pattern, event_type):
            return None
        return (
            f"{event_type} does not match the pattern of contract {self.name},"
            f" {self.event_type_pattern}"
        )


def _header_fault(value: JsonValue) -> str | None:
    """Return why an extra field cannot stand in a header, or None. Only text can be at fault."""
    if not isinstance(value, str):
        return None
    if len(value) > MAX_EXTRA_IN_HEADER or not (value.isascii() and value.isprintable()):
        return f"is sent in a header: at most {MAX_EXTRA_IN_HEADER} printable ASCII characters"
    return None


class ContractError(Exception):
    """A contract file is invalid. The text names the file, the key and the reason.

    `faults` has one text for each key at fault, without the file.
    """

    def __init__(self, text: str, faults: Sequence[str] = ()) -> None:
        super().__init__(text)
        self.faults = faults


def load_contract(path: Path) -> Contract:
    """Read one contract file.

    Raises:
        ContractError: the file is not TOML, or does not describe a contract.
    """
    try:
        return Contract.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        raise ContractError(f"{path}: {described_faults(error)}", fault_lines(error)) from error
    except (OSError, RecursionError, ValueError) as error:
        raise ContractError(f"{path}: {error}") from error
