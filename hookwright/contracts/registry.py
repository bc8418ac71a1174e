"""The contracts of a process by name: those that ship, and those of the operator."""

from collections.abc import Iterable
from pathlib import Path

from hookwright.contracts.contract import Contract, ContractError, load_contract

DEFAULT_CONTRACT = "standard"
SHIPPED = Path(__file__).parent / "shipped"


class UnknownContractError(LookupError):
    """There is no contract of this name.

    The text is for the person who chose the name, and lists the contracts. `missing` is a text for
    an operator: if the name was valid before, the contract's file is missing now.
    """

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"no such contract; there are: {', '.join(known)}")
        self.missing = f"contract {name} is missing; is HOOKWRIGHT_CONTRACTS_DIR set?"


class Contracts(dict[str, Contract]):
    """Contracts by name."""

    def named(self, name: str | None) -> Contract:
        """Return the contract of this name, or the default contract for None.

        Raises:
            UnknownContractError: there is no contract of this name.
        """
        chosen = name or DEFAULT_CONTRACT
        if chosen not in self:
            raise UnknownContractError(chosen, self)
        return self[chosen]


def load_contracts(own: Path | None = None) -> Contracts:
    """Read the contracts that ship, and those in the operator's own folder.

    Raises:
        ContractError: a file is invalid, the folder is missing, or two contracts have one name.
    """
    if own and not own.is_dir():
        raise ContractError(f"{own}: there is no such folder")
    loaded = Contracts()
    for path in [*sorted(SHIPPED.glob("*.toml")), *sorted(own.glob("*.toml") if own else ())]:
        contract = load_contract(path)
        if contract.name in loaded:
            raise ContractError(f"{path}: name: another file has the contract {contract.name}")
        loaded[contract.name] = contract
    return loaded
