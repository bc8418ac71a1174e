"""The contracts that a process knows, by name: those that ship, and an operator's own."""

from collections.abc import Iterable
from pathlib import Path

from hookwright.contracts.contract import Contract, ContractError, load_contract

DEFAULT_CONTRACT = "standard"
SHIPPED = Path(__file__).parent / "shipped"


class UnknownContractError(LookupError):
    """There is no contract of this name.

    The text is for whoever chose the name, and says which there are. `missing` is for an operator,
    where the name was good once: then its file is gone.
    """

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"no such contract; there are: {', '.join(known)}")
        self.missing = f"contract {name} is missing; is HOOKWRIGHT_CONTRACTS_DIR set?"


class Contracts(dict[str, Contract]):
    """Contracts by name."""

    def named(self, name: str | None) -> Contract:
        """Return a contract; for None the default one.

        Raises:
            UnknownContractError: there is none of this name.
        """
        chosen = name or DEFAULT_CONTRACT
        if chosen not in self:
            raise UnknownContractError(chosen, self)
        return self[chosen]


def load_contracts(own: Path | None = None) -> Contracts:
    """Read the contracts that ship, and those of an operator's folder.

    Raises:
        ContractError: a file is broken, the folder is missing, or two files have one name.
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
