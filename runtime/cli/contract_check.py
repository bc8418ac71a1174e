"""`hookwright contract check`: what a contract file would send, or what is wrong with it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from hookwright.contracts import Contract
from hookwright.models import EventInput
from hookwright.validation_errors import fault_lines
from hookwright.verify import VerificationError, verify
from hookwright.webhook import Posting, contract_headers, new_secret, render
from runtime.contract_files import fault_list, read_contract
from runtime.errors import CommandError
from runtime.running import print_line

SAMPLE_URL = "https://receiver.example/hooks"
SAMPLE_TYPES = ("invoice.paid", "orders/create", "customer:created", "order_created", "push")
SAMPLE_IDS = {"tenant_id": "acme", "id": "evt_sample"}


def check_contract(path: Path, event_path: Path | None) -> None:
    """Print the headers and the body that a contract would send, with a sample secret.

    Raises:
        CommandError: the contract or the event is at fault. The text has one line for each key.
    """
    contract = read_contract(path)
    event = _sample(contract) if event_path is None else _read_event(event_path)
    if faults := contract.event_faults(event.type, event.extra):
        raise CommandError(fault_list("the event", _by_key(faults)))
    now = datetime.now(UTC)
    secret = new_secret(contract)
    posting = Posting(event, now, "ep_sample", SAMPLE_URL, 1, now)
    try:
        body = render(contract, event, now)
        headers = contract_headers(contract, posting, [secret], body)
    except ValueError as error:
        raise CommandError(fault_list(path, [f"envelope or headers: {error}"])) from None
    print_line(f"POST {SAMPLE_URL}")
    for name, value in headers.items():
        print_line(f"{name}: {value}")
    print_line()
    print_line(body.decode(errors="replace"))
    print_line()
    print_line(f"The contract {contract.name} is valid. Sample secret: {secret}")
    _check_signature(contract, headers, body, secret)


def _check_signature(contract: Contract, headers: dict[str, str], body: bytes, secret: str) -> None:
    try:
        verify(contract, headers, body, secret, url=SAMPLE_URL)
    except VerificationError as error:
        raise CommandError(f"signature: {error}") from None
    print_line("hookwright.verify accepts the signature.")


def _sample(contract: Contract) -> EventInput:
    candidates = (*contract.event_types, *SAMPLE_TYPES)
    for event_type in candidates:
        if not contract.event_faults(event_type, {}):
            return EventInput(**SAMPLE_IDS, type=event_type, data={"sample": True})
    raise CommandError(
        "event_type_pattern: no sample type matches it; give an event with --event FILE"
    )


def _read_event(path: Path) -> EventInput:
    """Read an event as it is published: `type` and `data`, perhaps `extra` and `id`."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise CommandError(f"{path}: an event is a JSON object with `type` and `data`")
        return EventInput.model_validate({**SAMPLE_IDS, **content})
    except ValidationError as error:
        raise CommandError(fault_list(path, fault_lines(error))) from None
    except (OSError, RecursionError, ValueError) as error:
        raise CommandError(f"{path}: {error}") from None


def _by_key(faults: Mapping[str, str]) -> list[str]:
    return [f"{key}: {fault}" for key, fault in faults.items()]
