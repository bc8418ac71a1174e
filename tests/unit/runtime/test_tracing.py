"""Traces are off unless they are wanted; a missing extra is told."""

import os
import sys

import pytest
from support.commands import run_command

from hookwright import tracing
from runtime.errors import CommandError
from runtime.tracing import trace_interceptors, traced


@pytest.fixture(autouse=True)
def _nothing_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)


def test_off_by_default() -> None:
    """Without a collector nothing is recorded, and the Temporal client has no interceptor."""
    with traced(), tracing.span("publish event"):
        assert tracing.traceparent() is None
        assert trace_interceptors() == []


@pytest.mark.parametrize("setting", ["OTEL_EXPORTER_OTLP_ENDPOINT"])
def test_missing_extra_is_told(monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    """If a collector is named and the extra is missing, the start is refused with the remedy."""
    monkeypatch.setenv(setting, "http://127.0.0.1:4318")
    monkeypatch.delitem(sys.modules, "runtime.tracing.otlp", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(CommandError, match=r"pip install 'hookwright\[tracing\]'"), traced():
        pass


async def test_not_imported_when_off(tmp_path) -> None:
    """A process without traces does not import OpenTelemetry."""
    code = (
        "import sys, runtime.services;"
        "from runtime.tracing import traced;"
        "traced().__enter__();"
        "print('opentelemetry.sdk' in sys.modules)"
    )
    ended = await run_command(sys.executable, "-P", "-c", code, folder=tmp_path)
    assert ended.output.strip() == "False"
