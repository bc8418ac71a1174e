"""Contracts: how a provider's webhooks look and behave, as data.

A contract is one TOML file. Delivery, signing and retry code reads these models and knows no
contract by name.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from hookwright.expressions import check_expression
from hookwright.ids import Name
from hookwright.schedule import RetryRule

DEFAULT_CONTRACT = "standard"

HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", max_length=128)]
HeaderSource = Literal["event_id", "unix_time"]
"""What a contract may send in a header of its own: the event's id, or the attempt's time."""


class SignatureRule(BaseModel):
    """Which header carries the signature, and in which scheme (see `hookwright.signing`)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scheme: Literal["standard"]
    header: HeaderName


class Contract(BaseModel):
    """One contract, as its TOML file has it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    title: str
    content_type: str
    timeout_seconds: float = Field(gt=0, le=60)
    envelope: Annotated[str, AfterValidator(check_expression)]
    headers: Mapping[HeaderName, HeaderSource]
    signature: SignatureRule
    retry: RetryRule


class ContractError(Exception):
    """A contract file is broken; the text names file, key and reason."""


def load_contract(path: Path) -> Contract:
    """Read one contract file.

    Raises:
        ContractError: the file is not TOML, or not a contract.
    """
    try:
        return Contract.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ContractError(f"{path}: {error}") from error
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()
        )
        raise ContractError(f"{path}: {faults}") from error


@cache
def contracts() -> Mapping[str, Contract]:
    """Return the contracts that can be chosen, by name."""
    files = sorted((Path(__file__).parent / "contracts").glob("*.toml"))
    return {contract.name: contract for contract in map(load_contract, files)}
