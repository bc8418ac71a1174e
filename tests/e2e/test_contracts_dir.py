"""An operator's own contracts: a folder of files, read at the start."""

from dataclasses import replace
from pathlib import Path

import pytest
from support.commands import hookwright
from support.stack import KEY_RING, api_client, api_config, unique
from temporalio.client import Client

from hookwright.contracts import load_contracts
from hookwright.contracts.registry import SHIPPED
from runtime.dev import free_port

GOOD = (SHIPPED / "standard.toml").read_text().replace('name = "standard"', 'name = "acme"')
# Nobody listens there: whoever asks Temporal first would not end in time.
NOWHERE = {"HOOKWRIGHT_ENCRYPTION_KEYS": KEY_RING, "TEMPORAL_ADDRESS": "127.0.0.1:1"}


@pytest.mark.parametrize(
    ("service", "content", "reason"),
    [
        ("api", GOOD.replace("= 15", "= -1"), "timeout_seconds: Input should be greater than 0"),
        ("worker", GOOD.replace("[retry]", "[retrys]"), "retry: Field required; retrys: Extra"),
        ("serve", GOOD.replace("[5, 300", '["soon", 300'), "retry.delays_seconds.0: Input should"),
        ("api", GOOD.replace("data: data}", "data: }"), "envelope: not a JMESPath expression"),
        ("worker", GOOD.replace("acme", "standard"), "name: another file has the contract stand"),
        ("serve", "name = ", "Invalid value"),
    ],
    ids=["value", "key", "list", "expression", "name", "toml"],
)
@pytest.mark.timeout(30)
async def test_broken_file(tmp_path: Path, service: str, content: str, reason: str) -> None:
    """A broken file stops the start with file, key and reason, before Temporal is asked."""
    path = tmp_path / "acme.toml"
    path.write_text(content)
    port = ("--port", str(free_port())) if service != "worker" else ()
    it = await hookwright(
        service, *port, folder=tmp_path, HOOKWRIGHT_CONTRACTS_DIR=str(tmp_path), **NOWHERE
    )
    assert it.status == 1
    assert it.output.startswith("error: ")
    assert f"{path}: {reason}" in it.output
    assert "Traceback" not in it.output


@pytest.mark.parametrize("service", ["api", "worker", "serve"])
async def test_missing_folder(tmp_path: Path, service: str) -> None:
    """A folder that is not there stops the start, too."""
    where = tmp_path / "contracts"
    port = ("--port", str(free_port())) if service != "worker" else ()
    it = await hookwright(
        service, *port, folder=tmp_path, HOOKWRIGHT_CONTRACTS_DIR=str(where), **NOWHERE
    )
    assert it.status == 1
    assert f"{where}: there is no such folder" in it.output
    assert "Traceback" not in it.output


async def test_good_file_is_listed(tmp_path: Path, client: Client) -> None:
    """A contract of the operator's own is listed beside those that ship, and can be read."""
    (tmp_path / "acme.toml").write_text(GOOD)
    contracts = load_contracts(tmp_path)
    async with api_client(client, replace(api_config(unique("q")), contracts=contracts)) as http:
        listed = (await http.get("/v1/contracts")).json()["data"]
        assert [it["name"] for it in listed] == [*load_contracts(), "acme"]
        acme = (await http.get("/v1/contracts/acme")).json()
        standard = (await http.get("/v1/contracts/standard")).json()
        assert {**acme, "name": "standard"} == standard
