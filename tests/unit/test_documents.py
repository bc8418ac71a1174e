"""The documents: their links lead somewhere, and what they name is there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from hookwright.temporal.search_attributes import SEARCH_ATTRIBUTES
from runtime.settings import Settings

REPOSITORY = Path(__file__).parents[2]
DECISIONS = REPOSITORY / "docs/decisions"
PAGES = sorted(
    [
        *(REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
        *REPOSITORY.glob("docs/**/*.md"),
    ]
)
DECISION_PAGES = sorted(DECISIONS.glob("[0-9]*.md"))
# Written by `make bench` for each run.
FREE_FORM = re.compile(r"docs/benchmarks/\d{4}-\d\d-\d\d(?:-\d+)?\.md$")
PARAGRAPH_LINES, README_LINES = 5, 150
FENCE = re.compile(r"^```.*?^```\s*?$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
MODULE = re.compile(r"^(?:hookwright|workflows|activities|api|runtime)(?:\.\w+)+$")
TEST = re.compile(r"^test_\w+\.py$")
PATH = re.compile(r"^[\w./-]+/[\w.-]+\.(?:py|md|toml)$")
NOT_PROSE = ("#", "|", ">", "    ", "<", "- ", "* ")

every_page = pytest.mark.parametrize(
    "page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY))
)
every_decision = pytest.mark.parametrize("page", DECISION_PAGES, ids=lambda page: page.stem)


def prose(page: Path) -> str:
    """Return a page without its fenced blocks."""
    return FENCE.sub("", page.read_text())


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    kept = (re.sub(r"[^\w\- ]", "", heading.strip().lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in kept}


def broken_links(page: Path) -> Iterator[str]:
    """Yield the relative links of a page that lead nowhere."""
    for link in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield link


def named_paths(page: Path) -> Iterator[str]:
    """Yield the paths and modules of the repository that a page names in backticks."""
    for text in CODE.findall(prose(page)):
        if PATH.match(text) or MODULE.match(text) or TEST.match(text):
            yield text


def exists(path: str) -> bool:
    """Return whether a path is one of the repository, or of its tests, as tables name them.

    Of a module's name the last part may be something in it.
    """
    if TEST.match(path):
        return any((REPOSITORY / "tests").rglob(path))
    if MODULE.match(path):
        named = REPOSITORY / path.replace(".", "/")
        return any(it.is_dir() or it.with_suffix(".py").exists() for it in (named, named.parent))
    return (REPOSITORY / path).exists() or (REPOSITORY / "tests" / path).exists()


def is_prose(paragraph: str) -> bool:
    """Return whether it is no table, list, heading, quote or code."""
    return not paragraph.startswith(NOT_PROSE) and not re.match(r"\d+\. ", paragraph)


@every_page
def test_links(page):
    """Every relative link leads to a file that exists, and to a heading of it."""
    assert list(broken_links(page)) == []


@every_page
def test_paths(page):
    """Every path of the repository that stands in backticks exists."""
    assert [path for path in named_paths(page) if not exists(path)] == []


@every_page
def test_paragraphs_are_short(page):
    """No paragraph has more than five lines, and no line of prose more than 120 characters."""
    if FREE_FORM.search(str(page)):
        return
    paragraphs = filter(is_prose, re.split(r"\n\s*\n", prose(page).strip("\n")))
    lines = [paragraph.split("\n") for paragraph in paragraphs]
    assert [it[0] for it in lines if len(it) > PARAGRAPH_LINES] == []
    assert [line for it in lines for line in it if len(line) > 120] == []


def test_readme_is_short():
    """The README can be read in a few minutes."""
    assert len((REPOSITORY / "README.md").read_text().splitlines()) < README_LINES


@every_decision
def test_decision_form(page):
    """Every decision has the form: number and title, status and date, and the four headings."""
    text = page.read_text()
    assert re.match(rf"# {page.name[:4]}: .+\n\nStatus: .+\. Date: \d{{4}}-\d\d-\d\d\.\n", text)
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings == ["Context", "Decision", "Consequences", "Alternatives"]


def test_decision_index():
    """The index lists every decision, by its title, in order."""
    listed = re.findall(
        r"^\| \[(\d{4})\]\(([^)]+)\) \| (.+?) \|",
        (DECISIONS / "README.md").read_text(),
        re.MULTILINE,
    )
    titles = [page.read_text().splitlines()[0].removeprefix("# ") for page in DECISION_PAGES]
    assert [(name, f"{number}: {title}") for number, name, title in listed] == list(
        zip([page.name for page in DECISION_PAGES], titles, strict=True)
    )


def test_documents_are_in_the_index():
    """The index by reader leads to every document, and the README to the index."""
    index = (REPOSITORY / "docs/README.md").read_text()
    linked = {link.partition("#")[0] for link in LINK.findall(index)}
    assert {page.name for page in REPOSITORY.glob("docs/*.md")} - {"README.md"} <= linked
    assert "docs/README.md" in LINK.findall((REPOSITORY / "README.md").read_text())


def test_settings():
    """docs/settings.md names exactly the settings that there are."""
    page = (REPOSITORY / "docs/settings.md").read_text()
    named = re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE)
    assert sorted(named) == sorted(name.upper() for name in Settings.model_fields)


@pytest.mark.parametrize(
    ("page", "pattern"),
    [
        ("temporal-cloud.md", r"--sa (\w+)=(\w+)"),
        ("running.md", r"^\| ((?:`\w+`(?:, )?)+) \| (Keyword|Datetime) \|$"),
    ],
)
def test_search_attributes(page, pattern):
    """What a namespace needs is listed in full, for those who cannot run `hookwright setup`."""
    text = (REPOSITORY / "docs" / page).read_text()
    listed = {
        (name, kind)
        for names, kind in re.findall(pattern, text, re.MULTILINE)
        for name in re.findall(r"\w+", names)
    }
    assert listed == {
        (key.name, key.indexed_value_type.name.capitalize()) for key in SEARCH_ATTRIBUTES
    }
