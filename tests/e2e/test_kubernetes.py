"""deploy/kubernetes holds what the code holds, and what docker-compose.yml does.

The manifests are read, not applied: that needs a cluster. docs/kubernetes.md says what was tried.
"""

from datetime import timedelta
from ipaddress import ip_address, ip_network

import pytest
import typer
from support.compose import OURS, PROJECT
from support.kubernetes import (
    FOLDER,
    KUSTOMIZATION,
    OBJECTS,
    PODS,
    WORKLOADS,
    container,
    objects,
    selected,
    variables,
)
from support.paths import REPOSITORY
from support.stack import api_client, api_config
from temporalio.client import Client

from hookwright.ids import TASK_QUEUE
from runtime.cli import app
from runtime.http.server import FINISH_SECONDS
from runtime.settings import Settings
from runtime.worker import SHUTDOWN_TIMEOUT

every_pod = pytest.mark.parametrize("name", PODS)


def test_every_manifest_is_applied():
    """kustomization.yaml names each manifest of the folder, and its images are our version."""
    files = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}

    assert {*KUSTOMIZATION["resources"]} == files
    assert {name: it["newTag"] for it in KUSTOMIZATION["images"] for name in [it["name"]]} == {
        "hookwright": PROJECT["project"]["version"]
    }
    assert {*objects("Namespace")} == {KUSTOMIZATION["namespace"]}


@every_pod
def test_every_command_exists(name):
    """Our command line knows each pod's command and options, which are those of compose."""
    command, *arguments = container(name)["args"]

    assert container(name)["image"] == "hookwright"
    assert [command, *arguments] == OURS[name]["command"]
    typer.main.get_command(app).commands[command].make_context(command, arguments)


@every_pod
def test_each_pod_is_given_what_compose_gives(name):
    """A variable is given to those processes that compose gives it to, and to no others."""
    named = variables(name)
    elsewhere = set.union(*map(variables, PODS)) - named
    given = {*OURS[name]["environment"]}

    assert named <= given
    assert elsewhere & given == set()
    settings = {it.removeprefix("HOOKWRIGHT_").lower() for it in named if "HOOKWRIGHT" in it}
    assert settings <= {*Settings.model_fields}


def test_secrets_are_not_in_the_repository():
    """Only the examples are kept, and what is secret in them is empty."""
    for generator in KUSTOMIZATION["secretGenerator"]:
        for file in generator["envs"]:
            lines = (FOLDER / f"{file}.example").read_text().splitlines()
            secret = [it for it in lines if it.startswith("HOOKWRIGHT")]
            assert all(it.endswith("=") for it in secret)
    assert "deploy/kubernetes/*.env" in (REPOSITORY / ".gitignore").read_text().splitlines()


async def test_probes_ask_a_route_that_answers():
    """The API's probes ask its port, for a path that answers 200 while Temporal is away."""
    api = container("api")
    probes = [api[it]["httpGet"] for it in ("startupProbe", "readinessProbe", "livenessProbe")]
    [port] = api["ports"]
    [service] = objects("Service")["api"]["spec"]["ports"]

    assert {it["port"] for it in probes} == {port["name"]} == {service["targetPort"]}
    assert str(port["containerPort"]) == api["args"][-1]
    client = await Client.connect("127.0.0.1:1", lazy=True)
    async with api_client(client, api_config(TASK_QUEUE)) as http:
        assert {(await http.get(it["path"])).status_code for it in probes} == {200}


def test_a_stopped_pod_may_finish():
    """Kubernetes kills a pod only after the time that it takes to finish what it has begun."""
    grace = {
        name: timedelta(seconds=PODS[name]["spec"]["terminationGracePeriodSeconds"])
        for name in ("api", "worker")
    }
    *_, pause = container("api")["lifecycle"]["preStop"]["exec"]["command"]

    assert grace["worker"] > SHUTDOWN_TIMEOUT
    assert grace["api"] > timedelta(seconds=int(pause) + FINISH_SECONDS)


@every_pod
def test_a_pod_can_do_little(name):
    """No root, no capabilities, no token, a read-only file system, a limit of memory."""
    pod, only = PODS[name]["spec"], container(name)

    assert pod["securityContext"].items() >= {"runAsNonRoot": True, "runAsUser": 10001}.items()
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert only["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert (pod["automountServiceAccountToken"], pod["enableServiceLinks"]) == (False, False)
    assert only["resources"]["limits"].keys() == {"memory"}
    assert f"useradd --system --uid {pod['securityContext']['runAsUser']} " in (
        (REPOSITORY / "Dockerfile").read_text()
    )


def test_what_is_selected_exists():
    """Each deployment, service, budget and policy selects the pods that it is named after."""
    for name, workload in objects("Deployment").items():
        assert selected(workload["spec"]["selector"]) == {name}
        assert workload["spec"]["replicas"] > 1
    assert selected(objects("Service")["api"]["spec"]["selector"]) == {"api"}
    budgets = objects("PodDisruptionBudget")
    assert {name: selected(it["spec"]["selector"]) for name, it in budgets.items()} == {
        "api": {"api"},
        "worker": {"worker"},
    }
    policies = objects("NetworkPolicy")
    assert {name: selected(it["spec"]["podSelector"]) for name, it in policies.items()} == {
        "nothing-else": {*WORKLOADS},
        "names-and-temporal": {*WORKLOADS},
        "api": {"api"},
        "worker": {"worker"},
    }
    assert len(OBJECTS) == len({(it["kind"], it["metadata"]["name"]) for it in OBJECTS})


@pytest.mark.parametrize(
    ("address", "open_"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("10.1.2.3", False),
        ("169.254.169.254", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("fd00::1", False),
        ("fe80::1", False),
        ("::1", False),
    ],
)
def test_webhooks_leave_for_public_addresses_only(address, open_):
    """The worker's policy lets through what the worker itself does: no address inside."""
    [rule] = objects("NetworkPolicy")["worker"]["spec"]["egress"]
    blocks = [it["ipBlock"] for it in rule["to"]]
    allowed = any(
        ip_address(address) in ip_network(block["cidr"])
        and not any(ip_address(address) in ip_network(it) for it in block.get("except", []))
        for block in blocks
    )

    assert allowed is open_
    assert Settings(_env_file=None).destinations.allows(ip_address(address)) is open_
