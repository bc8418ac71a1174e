"""Types that openapi-typescript makes from the OpenAPI document, and a program that uses them."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from support.commands import Ended, run_command
from support.node import NODE, install_packages
from support.paths import REPOSITORY
from support.receiver import Receiver
from support.stack import OPERATOR_KEY, Stack

FILES = REPOSITORY / "tests/generators/openapi-typescript"
GENERATOR = "node_modules/openapi-typescript/bin/cli.js"
COMPILER = "node_modules/typescript/bin/tsc"

pytestmark = pytest.mark.timeout(180)


@pytest_asyncio.fixture(scope="session")
async def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the generator, the compiler and the program."""
    folder = tmp_path_factory.mktemp("typescript")
    shutil.copytree(FILES, folder, dirs_exist_ok=True)
    await install_packages(folder)
    return folder


async def document(service: Stack) -> dict[str, Any]:
    return (await service.http.get("/openapi.json")).json()


async def generate(folder: Path, content: dict[str, Any]) -> Ended:
    """Generate the types. A field with a default may be left out, as docs/api.md says."""
    (folder / "openapi.json").write_text(json.dumps(content))
    arguments = ("openapi.json", "-o", "api.d.ts", "--default-non-nullable=false")
    return await run_command(NODE, GENERATOR, *arguments, folder=folder)


async def compile_program(folder: Path) -> Ended:
    return await run_command(NODE, COMPILER, "-p", ".", folder=folder)


async def test_a_typescript_client_works(
    service: Stack, api_url: str, hooks: Receiver, workshop: Path
) -> None:
    """It registers, changes one field and no other, publishes, repeats, and reads errors."""
    generated = await generate(workshop, await document(service))
    assert generated.status == 0, generated.output
    compiled = await compile_program(workshop)
    assert compiled.status == 0, compiled.output
    arguments = (api_url, OPERATOR_KEY, service.tenant, f"{hooks.url}/")
    ran = await run_command(NODE, "program.js", *arguments, folder=workshop)
    assert ran.status == 0, ran.output
    assert json.loads(ran.output) == {
        "changed": ["Accounting", ["orders/*"]],
        "duplicates": [False, True],
        "statuses": [202, 422],
        "secret": True,
        "problem": 404,
        "listed": True,
    }


async def test_a_wrong_reference(service: Stack, workshop: Path) -> None:
    """A `$ref` to a schema that is not there stops the generator."""
    content = await document(service)
    content["components"]["schemas"]["EndpointListRead"] = content["components"]["schemas"].pop(
        "EndpointRead"
    )
    generated = await generate(workshop, content)
    assert generated.status != 0
    assert "EndpointRead" in generated.output


def renamed(schemas: dict[str, Any]) -> None:
    """An answer's field has another name than the API gives it."""
    read = schemas["EndpointRead"]
    read["properties"]["events"] = read["properties"].pop("event_types")
    read["required"] = ["events" if it == "event_types" else it for it in read["required"]]


def retyped(schemas: dict[str, Any]) -> None:
    """A field that is text is said to be a number."""
    schemas["EndpointCreateRequest"]["properties"]["url"] = {"type": "integer"}


def loosened(schemas: dict[str, Any]) -> None:
    """A field that must be given is said to be optional."""
    schemas["EndpointCreateRequest"]["required"].remove("url")


def required(schemas: dict[str, Any]) -> None:
    """A field that may be left out is said to be required."""
    schemas["EndpointChangeRequest"]["required"] = ["url"]


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (renamed, "'event_types' does not exist"),
        (retyped, "'string' is not assignable to type 'number'"),
        (loosened, "Unused '@ts-expect-error'"),
        (required, "'url' is missing"),
    ],
)
async def test_a_wrong_field(
    service: Stack, workshop: Path, fault: Callable[[dict[str, Any]], None], says: str
) -> None:
    """A field with a wrong name, type or duty is an error of the program that uses it."""
    content = await document(service)
    fault(content["components"]["schemas"])
    generated = await generate(workshop, content)
    assert generated.status == 0, generated.output
    compiled = await compile_program(workshop)
    assert compiled.status != 0
    assert says in compiled.output
