"""The Dockerfile and the versions of images: they are read, not built; our wheel is built."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from support.compose import PROJECT, SERVICES
from support.paths import REPOSITORY

DOCKERFILE = (REPOSITORY / "Dockerfile").read_text()


def dockerfile_copies() -> list[str]:
    """Return what the Dockerfile takes from the repository."""
    lines = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
    return [source for line in lines for source in line.split()[:-1]]


VERSIONS = {
    **tomllib.loads((REPOSITORY / "deploy/images.toml").read_text()),
    "hookwright": PROJECT["project"]["version"],
}
IMAGE = re.compile(r"^(?:FROM|\s+image:) ([a-z/-]+):([\w.-]+)", re.MULTILINE)


@pytest.mark.parametrize("path", ["Dockerfile", "docker-compose.yml"])
def test_images_are_pinned(path):
    """Each image has the version that deploy/images.toml has; ours has the project's."""
    named = IMAGE.findall((REPOSITORY / path).read_text())

    assert {name: VERSIONS[name] for name, _ in named} == dict(named)
    assert {it["image"].partition(":")[0] for it in SERVICES.values()} | {"python"} == {*VERSIONS}


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("docs/cluster-tests.md", "server@v{temporalio/server}"),
        (
            "docs/running.md",
            "Temporal {temporalio/server}, UI {temporalio/ui}, Python {python}",
        ),
        (".github/workflows/ci.yml", 'python-version: "{python}"'),
    ],
)
def test_versions_elsewhere(path, named):
    """Documents and CI name the versions of deploy/images.toml."""
    short = {name: re.split(r"-", version)[0] for name, version in VERSIONS.items()}
    text = " ".join((REPOSITORY / path).read_text().split())

    assert re.sub(r"\{(.*?)\}", lambda match: short[match[1]], named) in text


def test_the_embedded_server_is_the_images():
    """`hookwright dev` runs the server that compose runs."""
    command = (Path(sys.executable).parent / "temporal", "--version")
    version = subprocess.check_output(command, text=True)

    assert f"(Server {VERSIONS['temporalio/server']}, UI {VERSIONS['temporalio/ui']})" in version
    assert VERSIONS["temporalio/admin-tools"] == VERSIONS["temporalio/server"]


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
    [build] = re.findall(r"pip wheel (.*)$", DOCKERFILE, re.MULTILINE)

    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.\d+-slim-\w+(@sha256:[0-9a-f]{64})?", bases[0])
    assert [("--require-hashes" in it, "--no-deps" in it) for it in installs] == [
        (True, False),
        (True, False),
        (False, True),
    ]
    assert "wheels/*.whl" in installs[2]
    assert {"--no-deps", "--no-build-isolation"} <= set(build.split())
    assert "[dev]" not in DOCKERFILE


def test_the_image_runs_our_command_without_root():
    """The entry point is the command that the project installs, run by a user that is not root."""
    [command] = re.findall(r'^ENTRYPOINT \["(\w+)"\]$', DOCKERFILE, re.MULTILINE)
    [user] = re.findall(r"^USER (\d+)", DOCKERFILE, re.MULTILINE)

    assert command in PROJECT["project"]["scripts"]
    assert int(user) > 0


def test_what_builds_is_locked():
    """What builds the wheel has one version, which is in its lock with all that it needs."""
    [required] = PROJECT["build-system"]["requires"]
    lock = (REPOSITORY / "requirements-build.lock").read_text()

    assert re.fullmatch(r"hatchling==[\d.]+", required)
    assert lock.startswith(f"{required} \\\n    --hash=sha256:")
    for place in ("Dockerfile", "Makefile"):
        assert "-r requirements-build.lock" in (REPOSITORY / place).read_text()


def test_the_wheel_is_built_without_a_download(tmp_path):
    """What the lock installs is enough: no index is asked, and the wheel has our packages."""
    source = tmp_path / "source"
    source.mkdir()
    for path in dockerfile_copies():
        copy = shutil.copytree if (REPOSITORY / path).is_dir() else shutil.copy
        copy(REPOSITORY / path, source / path)
    command = (sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", ".")
    environment = {**os.environ, "PIP_NO_INDEX": "1"}
    subprocess.run(command, cwd=source, env=environment, check=True, capture_output=True)
    [wheel] = source.glob("*.whl")
    folders = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}

    assert set(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) <= folders


DIGEST = f"sha256:{'0a' * 32}"
ASKED = """#!/bin/sh
echo "$@" >> asked
echo "Name:      docker.io/library/$4"
echo "Digest:    {digest}"
echo "Manifests:"
echo "  Digest:  sha256:other"
"""


@pytest.mark.parametrize("digest", [DIGEST, "", "sha256:0a"])
def test_images_are_pinned_by_one_command(digest, tmp_path):
    """`deploy/pin-images` writes each image's digest behind its tag, again and again, or fails."""
    for name in ("Dockerfile", "docker-compose.yml", "deploy/pin-images"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(REPOSITORY / name, tmp_path / name)
    # What the registry would answer: there is none here. The format is that of Docker's documents.
    docker = tmp_path / "docker"
    docker.write_text(ASKED.format(digest=digest))
    docker.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    pins = [
        subprocess.run(
            (tmp_path / "deploy/pin-images",), env=environment, cwd=tmp_path, check=False
        )
        for _ in range(2)
    ]
    before = {
        name: (REPOSITORY / name).read_text() for name in ("Dockerfile", "docker-compose.yml")
    }
    after = {name: (tmp_path / name).read_text() for name in before}
    if digest != DIGEST:
        assert {it.returncode for it in pins} == {1}
        assert after == before
        return
    assert {it.returncode for it in pins} == {0}
    named = re.findall(r"^(?:FROM|  +image:) (\S+)", "".join(after.values()), re.MULTILINE)
    assert {it.startswith("hookwright:") for it in named if f"@{DIGEST}" not in it} == {True}
    assert {name: it.replace(f"@{DIGEST}", "") for name, it in after.items()} == before
