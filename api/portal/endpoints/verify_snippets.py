"""Code that verifies a contract's webhooks, in five languages, written from its recipe.

A secret never stands in the code: it is read from the environment.
"""

import json
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from api.portal.endpoints.verify_recipe import VerifyRecipe

# No escaping for HTML here: this is code. The page escapes it like any other text.
code = Environment(  # noqa: S701
    loader=PackageLoader("api.portal", "templates/verify"),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


@dataclass(frozen=True)
class Language:
    """A language: its name for people, its template, and what else its code needs."""

    name: str
    key: str


@dataclass(frozen=True)
class Snippet:
    """Code in one language."""

    language: Language
    code: str


LANGUAGES = (
    Language("Python", "python"),
    Language("Node.js", "node"),
    Language("PHP", "php"),
    Language("Go", "go"),
    Language("Ruby", "ruby"),
)


def verify_snippets(recipe: VerifyRecipe) -> list[Snippet]:
    """Return the code for a recipe in every language."""
    return [
        Snippet(language, code.get_template(f"{language.key}.txt").render(r=recipe))
        for language in LANGUAGES
    ]


def _quoted(text: str) -> str:
    """Return a text in double quotes for Python, JavaScript and Go. It has ASCII only."""
    return json.dumps(text)


def _quoted_php(text: str) -> str:
    return json.dumps(text).replace("$", r"\$").replace(r"\/", "/")


def _quoted_ruby(text: str) -> str:
    return json.dumps(text).replace("#", r"\#")


def _environ_name(header: str) -> str:
    """Return the name of a header in the environment of CGI and Rack (RFC 3875, 4.1.18)."""
    return "HTTP_" + header.upper().replace("-", "_")


code.filters |= {
    "q": _quoted,
    "php": _quoted_php,
    "rb": _quoted_ruby,
    "rack": _environ_name,
}
