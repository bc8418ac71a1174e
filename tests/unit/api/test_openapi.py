"""The OpenAPI document, from which clients are generated: complete, and true to itself."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from jsonschema import Draft202012Validator
from support.paths import REPOSITORY
from support.stack import CODEC, api_config

from api.app import create_app
from api.http.openapi import operations, resolve
from hookwright.temporal import connect

README = REPOSITORY / "README.md"


@pytest.fixture(scope="module")
async def document() -> dict[str, Any]:
    """The document of an API with all facades."""
    client = await connect(CODEC, target_host="127.0.0.1:1", lazy=True)
    app: FastAPI = create_app(client, api_config("queue"))
    return app.openapi()


def nodes(value: object) -> Iterator[dict[str, Any]]:
    """Yield all objects inside a JSON value."""
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from nodes(each)
    elif isinstance(value, list):
        for each in value:
            yield from nodes(each)


def validator(document, schema) -> Draft202012Validator:
    """Return a validator of a schema that refers into the document."""
    return Draft202012Validator({**schema, "components": document["components"]})


async def test_every_reference_resolves(document) -> None:
    """Each `$ref` names something that the document has; generators stop at the first other one."""
    references = {node["$ref"] for node in nodes(document) if isinstance(node.get("$ref"), str)}
    assert references
    for reference in references:
        target: Any = document
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]


async def test_patch_has_no_defaults(document) -> None:
    """A field that a PATCH leaves out keeps its value, so its schema names no default."""
    bodies = [
        resolve(document, operation["requestBody"]["content"]["application/json"]["schema"])
        for _, method, operation in operations(document)
        if method == "patch"
    ]
    assert len(bodies) == 7
    for body in bodies:
        assert not [name for name, node in body["properties"].items() if "default" in node]


async def test_operations_are_described(document) -> None:
    """Each operation has a description, a name of its own and a tag; each parameter has words."""
    names = [operation["operationId"] for _, __, operation in operations(document)]
    assert len(names) == len(set(names)) > 50
    missing = [
        (path, method)
        for path, method, operation in operations(document)
        if not operation.get("description") or not operation.get("tags")
    ]
    missing += [
        (path, parameter["name"])
        for path, _, operation in operations(document)
        for parameter in operation.get("parameters", [])
        if not parameter.get("description")
        or not (parameter["schema"].get("examples") or "enum" in parameter["schema"])
    ]
    assert not missing


async def test_fields_are_described(document) -> None:
    """Each model and each field has a description, and each example fits its schema."""
    missing, wrong = [], []
    for model, schema in document["components"]["schemas"].items():
        if not schema.get("description"):
            missing.append(model)
        for name, node in schema.get("properties", {}).items():
            if not node.get("description"):
                missing.append(f"{model}.{name}")
            wrong += [
                f"{model}.{name}: {error.message}"
                for example in node.get("examples", [])
                for error in validator(document, node).iter_errors(example)
            ]
    assert (missing, wrong) == ([], [])


async def test_examples_of_bodies_fit(document) -> None:
    """Each body of a request and of an answer has an example, which fits its schema."""
    bodies, wrong = 0, []
    for path, method, operation in operations(document):
        contents = [operation.get("requestBody", {})]
        contents += [each for each in operation["responses"].values() if each]
        for content in contents:
            for media_type, body in content.get("content", {}).items():
                if "example" not in body:
                    assert media_type == "application/json"  # the results of a refused batch
                    continue
                bodies += 1
                wrong += [
                    f"{method} {path}: {error.json_path} {error.message}"
                    for error in validator(document, body["schema"]).iter_errors(body["example"])
                ]
    assert bodies > 100
    assert wrong == []


async def test_the_readme_names_every_route(document) -> None:
    """The README's table leaves no route of the API out; docs/facades.md has those of facades."""
    table = "\n".join(line for line in README.read_text().splitlines() if line.startswith("| `"))
    facades = ("/api/", "/v1/webhooks")
    paths = [path for path in document["paths"] if not path.startswith(facades)]
    words = {word for path in paths for word in re.findall(r"[a-z-]+(?=/|$)", path)}
    assert {word for word in words if f"/{word}" not in table} == set()
