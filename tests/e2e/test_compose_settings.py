"""Settings and secrets in docker-compose.yml and .env.example."""

import re

import pytest
import yaml
from support.compose import (
    COMPOSE_TEXT,
    DOTENV,
    OURS,
    SERVICES,
    VARIABLE,
)

from runtime.settings import Settings

SECRETS = {
    "HOOKWRIGHT_API_KEYS",
    "HOOKWRIGHT_ENCRYPTION_KEYS",
    "HOOKWRIGHT_CODEC_TOKEN",
    "POSTGRES_PASSWORD",
}


def variables_from_outside() -> set[str]:
    """Return every variable that compose takes from `.env` or the shell."""
    passed_on = {
        name
        for service in SERVICES.values()
        for name, value in service.get("environment", {}).items()
        if value is None
    }
    return passed_on | {match[1] for match in VARIABLE.finditer(COMPOSE_TEXT)}


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
        ("POSTGRES_PASSWORD", {"postgresql", "schema", "indexes", "temporal"}),
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
