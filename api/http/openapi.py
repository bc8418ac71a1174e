"""The OpenAPI document: what FastAPI writes, and what client generators and people need beside it.

The words for fields and their examples stand in `openapi_fields.toml`: most fields occur in many
models, some of which are stored by Temporal or belong to contracts.
"""

import json
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.http.errors import Fault, ProblemBody

Node = dict[str, Any]

REF_PREFIX = "#/components/schemas/"
PROBLEM_MEDIA_TYPE = "application/problem+json"

WORDS: dict[str, dict[str, Any]] = tomllib.loads(
    files("api.http").joinpath("openapi_fields.toml").read_text()
)
"""Descriptions and examples by model and field; those in `fields` are for all models."""


def install_openapi(app: FastAPI) -> None:
    """Let the application answer `/openapi.json` with the completed document."""

    def document() -> Node:
        if app.openapi_schema is None:
            plain = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=app.routes,
            )
            app.openapi_schema = complete(plain)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign] # as FastAPI's own documentation does it


def complete(document: Node) -> Node:
    """Return the document with the errors' schema, the fields' words, and examples."""
    schemas = document["components"]["schemas"]
    for model in (ProblemBody, Fault):
        schema = model.model_json_schema(mode="serialization", ref_template=REF_PREFIX + "{model}")
        schema.pop("$defs", None)
        schemas[model.__name__] = schema
    _describe(document)
    for _, method, operation in operations(document):
        if method == "patch":
            _drop_defaults(document, operation)
        _add_examples(document, operation)
    return document


def operations(document: Node) -> Iterator[tuple[str, str, Node]]:
    """Yield path, method and operation of all operations of the document."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def resolve(document: Node, schema: Node) -> Node:
    """Return the schema that a reference stands for, or the schema itself."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].removeprefix(REF_PREFIX)]
    return schema


def _describe(document: Node) -> None:
    for name, schema in document["components"]["schemas"].items():
        generic_name = name.partition("_")[0]
        schema.setdefault("description", WORDS["models"].get(generic_name, ""))
        for field, node in schema.get("properties", {}).items():
            own = WORDS.get(generic_name, {})
            _add_words(node, own.get(field) or WORDS["fields"].get(field))
    for _, __, operation in operations(document):
        for parameter in operation.get("parameters", []):
            name = parameter["name"]
            words = WORDS["parameters"].get(name) or WORDS["fields"].get(name)
            _add_words(parameter["schema"], words)
            description = parameter["schema"].pop("description", "")
            parameter.setdefault("description", description)


def _add_words(node: Node, words: list[Any] | None) -> None:
    """Add a description and an example to a schema that does not have its own."""
    if words is None:
        return
    description, *examples = words
    node.setdefault("description", description)
    if examples:
        node.setdefault("examples", examples)


def _drop_defaults(document: Node, operation: Node) -> None:
    """Take the defaults out of a PATCH's body: a field that is left out keeps its value.

    Generated clients send the defaults that they find, and would reset what nobody named.
    """
    for body in operation["requestBody"]["content"].values():
        for node in resolve(document, body["schema"])["properties"].values():
            node.pop("default", None)


def _add_examples(document: Node, operation: Node) -> None:
    """Add an example to the body of a request and to the bodies of its successful answers."""
    for body in operation.get("requestBody", {}).get("content", {}).values():
        name = _body_name(body["schema"])
        body["example"] = json.loads(WORDS["requests"].get(name, "{}"))
    for status, response in operation["responses"].items():
        for media_type, body in response.get("content", {}).items():
            if status.startswith("2") or media_type == PROBLEM_MEDIA_TYPE:
                body["example"] = _example(document, body["schema"])
            if media_type == PROBLEM_MEDIA_TYPE:
                body["example"] |= {"status": int(status), "title": response["description"]}


def _body_name(schema: Node) -> str:
    """Return the name of a body's model. A body that may be left out has a choice with null."""
    reference = next(each for each in (schema, *schema.get("anyOf", [])) if "$ref" in each)
    return str(reference["$ref"]).removeprefix(REF_PREFIX)


def _example(document: Node, schema: Node) -> Any:  # noqa: ANN401 - any JSON value
    """Return an example of a schema, made of the examples of its fields."""
    if "examples" in schema:
        return schema["examples"][0]
    schema = resolve(document, schema)
    match schema:
        case {"examples": [first, *_]} | {"enum": [first, *_]} | {"const": first}:
            return first
        case {"anyOf": [first, *_]} | {"oneOf": [first, *_]}:
            return _example(document, first)
        case {"type": "array", "items": items}:
            return [_example(document, items)]
        case {"properties": properties}:
            return {name: _example(document, node) for name, node in properties.items()}
        case _:
            return {}
