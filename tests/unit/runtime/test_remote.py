"""Calls to the API: every fault is a sentence with a remedy, and nothing secret is repeated."""

import io
import json
import re
import ssl
import subprocess
import sys
from datetime import UTC, datetime

import httpx
import pytest
from rich.console import Console
from support.commands import BARE

from runtime.errors import CommandError
from runtime.progress_bar import progress_bar
from runtime.remote import ApiClient, Connection, find_connection, moment, path_of, print_rows

URL = "http://api.test"
SECRET = "hwk_a_very-secret"
LATE = ("rich", "httpx", "temporalio", "fastapi", "pydantic", "asyncio", "structlog", "hookwright")


def client(answer: httpx.Response | Exception) -> ApiClient:
    def handle(_: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return ApiClient(Connection(URL, SECRET), httpx.MockTransport(handle), sleep=lambda _: None)


def problem(status: int, detail: str = "it is so", **fields) -> httpx.Response:
    headers = fields.pop("headers", {})
    return httpx.Response(status, json={"detail": detail, **fields}, headers=headers)


def tls_fault() -> Exception:
    cause = ssl.SSLCertVerificationError(1, "no")
    cause.verify_message = "self-signed certificate"
    error = httpx.ConnectError("tls")
    error.__cause__ = cause
    return error


FAULT = {"loc": ["body", "url"], "msg": "not https"}


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        (problem(401), 4, "does not accept the key. (401 Unauthorized) Set HOOKWRIGHT_KEY"),
        (problem(403, "a scope is missing"), 4, "A scope is missing. (403 Forbidden) Use an"),
        (problem(404, "there is no such tenant"), 5, "There is no such tenant. (404"),
        (problem(409, "it exists"), 1, "It exists. (409 Conflict)"),
        (problem(422, "x", errors=[FAULT, FAULT]), 1, "\n  body.url: not https\n  body.url: not"),
        (problem(429, headers={"retry-after": "7"}), 3, "Try again in 7 s."),
        (problem(503, headers={"retry-after": "soon"}), 3, "It is so. (503 Service"),
        (problem(500), 3, "It is so. (500 Internal Server Error)"),
        (problem(599), 3, "It is so. (599 "),
        (httpx.Response(200, text="<html>"), 3, "with text/plain, which the API of Hookwright"),
        (httpx.Response(502), 3, "answered 502 with nothing"),
        (httpx.Response(404, json=["?"]), 3, "Is the URL right?"),
        (httpx.Response(301, headers={"location": "https://b"}), 3, "It redirects to https://b."),
        (httpx.ReadTimeout(""), 3, "did not answer within 30 s. It may still be done"),
        (httpx.ConnectError("refused"), 3, "cannot be reached: refused. Is `hookwright serve`"),
        (tls_fault(), 3, "is not trusted: self-signed certificate. If an authority"),
    ],
)
def test_a_fault_is_a_sentence(answer, status, said):
    """Each fault of a call has its exit status, and says what to do, without the key."""
    with client(answer) as api, pytest.raises(CommandError) as refused:
        api.send("POST", "/v1/tenants/acme", {})
    assert refused.value.status == status
    assert said in str(refused.value)
    assert SECRET not in str(refused.value)


def test_a_list_is_read_to_its_limit():
    """A list is read page by page, patiently, and no row beyond the limit is asked for."""
    asked: list[dict[str, str]] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(dict(request.url.params))
        if len(asked) == 2:
            return problem(503, headers={"retry-after": "1"})
        rows = [{"id": str(n)} for n in range(int(asked[-1]["limit"]))]
        return httpx.Response(200, json={"data": rows, "next_cursor": f"c{len(asked)}"})

    waits: list[float] = []
    api = ApiClient(Connection(URL, SECRET), httpx.MockTransport(handle), sleep=waits.append)
    page = api.rows("/v1/tenants", 150, state="held", since=None)
    assert (len(page["data"]), page["next_cursor"], waits) == (150, "c3", [1.0])
    assert [it["limit"] for it in asked] == ["100", "50", "50"]
    assert asked[2] == {"limit": "50", "cursor": "c1", "state": "held"}


@pytest.mark.parametrize("part", ["", ".", ".."])
def test_a_path_has_only_ids(part):
    """What would change a path's meaning is no id."""
    with pytest.raises(CommandError, match="is not an id"):
        path_of("tenants", "acme", "endpoints", part)
    assert path_of("event-types", "a/b?c") == "/v1/event-types/a%2Fb%3Fc"


def profiles(folder, text, mode=0o600):
    file = folder / "hookwright" / "profiles.toml"
    file.parent.mkdir()
    file.write_text(text)
    file.chmod(mode)
    return {"XDG_CONFIG_HOME": str(folder)}


def test_a_profile_takes_the_place_of_the_environment(tmp_path):
    """A named profile wins over the environment, options over both, and none is mixed by chance."""
    of_file = profiles(tmp_path, '[prod]\nurl = "https://prod"\nkey = "k1"')
    of_shell = of_file | {"HOOKWRIGHT_URL": "https://shell/", "HOOKWRIGHT_KEY": "k2"}
    assert find_connection(None, None, "prod", environment=of_shell) == Connection(
        "https://prod", "k1"
    )
    assert find_connection(None, None, None, environment=of_shell).url == "https://shell"
    assert find_connection("http://o", "k3", None, environment=of_shell).key == "k3"
    with pytest.raises(CommandError, match="unset one of them"):
        find_connection(None, None, None, environment=of_shell | {"HOOKWRIGHT_PROFILE": "prod"})
    with pytest.raises(CommandError, match="has no profile nope"):
        find_connection(None, None, "nope", environment=of_file)


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        ('[p]\nurl = "https://p"', 0o644, "chmod 600"),
        ("[p", 0o600, "cannot be read"),
        ('[p]\nkey = "k"', 0o600, "must have a text `url`"),
        ('[p]\nurl = "https://p"\ntoken = "k"', 0o600, "must have a text `url`"),
    ],
)
def test_a_wrong_profile(tmp_path, text, mode, said):
    """A profile that others can read, or that is not valid, is refused with the remedy."""
    with pytest.raises(CommandError, match=said):
        find_connection(None, None, "p", environment=profiles(tmp_path, text, mode))


@pytest.mark.parametrize(
    ("url", "key", "said"),
    [
        ("ftp://a", "k", "is not valid"),
        ("http://a:99999999", "k", "is not valid"),
        ("http://a?b=c", "k", "is not valid"),
        ("http://user:pw@a", "k", "a name or a password"),
        ("http://a", "k\nX-Other: 1", "another character that no key has"),
        ("http://a", None, "No key is known for http://a"),
    ],
)
def test_a_wrong_connection(tmp_path, url, key, said):
    """What cannot be a URL or a key is refused, and its value is not repeated."""
    with pytest.raises(CommandError, match=said) as refused:
        find_connection(url, key, None, environment={}, state_dir=tmp_path)
    assert "pw" not in str(refused.value).replace("password", "")


def test_the_key_of_dev_stays_on_this_machine(tmp_path):
    """Without any key, a local API is called with the key of `hookwright dev`, and no other."""
    (tmp_path / "keys.json").write_text(json.dumps({"operator_key": "hwk_dev"}))
    local = find_connection("http://localhost:1", None, None, environment={}, state_dir=tmp_path)
    assert local.key == "hwk_dev"
    with pytest.raises(CommandError, match="No key is known"):
        find_connection("http://a.example", None, None, environment={}, state_dir=tmp_path)


def test_moments():
    """A time is how long ago, or RFC 3339 with a zone; anything else is told what to write."""
    now = datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert moment("--since", "2h", now) == "2026-01-31T10:00:00+00:00"
    assert moment("--since", "2026-01-31T03:00:00Z") == "2026-01-31T03:00:00+00:00"
    assert moment("--since", None) is None
    for wrong in ("2 hours", "yesterday", "2026-01-31T03:00:00", "-1h"):
        with pytest.raises(CommandError, match="write how long ago"):
            moment("--since", wrong)


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_a_table_holds_any_width(width, monkeypatch):
    """In any width each value is there whole, and nothing in it moves the cursor."""
    monkeypatch.setenv("COLUMNS", str(width))
    written = io.StringIO()
    rows = [{"id": "ep_" + "1" * 24 + ":evt_" + "2" * 24, "state": "held", "why": "a\x1b[31mb"}]
    columns = {"delivery": "id", "state": "state", "why": "why", "nothing": "nothing"}
    print_rows(rows, columns, Console(file=written, width=width))
    output = written.getvalue()
    assert rows[0]["id"] in output.splitlines()[1 if width >= 80 else 0]
    assert r"a\u001b[31mb" in output
    assert "nothing" not in output
    assert output.replace("\n", "").isprintable()


def test_a_narrow_row_that_begins_with_a_number(monkeypatch):
    """An attempt's number has its name beside it."""
    monkeypatch.setenv("COLUMNS", "12")
    written = io.StringIO()
    columns = {"attempt": "number", "outcome": "outcome"}
    row = {"number": 1, "outcome": "delivered"}
    print_rows([row], columns, Console(file=written, width=12))
    assert written.getvalue().splitlines() == ["attempt 1", "  outcome delivered"]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_bar_leaves_room(width, monkeypatch):
    """A terminal's `^C` behind the bar does not break the line, and the bar vanishes at its end."""
    monkeypatch.setenv("TERM", "xterm")
    terminal = Console(file=io.StringIO(), width=width, force_terminal=True, legacy_windows=False)
    monkeypatch.setattr("runtime.progress_bar.error_console", terminal)
    with progress_bar() as bar:
        bar.add_task("completed", completed=99_999, total=100_000)
        bar.refresh()
    frames = re.split(r"\r|\n", re.sub(r"\x1b\[[?\d;]*[a-zA-Z]", "", terminal.file.getvalue()))
    assert any("99999/100000" in frame for frame in frames)
    assert max(map(len, frames)) <= width - len("^C")
    assert frames[-1] == ""


def test_help_imports_late():
    """The command line is imported without what only commands need, so `--help` is fast."""
    program = f"import runtime.cli, sys; print([it for it in {LATE!r} if it in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], env=BARE, capture_output=True, check=True
    )
    assert done.stdout == b"[]\n"
