"""Contracts as the command line names them: by name, or by file. Faults are CommandErrors."""

import os
from collections.abc import Iterable
from pathlib import Path

from hookwright.contracts import (
    Contract,
    ContractError,
    UnknownContractError,
    load_contract,
    load_contracts,
)
from runtime.errors import CommandError


def chosen_contract(name_or_file: str | None, contracts_dir: Path | None) -> Contract:
    """Return the contract of this name or in this file; for None the default one.

    A name has neither a slash nor a full stop, so `acme.toml` and `./acme` are files.

    Raises:
        CommandError: there is no such contract, or a file is at fault.
    """
    if name_or_file and ("." in name_or_file or os.sep in name_or_file):
        return read_contract(Path(name_or_file))
    try:
        return load_contracts(contracts_dir).named(name_or_file)
    except ContractError as error:
        raise CommandError(str(error)) from None
    except UnknownContractError as error:
        raise CommandError(f"--contract {name_or_file}: {error}") from None


def read_contract(path: Path) -> Contract:
    """Return the contract in a file.

    Raises:
        CommandError: the file is at fault. The text has one line for each key.
    """
    try:
        return load_contract(path)
    except ContractError as error:
        text = fault_list(path, error.faults) if error.faults else str(error)
        raise CommandError(text) from None


def fault_list(what: object, faults: Iterable[str]) -> str:
    """Return faults as lines below what they are the faults of."""
    return "\n  ".join([f"{what}:", *faults])
