"""docker-compose.yml, Dockerfile and .env.example hold what the code holds.

They are read, not run: that needs a container engine. docs/running.md says what was run by hand.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import typer
import yaml
from support.stack import CODEC_TOKEN, api_client, api_config
from temporalio.client import Client

from hookwright.contracts import load_contracts
from runtime.cli import app
from runtime.settings import Settings
from runtime.worker import SHUTDOWN_TIMEOUT

REPOSITORY = Path(__file__).parents[2]
COMPOSE_TEXT = (REPOSITORY / "docker-compose.yml").read_text()
COMPOSE = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: it for name, it in SERVICES.items() if it["image"].startswith("hookwright:")}
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text()
DOTENV = (REPOSITORY / ".env.example").read_text()
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())

SECRETS = {
    "HOOKWRIGHT_API_KEYS",
    "HOOKWRIGHT_ENCRYPTION_KEYS",
    "HOOKWRIGHT_CODEC_TOKEN",
    "POSTGRES_PASSWORD",
}
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


def interpolated(text: str, **environment: str) -> str:
    """Fill in variables as compose does; a missing required one is a KeyError."""

    def value(match: re.Match[str]) -> str:
        name, operator, default = match.groups()
        return environment.get(name, default) if operator == "-" else environment[name]

    return VARIABLE.sub(value, text)


def variables_from_outside() -> set[str]:
    """Return every variable that compose takes from `.env` or the shell."""
    passed_on = {
        name
        for service in SERVICES.values()
        for name, value in service.get("environment", {}).items()
        if value is None
    }
    return passed_on | {match[1] for match in VARIABLE.finditer(COMPOSE_TEXT)}


def published_ports() -> Iterator[tuple[str, str, str, str]]:
    """Yield service, address, port on the machine, port in the container."""
    for name, service in SERVICES.items():
        for port in service.get("ports", []):
            address, outer, inner = port.rsplit(":", 2)
            yield name, address, outer, inner


def command_of(service: str) -> tuple[str, dict[str, Any]]:
    """Return a service's command and its options, as our own command line reads them."""
    name, *arguments = SERVICES[service]["command"]
    command = typer.main.get_command(app).commands[name]
    return name, command.make_context(name, arguments).params


def dockerfile_copies() -> list[str]:
    """Return what the Dockerfile takes from the repository."""
    lines = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
    return [source for line in lines for source in line.split()[:-1]]


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


def test_every_hookwright_variable_is_a_setting():
    """No file names a HOOKWRIGHT_ variable that the settings do not read."""
    named = set(re.findall(r"\bHOOKWRIGHT_([A-Z_]+)", COMPOSE_TEXT + DOTENV))

    assert {name.lower() for name in named} <= set(Settings.model_fields)


def test_every_setting_can_be_set():
    """Each setting reaches one of our containers, and stands in .env.example."""
    settings = {f"HOOKWRIGHT_{name.upper()}" for name in Settings.model_fields}

    assert settings == {
        name
        for service in OURS.values()
        for name in service["environment"]
        if name.startswith("HOOKWRIGHT_")
    }
    assert settings <= set(re.findall(r"HOOKWRIGHT_[A-Z_]+", DOTENV))


@pytest.mark.parametrize(
    ("service", "required"),
    [
        ("api", {"API_KEYS", "ENCRYPTION_KEYS", "CODEC_TOKEN", "UI_ORIGIN", "MAX_BODY_BYTES"}),
        ("worker", {"ENCRYPTION_KEYS"}),
        ("setup", {"RETENTION_DAYS"}),
    ],
)
def test_each_process_is_given_what_it_needs(service, required):
    """API, worker and setup get the settings that they cannot do without, and where Temporal is."""
    environment = SERVICES[service]["environment"]

    assert {f"HOOKWRIGHT_{name}" for name in required} <= set(environment)
    host, _, port = environment["TEMPORAL_ADDRESS"].partition(":")
    assert set(SERVICES[service]["networks"]) & set(SERVICES[host]["networks"])
    assert port == SERVICES[host]["healthcheck"]["test"][-1]


def test_api_and_worker_agree_on_what_they_share():
    """The queue, the namespace, destinations and contracts are the same for API and worker."""
    api, worker = (SERVICES[name]["environment"] for name in ("api", "worker"))
    shared = {"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "HOOKWRIGHT_TASK_QUEUE"}
    shared |= {"HOOKWRIGHT_CONTRACTS_DIR"}
    shared |= {name for name in api if "EGRESS" in name}

    assert {name: api[name] for name in shared} == {name: worker[name] for name in shared}


@pytest.mark.parametrize(
    ("secret", "holders"),
    [
        ("HOOKWRIGHT_API_KEYS", {"api"}),
        ("HOOKWRIGHT_CODEC_TOKEN", {"api", "ui"}),
        ("HOOKWRIGHT_ENCRYPTION_KEYS", {"api", "worker"}),
        ("POSTGRES_PASSWORD", {"postgresql", "schema", "temporal"}),
    ],
)
def test_a_secret_is_given_to_those_who_need_it(secret, holders):
    """No container holds a secret that it has no use for."""
    assert holders == {
        name for name, service in SERVICES.items() if f"${{{secret}" in yaml.safe_dump(service)
    }


def test_nothing_starts_without_a_secret():
    """Wherever a secret is used, compose refuses to go on without it."""
    uses = [match.groups() for match in VARIABLE.finditer(COMPOSE_TEXT) if match[1] in SECRETS]

    assert {name for name, _, _ in uses} == SECRETS
    assert all(operator == "?" and sentence for _, operator, sentence in uses)


def test_the_example_lists_every_variable_and_no_secret():
    """.env.example names all that compose takes from outside; its secrets are empty."""
    lines = dict(re.findall(r"^(?:# )?([A-Z][A-Z_]+)=(.*)$", DOTENV, re.MULTILINE))

    assert variables_from_outside() | {"TEMPORAL_ADDRESS"} == set(lines)
    assert {name: lines[name] for name in SECRETS} == dict.fromkeys(SECRETS, "")


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

    assert on_it == {"postgresql", "schema", "temporal"}
    assert COMPOSE["networks"]["database"]["internal"]
    assert COMPOSE["networks"]["engine"]["internal"]


@pytest.mark.parametrize("service", SERVICES)
def test_images_are_pinned(service):
    """Each image has a version; ours is the project's, and Temporal's tools are its server's."""
    name, _, version = SERVICES[service]["image"].partition(":")

    assert re.match(r"\d", version)
    if name == "hookwright":
        assert version == PROJECT["project"]["version"]
    if name == "temporalio/admin-tools":
        assert version == SERVICES["temporal"]["image"].partition(":")[2]


def test_every_service_comes_back():
    """After a crash or a reboot all start again; the two that only set up end."""
    policies = {name: service["restart"].partition(":")[0] for name, service in SERVICES.items()}
    once = {name for name, policy in policies.items() if policy == "on-failure"}
    awaited = {
        name
        for service in SERVICES.values()
        for name, it in service.get("depends_on", {}).items()
        if it["condition"] == "service_completed_successfully"
    }

    assert once == awaited == {"schema", "setup"}
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


@pytest.mark.parametrize("service", OURS)
def test_our_containers_can_do_little(service):
    """API, worker and setup run without capabilities, on a read-only file system."""
    it = SERVICES[service]

    assert (it["read_only"], it["init"], it["cap_drop"]) == (True, True, ["ALL"])
    assert it["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("path", dockerfile_copies())
def test_what_the_image_takes_exists(path):
    """Each path that the Dockerfile copies is in the repository, and not ignored."""
    assert (REPOSITORY / path).exists()
    assert f"!{path}" in (REPOSITORY / ".dockerignore").read_text().splitlines()


def test_the_image_holds_the_projects_packages():
    """The folders that the Dockerfile copies are the wheel's packages."""
    packages = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    folders = [path for path in dockerfile_copies() if (REPOSITORY / path).is_dir()]

    assert sorted(folders) == sorted(packages)


def test_the_image_is_built_from_pinned_parts():
    """One pinned Python for both stages; dependencies come by hash, and nothing besides them."""
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    installs = re.findall(r"pip .*?install (.*)$", DOCKERFILE, re.MULTILINE)

    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.\d+-slim-\w+", bases[0])
    assert [("--require-hashes" in it, "--no-deps" in it) for it in installs] == [
        (True, False),
        (False, True),
    ]
    assert "[dev]" not in DOCKERFILE


def test_the_image_runs_our_command_without_root():
    """The entry point is the command that the project installs, run by a user that is not root."""
    [command] = re.findall(r'^ENTRYPOINT \["(\w+)"\]$', DOCKERFILE, re.MULTILINE)
    [user] = re.findall(r"^USER (\d+)", DOCKERFILE, re.MULTILINE)

    assert command in PROJECT["project"]["scripts"]
    assert int(user) > 0
