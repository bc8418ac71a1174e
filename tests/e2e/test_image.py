"""The Dockerfile and the versions of images: they are read, not built."""

import re

import pytest
from support.compose import PROJECT, SERVICES
from support.paths import REPOSITORY

DOCKERFILE = (REPOSITORY / "Dockerfile").read_text()


def dockerfile_copies() -> list[str]:
    """Return what the Dockerfile takes from the repository."""
    lines = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
    return [source for line in lines for source in line.split()[:-1]]


@pytest.mark.parametrize("service", SERVICES)
def test_images_are_pinned(service):
    """Each image has a version; ours is the project's, and Temporal's tools are its server's."""
    name, _, version = SERVICES[service]["image"].partition(":")

    assert re.match(r"\d", version)
    if name == "hookwright":
        assert version == PROJECT["project"]["version"]
    if name == "temporalio/admin-tools":
        assert version == SERVICES["temporal"]["image"].partition(":")[2]


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
