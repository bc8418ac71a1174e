"""A plugin of pytest that notes how each test failed, and which copy of the code was imported.

`python -m pytest -p breaks.witness` writes a `Report` to the file that `BREAKS_REPORT` names.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

REPORT = "BREAKS_REPORT"

ASSERTION = "assertion"
"""How a test fails that has noticed something, as against one that could not run at all."""

TIMED_OUT = "Timeout"
"""What the message of pytest-timeout begins with. A slow machine can be the reason as well."""


class Report(BaseModel):
    """What came of a run: the failures of each test, by function, and the files of our modules."""

    failures: dict[str, list[str]] = {}
    modules: list[Path] = []


class Witness:
    """Collects the report of one run."""

    def __init__(self, path: Path, packages: tuple[str, ...]) -> None:
        self.path = path
        self.packages = packages
        self.report = Report()

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[Any]
    ) -> Iterator[None]:
        """Note how one phase of a test ended."""
        yield
        failures = self.report.failures.setdefault(item.nodeid.partition("[")[0], [])
        if call.excinfo is not None:
            failures.append(_kind(call.excinfo.value, call.when))

    def pytest_sessionfinish(self) -> None:
        """Write the report."""
        self.report.modules = [
            Path(file)
            for name, module in sys.modules.items()
            if name.partition(".")[0] in self.packages and (file := module.__file__)
        ]
        self.path.write_text(self.report.model_dump_json())


def _kind(error: BaseException, phase: str) -> str:
    """Return `ASSERTION`, or what else stopped the test."""
    if isinstance(error, BaseExceptionGroup):
        kinds = [_kind(each, phase) for each in error.exceptions]
        return ASSERTION if ASSERTION in kinds else kinds[0]
    failed = isinstance(error, pytest.fail.Exception) and not str(error).startswith(TIMED_OUT)
    if phase == "call" and (failed or isinstance(error, AssertionError)):
        return ASSERTION
    return f"{type(error).__name__} in its {phase}"


def pytest_configure(config: pytest.Config) -> None:
    """Register the witness."""
    path, *packages = os.environ[REPORT].split(os.pathsep)
    config.pluginmanager.register(Witness(Path(path), tuple(packages)))
