"""docker-compose.yml and .env.example hold what the code holds.

They are read, not run: that needs a container engine. docs/running.md says what was run by hand.
"""

import ast
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import typer
from support.compose import (
    COMPOSE,
    OURS,
    SERVICES,
    interpolated,
    published_ports,
)
from support.paths import REPOSITORY
from support.stack import CODEC_TOKEN, api_client, api_config
from temporalio.client import Client

from hookwright.contracts import load_contracts
from runtime.cli import app
from runtime.settings import Settings
from runtime.worker import SHUTDOWN_TIMEOUT


def command_of(service: str) -> tuple[str, dict[str, Any]]:
    """Return a service's command and its options, as our own command line reads them."""
    name, *arguments = SERVICES[service]["command"]
    command = typer.main.get_command(app).commands[name]
    return name, command.make_context(name, arguments).params


def health_url() -> str:
    """Return the URL that the API's health check asks."""
    program = SERVICES["api"]["healthcheck"]["test"][-1]
    [url] = [
        node.value
        for node in ast.walk(ast.parse(program))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    return url


def seconds(duration: str) -> timedelta:
    """Read compose's `80s`."""
    return timedelta(seconds=int(duration.removesuffix("s")))


@pytest.fixture
async def client() -> Client:
    """A client that never connects: what is asked here needs no server."""
    return await Client.connect("127.0.0.1:1", lazy=True)


@pytest.mark.parametrize("service", OURS)
def test_every_command_exists(service):
    """Our command line knows each service's command, its options and their values."""
    name, _ = command_of(service)

    assert name == service


def test_the_api_listens_where_it_is_published():
    """The port on the API's command line is the published one, open to the other containers."""
    _, options = command_of("api")
    ports = {name: inner for name, _, _, inner in published_ports()}

    assert (options["host"], str(options["port"])) == ("0.0.0.0", ports["api"])
    assert urlsplit(health_url()).port == options["port"]


async def test_the_health_check_asks_a_route_that_answers(client):
    """The API's health check asks a path that answers 200 while Temporal is away."""
    async with api_client(client, api_config("unused")) as http:
        answer = await http.get(urlsplit(health_url()).path)

    assert answer.status_code == 200


async def test_the_ui_asks_the_codec_endpoint(client):
    """The UI's codec endpoint is the API's, at its published port, and open to the UI's origin."""
    endpoint = interpolated(
        SERVICES["ui"]["environment"]["TEMPORAL_CODEC_ENDPOINT"], HOOKWRIGHT_CODEC_TOKEN=CODEC_TOKEN
    )
    origin = interpolated(SERVICES["api"]["environment"]["HOOKWRIGHT_UI_ORIGIN"])
    async with api_client(client, replace(api_config("unused"), ui_origin=origin)) as http:
        answer = await http.post(
            urlsplit(endpoint).path + "/decode", json={"payloads": []}, headers={"origin": origin}
        )

    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == origin
    outer = {name: outer for name, _, outer, _ in published_ports()}
    assert str(urlsplit(endpoint).port) == outer["api"]


def test_the_ui_is_published_at_the_origin_that_the_api_expects():
    """The UI's port makes the default of HOOKWRIGHT_UI_ORIGIN, in compose and in the settings."""
    ui = SERVICES["ui"]["environment"]
    [(outer, inner)] = [ports for name, _, *ports in published_ports() if name == "ui"]
    origin = interpolated(SERVICES["api"]["environment"]["HOOKWRIGHT_UI_ORIGIN"])

    assert origin == f"http://localhost:{outer}" == Settings.model_fields["ui_origin"].default
    assert interpolated(ui["TEMPORAL_CORS_ORIGINS"]) == origin
    assert ui["TEMPORAL_UI_PORT"] == inner


def test_the_ui_only_shows():
    """The UI, which has no login, changes nothing."""
    assert SERVICES["ui"]["environment"]["TEMPORAL_DISABLE_WRITE_ACTIONS"] == "true"


def test_a_stopped_worker_may_finish():
    """Compose kills a worker only after the time that it takes to drain."""
    assert seconds(SERVICES["worker"]["stop_grace_period"]) > SHUTDOWN_TIMEOUT


def test_only_loopback_is_published():
    """API and UI are published on 127.0.0.1; Temporal's and PostgreSQL's ports nowhere."""
    assert {name for name, *_ in published_ports()} == {"api", "ui"}
    assert {address for _, address, *_ in published_ports()} == {"127.0.0.1"}
    assert not {"7233", "5432"} & {port for _, _, *ports in published_ports() for port in ports}


def test_only_temporal_reaches_the_database():
    """The database's network has no way out, and only Temporal's own containers are on it."""
    on_it = {name for name, service in SERVICES.items() if "database" in service["networks"]}

    assert on_it == {"postgresql", "schema", "indexes", "temporal"}
    assert COMPOSE["networks"]["database"]["internal"]
    assert COMPOSE["networks"]["engine"]["internal"]


def test_every_service_comes_back():
    """After a crash or a reboot all start again; the three that only set up end."""
    policies = {name: service["restart"].partition(":")[0] for name, service in SERVICES.items()}
    once = {name for name, policy in policies.items() if policy == "on-failure"}
    awaited = {
        name
        for service in SERVICES.values()
        for name, it in service.get("depends_on", {}).items()
        if it["condition"] == "service_completed_successfully"
    }

    assert once == awaited == {"schema", "indexes", "setup"}
    assert set(policies.values()) == {"on-failure", "unless-stopped"}


def test_what_is_waited_for_can_be_told():
    """A service that others wait for to be healthy has a health check."""
    awaited = {
        name
        for service in SERVICES.values()
        for name, it in service.get("depends_on", {}).items()
        if it["condition"] == "service_healthy"
    }

    assert all("healthcheck" in SERVICES[name] for name in awaited)


def test_files_that_are_mounted_exist():
    """Each folder or file that compose mounts from the repository is in it."""
    mounts = [mount for service in SERVICES.values() for mount in service.get("volumes", [])]
    paths = [mount.partition(":")[0] for mount in mounts if mount.startswith("./")]

    assert paths
    assert all((REPOSITORY / path).exists() for path in paths)


@pytest.mark.parametrize("service", ["api", "worker"])
def test_contracts_are_mounted_where_they_are_read(service):
    """The folder of own contracts is mounted, read-only, where the setting points; it loads."""
    mount, *_ = SERVICES[service]["volumes"]
    outer, inner, mode = interpolated(mount).split(":")

    assert (inner, mode) == (SERVICES[service]["environment"]["HOOKWRIGHT_CONTRACTS_DIR"], "ro")
    assert load_contracts(REPOSITORY / outer) == load_contracts()


def test_no_container_takes_the_whole_machine():
    """Every container has a limit of processes, and ours have one of memory."""
    connections = int(SERVICES["postgresql"]["command"][-1].partition("=")[2])

    assert all(it["pids_limit"] > 2 * connections for it in SERVICES.values())
    assert {it["mem_limit"] for it in OURS.values()} == {"2g"}


@pytest.mark.parametrize("service", OURS)
def test_our_containers_can_do_little(service):
    """API, worker and setup run without capabilities, on a read-only file system."""
    it = SERVICES[service]

    assert (it["read_only"], it["init"], it["cap_drop"]) == (True, True, ["ALL"])
    assert it["security_opt"] == ["no-new-privileges:true"]
