"""The contracts of docs/contracts beside those that ship, and an event of each of them."""

from typing import Any

from hookwright.contracts import load_contracts
from support.paths import REPOSITORY

FOLDER = REPOSITORY / "docs/contracts"
CONTRACTS = load_contracts(FOLDER)
EVENTS: dict[str, dict[str, Any]] = {
    "github": {"type": "pull_request", "data": {"action": "opened"}, "extra": {"hook_id": 42}},
    "shopify": {"type": "orders/create", "data": {"id": 820982911946154508, "name": "#9999"}},
    "slack": {"type": "message.channels", "data": {"text": "Zoë"}, "extra": {"team_id": "T1"}},
    "stripe": {"type": "invoice.paid", "data": {"id": "in_1"}},
    "twilio-like": {"type": "onMessageAdded", "data": {"Body": "a b&c=ü", "Num": 3, "None": None}},
    "standard-as-template": {"type": "invoice.paid", "data": {"id": "in_1"}},
}
