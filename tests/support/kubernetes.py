"""The manifests of deploy/kubernetes as data."""

from typing import Any

import yaml

from support.paths import REPOSITORY

FOLDER = REPOSITORY / "deploy/kubernetes"
KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
OBJECTS: list[dict[str, Any]] = [
    each
    for name in KUSTOMIZATION["resources"]
    for each in yaml.safe_load_all((FOLDER / name).read_text())
]


def objects(kind: str) -> dict[str, dict[str, Any]]:
    """Return all objects of a kind, by name."""
    return {it["metadata"]["name"]: it for it in OBJECTS if it["kind"] == kind}


WORKLOADS = {**objects("Deployment"), **objects("Job")}
PODS: dict[str, dict[str, Any]] = {name: it["spec"]["template"] for name, it in WORKLOADS.items()}


def container(name: str) -> dict[str, Any]:
    """Return the only container of a pod."""
    [only] = PODS[name]["spec"]["containers"]
    return only


def variables(name: str) -> set[str]:
    """Return the names of a pod's environment, those that are commented out in a file too."""
    secrets = [source["secretRef"]["name"] for source in container(name)["envFrom"]]
    files = {it["name"]: it["envs"] for it in KUSTOMIZATION["secretGenerator"]}
    return {it["name"] for it in container(name).get("env", [])} | {
        line.removeprefix("# ").partition("=")[0]
        for secret in secrets
        for file in files[secret]
        for line in (FOLDER / f"{file}.example").read_text().splitlines()
        if "=" in line
    }


def selected(selector: dict[str, Any]) -> set[str]:
    """Return the pods that labels select."""
    wanted = selector.get("matchLabels", selector).items()
    return {name for name, pod in PODS.items() if wanted <= pod["metadata"]["labels"].items()}
