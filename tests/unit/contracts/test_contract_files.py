"""Contracts: files that load, and errors that name file, key and reason."""

import tomllib

import pytest
from support.paths import REPOSITORY

from hookwright.contracts import Contract, ContractError, load_contract, load_contracts

GOOD = (REPOSITORY / "hookwright/contracts/shipped/standard.toml").read_text()


def test_standard():
    """The default contract is Standard Webhooks 1.0 as its specification has it."""
    standard = load_contracts()["standard"]
    assert standard.timeout_seconds == 15
    assert standard.content_type == "application/json"
    assert dict(standard.headers) == {"webhook-id": "event_id", "webhook-timestamp": "unix_time"}
    assert standard.signature.header == "webhook-signature"
    assert standard.signature.scheme == "standard"


def test_contracts_by_their_own_names():
    """Every contract that ships can be chosen by the name that its file gives."""
    assert all(name == contract.name for name, contract in load_contracts().items())
    shipped = (REPOSITORY / "hookwright/contracts/shipped").glob("*.toml")
    assert set(load_contracts()) == {tomllib.loads(path.read_text())["name"] for path in shipped}


@pytest.mark.parametrize("contract", load_contracts().values(), ids=load_contracts().keys())
def test_round_trip(contract):
    """A contract survives model -> JSON -> model."""
    assert Contract.model_validate_json(contract.model_dump_json()) == contract


@pytest.mark.parametrize(
    ("old", "new", "key", "reason"),
    [
        ('name = "standard"', 'name = "a b"', "name", "pattern"),
        ('name = "standard"', "", "name", "required"),
        ('name = "standard"', 'name = "standard"\nnmae = 1', "nmae", "not permitted"),
        ("timeout_seconds = 15", "timeout_seconds = 0", "timeout_seconds", "greater than 0"),
        ("timeout_seconds = 15", "timeout_seconds = 61", "timeout_seconds", "less than or equal"),
        ("timeout_seconds = 15", 'timeout_seconds = "x"', "timeout_seconds", "number"),
        ("data: data}", "data: }", "envelope", "JMESPath"),
        ('"event_id"', '"secret"', "headers.webhook-id", "event_id"),
        ('webhook-id = "event_id"', "", "headers", "the standard scheme needs one for event_id"),
        (
            '"unix_time"',
            '"delivery_id"',
            "headers",
            "the standard scheme needs one for unix_time",
        ),
        ("webhook-id =", '"web hook" =', "headers.web hook", "pattern"),
        ('scheme = "standard"', 'scheme = "md5"', "signature.scheme", "standard"),
        ('"webhook-signature"', '"web\\nhook"', "signature.header", "pattern"),
        ("[5, 300,", "[0, 300,", "retry.delays_seconds.0", "greater than 0"),
        ("[5, 300,", "[nan, 300,", "retry.delays_seconds.0", "finite"),
        ("jitter = 0.1", "jitter = 1.0", "retry.jitter", "less than 1"),
        ("jitter = 0.1", "jitters = 0.1", "retry.jitters", "not permitted"),
    ],
)
def test_wrong_values(tmp_path, old, new, key, reason):
    """A wrong, missing or unknown key is an error that names the file, the key and why."""
    assert old in GOOD
    path = tmp_path / "acme.toml"
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(ContractError) as caught:
        load_contract(path)
    assert str(path) in str(caught.value)
    assert f"{key}" in str(caught.value)
    assert reason in str(caught.value)


def test_every_fault_at_once(tmp_path):
    """A file with several faults names all of them, so that it is mended in one go."""
    path = tmp_path / "acme.toml"
    path.write_text(GOOD.replace("jitter = 0.1", "jitter = 9").replace("= 15", "= -1"))
    with pytest.raises(ContractError, match=r"timeout_seconds: .*; retry\.jitter: "):
        load_contract(path)


@pytest.mark.parametrize(
    "content", [b"name = ", b"name = 1\nname = 2", b"\xff\xfe", b"", b"[headers\n"]
)
def test_what_is_not_toml(tmp_path, content):
    """A file that is no TOML, no UTF-8 or empty is an error that names it."""
    path = tmp_path / "acme.toml"
    path.write_bytes(content)
    with pytest.raises(ContractError, match=r"acme\.toml"):
        load_contract(path)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('header = "webhook-signature"', 'header = "Webhook-Id"', "twice"),
        ('header = "webhook-signature"', 'header = "Host"', "may not set host"),
        ('content_type = "application/json"', 'content_type = "a\\r\\nX: y"', "content_type"),
        ("[retry]", "[secret]\nmin_length = 200\nmax_length = 100\n[retry]", "above"),
        ('name = "standard"', f"a = {'[' * 5000}", "recursion"),
        ('name = "standard"', f"a = {'9' * 5000}", "digits"),
    ],
    ids=["header twice", "Host", "CR LF", "no secret fits", "nested", "long number"],
)
def test_unusable_contracts(tmp_path, old, new, reason):
    """A contract that could never be sent, or a file that cannot be read, is refused by name."""
    path = tmp_path / "odd.toml"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(ContractError, match=reason) as refusal:
        load_contract(path)
    assert str(path) in str(refusal.value)
