"""docs/contracts.md: what it shows is a contract that works as it says."""

import json
import re
from datetime import UTC, datetime

import pytest
from support.paths import REPOSITORY
from support.webhooks import signed_headers

from hookwright.contracts import (
    Contract,
    DeactivationRule,
    RetryRule,
    SignatureRule,
    load_contract,
    load_contracts,
)
from hookwright.contracts.deactivation import FailureRate
from hookwright.models import EventInput
from hookwright.verify import verify
from hookwright.webhook import generate_secret, render

PAGE = (REPOSITORY / "docs/contracts.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def acme(tmp_path) -> Contract:
    """The contract that the page's blocks make, one after another."""
    path = tmp_path / "acme.toml"
    path.write_text("\n".join(blocks("toml")))
    return load_contract(path)


def test_the_blocks_are_the_contract_that_ships(acme):
    """The walk-through ends with clearway, but for its name and the rest of its event types."""
    clearway = load_contracts()["clearway"]
    named = {"name": "clearway", "title": clearway.title, "event_types": clearway.event_types}
    assert acme.model_copy(update=named) == clearway
    assert set(acme.event_types.items()) < set(clearway.event_types.items())


def test_the_example_event(acme):
    """The event that the page publishes has the body that it shows, and verifies."""
    published, shown = map(json.loads, blocks("json"))
    event = EventInput(tenant_id="t", **published)
    assert acme.event_faults(event.type, event.extra) == {}
    body = render(acme, event, datetime.fromtimestamp(shown["created"], UTC))
    assert body.decode() == json.dumps(shown, separators=(",", ":"))
    secret = generate_secret()
    verify(acme, signed_headers(acme, [secret], body), body, secret)


def test_every_key_is_explained():
    """The page names each key that a contract file can have, and each contract that ships."""
    models = (Contract, SignatureRule, RetryRule, DeactivationRule, FailureRate)
    keys = {key for model in models for key in model.model_fields}
    keys |= {"given", "min_length", "max_length", "type", "choices", "default"}
    documented = set(re.findall(r"`([a-z_0-9]+)`|\[([a-z_]+)\]|^([a-z_]+) =", PAGE, re.MULTILINE))
    words = {word for groups in documented for word in groups}
    assert keys | set(load_contracts()) <= words
