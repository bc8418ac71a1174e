"""Runs the portal's code for verification, in each language, over real webhooks."""

import base64
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hookwright.contracts import Contract
from hookwright.models import EventInput
from hookwright.webhook import Posting, contract_headers, render
from support.node import NODE

URL = "https://receiver.example/hooks?a=1&b=2"
EVENT_ID = "evt_0123456789abcdef"


@dataclass(frozen=True)
class Signed:
    """A webhook as it arrives, and whether the code must accept it."""

    what: str
    headers: Mapping[str, str]
    body: bytes
    genuine: bool = False

    def as_json(self) -> dict[str, Any]:
        return {"headers": dict(self.headers), "body": base64.b64encode(self.body).decode()}


def signed_webhook(
    contract: Contract, secrets: Sequence[str], *, age: float = 0.0, data: Any = None
) -> tuple[dict[str, str], bytes]:
    """Return headers and body as the worker sends them, signed by these secrets some time ago."""
    at = datetime.fromtimestamp(time.time() - age, UTC)
    example = {"amount": 1500, "name": "Zoë & Söhne", "b": "2 + 2", "a": "é=%"}
    event_type = next(iter(contract.event_types), "loan.funded")
    event = EventInput(
        tenant_id="t", id=EVENT_ID, type=event_type, data=example if data is None else data
    )
    body = render(contract, event, at)
    posting = Posting(event, at, "ep_1", URL, 1, at)
    return contract_headers(contract, posting, secrets, body), body


def changed(headers: Mapping[str, str], name: str, value: str | None) -> dict[str, str]:
    """Return headers with another value of one of them, or without it."""
    others = {key: each for key, each in headers.items() if key.lower() != name.lower()}
    return others if value is None else {**others, name: value}


@dataclass
class CodeRunner:
    """Runs code in a language: `run` gives its answer to each webhook."""

    language: str
    folder: Path
    codes: Sequence[str]
    """All that it may be asked to run, for a language whose programs are built: once for all."""

    built: Path | None = None

    def run(
        self, code: str, webhooks: Sequence[Signed], variables: Mapping[str, str]
    ) -> list[bool]:
        """Return what the code says of each webhook, with these environment variables."""
        command = getattr(self, f"_{self.language}")(code)
        done = subprocess.run(
            command,
            input=json.dumps([each.as_json() for each in webhooks]).encode(),
            capture_output=True,
            env={**os.environ, **variables},
            check=False,
            timeout=50,
        )
        assert done.returncode == 0, done.stderr.decode()
        answers: list[bool] = json.loads(done.stdout)
        return answers

    def _python(self, code: str) -> list[str | Path]:
        return [sys.executable, self._written("verify.py", code + PYTHON)]

    def _node(self, code: str) -> list[str | Path]:
        return [NODE, self._written("verify.mjs", code + NODE_DRIVER)]

    def _php(self, code: str) -> list[str | Path]:
        return ["php", self._written("verify.php", code + PHP)]

    def _ruby(self, code: str) -> list[str | Path]:
        return ["ruby", self._written("verify.rb", code + RUBY)]

    def _go(self, code: str) -> list[str | Path]:
        if self.built is None:
            module = self.folder / "go"
            for number, each in enumerate(self.codes):
                package = module / f"webhooks{number}"
                package.mkdir(parents=True)
                (package / "verify.go").write_text(each)
            numbers = range(len(self.codes))
            imports = "\n".join(f'\twebhooks{number} "try/webhooks{number}"' for number in numbers)
            functions = ", ".join(f"webhooks{number}.IsGenuine" for number in numbers)
            (module / "go.mod").write_text("module try\n\ngo 1.19\n")
            main = GO.replace("IMPORTS", imports).replace("FUNCTIONS", functions)
            (module / "main.go").write_text(main)
            subprocess.run(["go", "build", "-o", "try", "."], cwd=module, check=True, timeout=300)
            self.built = module / "try"
        return [self.built, str(self.codes.index(code))]

    def _written(self, name: str, code: str) -> Path:
        path = self.folder / name
        path.write_text(code)
        return path


def missing(language: str) -> str | None:
    """Return why code in this language cannot run here, or None."""
    if language in ("python", "node") or shutil.which(language):
        return None
    return f"there is no `{language}` on this machine"


PYTHON = """
import json as _json, sys as _sys, base64 as _base64

class _Headers(dict):
    def get(self, name, default=None):
        return dict.get(self, name.lower(), default)

_cases = _json.load(_sys.stdin)
print(_json.dumps([
    is_genuine(
        _Headers({name.lower(): value for name, value in case["headers"].items()}),
        _base64.b64decode(case["body"]),
    )
    for case in _cases
]))
"""
NODE_DRIVER = """
import { readFileSync } from "node:fs";
const cases = JSON.parse(readFileSync(0, "utf8"));
const lower = (headers) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
console.log(JSON.stringify(
  cases.map((each) => isGenuine(lower(each.headers), Buffer.from(each.body, "base64")))));
"""
PHP = """
$cases = json_decode(file_get_contents("php://stdin"), true);
echo json_encode(array_map(
    fn($case) => is_genuine((array) $case["headers"], base64_decode($case["body"])), $cases));
"""
RUBY = """
require "json"
cases = JSON.parse($stdin.read)
puts JSON.generate(cases.map { |each|
  env = each["headers"].to_h { |name, value| ["HTTP_" + name.upcase.tr("-", "_"), value] }
  genuine?(env, each["body"].unpack1("m0"))
})
"""
GO = """package main

import (
	"encoding/json"
	"net/http"
	"os"
	"strconv"

IMPORTS
)

var isGenuine = []func(http.Header, []byte) bool{FUNCTIONS}

func main() {
	var cases []struct {
		Headers map[string]string
		Body    []byte
	}
	if err := json.NewDecoder(os.Stdin).Decode(&cases); err != nil {
		panic(err)
	}
	number, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	answers := make([]bool, 0, len(cases))
	for _, each := range cases {
		headers := http.Header{}
		for name, value := range each.Headers {
			headers.Set(name, value)
		}
		answers = append(answers, isGenuine[number](headers, each.Body))
	}
	json.NewEncoder(os.Stdout).Encode(answers)
}
"""
