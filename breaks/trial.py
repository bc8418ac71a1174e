"""A trial: the tests of a break run against a copy of the code, without the break and with it."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from breaks.catalogue import REPOSITORY, Break, BreakError
from breaks.witness import ASSERTION, REPORT, Report

PACKAGES = ("hookwright", "workflows", "activities", "api", "runtime")

LOG = "breaks.log"
"""What pytest prints, in the folder of the copy."""

TEST_SECONDS, RUN_SECONDS, STOP_SECONDS = 90, 600, 20
"""How long one test may take, one run of all named tests, and a run that is stopped."""

PLUGINS = ("pytest_asyncio.plugin", "pytest_timeout", "_hypothesis_pytestplugin", "breaks.witness")
"""Those that the tests need. To load all that are installed takes longer than most of the tests."""

OPTIONS = (
    *(f"-p{name}" for name in (*PLUGINS, "no:cacheprovider")),
    *("-q", "--tb=short", f"--timeout={TEST_SECONDS}", "--hypothesis-seed=0"),
)


@dataclass(frozen=True)
class Copy:
    """A copy of the working tree, which may be broken. The tree itself stays as it is."""

    root: Path
    packages: tuple[str, ...] = PACKAGES

    @classmethod
    def of_working_tree(cls, root: Path) -> "Copy":
        """Copy all files that are in Git or could be, as they are now."""
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=REPOSITORY,
            check=True,
            capture_output=True,
            text=True,
        )
        for name in filter(None, listed.stdout.split("\0")):
            source, target = REPOSITORY / name, root / name
            if source.is_file():  # one that was deleted is still listed
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)
        return cls(root)

    @contextmanager
    def broken(self, it: Break) -> Iterator[None]:
        """Have the break in the copy while the context lasts.

        Raises:
            BreakError: the code is not as the catalogue says.
        """
        path = self.root / it.file
        before = path.read_text()
        self._write(path, it.applied_to(before))
        try:
            yield
        finally:
            self._write(path, before)

    def run(self, tests: Iterable[str]) -> Report:
        """Run tests against this copy, and return what came of them.

        Raises:
            BreakError: other code than that of the copy was imported, or none.
        """
        report = self.root / "breaks.report.json"
        report.unlink(missing_ok=True)
        # The folder comes before the project's own, which an editable install puts on the path.
        environment = os.environ | {
            "PYTHONPATH": str(self.root),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            REPORT: os.pathsep.join([str(report), *self.packages]),
        }
        command = [sys.executable, "-m", "pytest", *OPTIONS, *dict.fromkeys(tests)]
        with (self.root / LOG).open("a") as log:
            running = subprocess.Popen(
                command, cwd=self.root, env=environment, stdout=log, stderr=subprocess.STDOUT
            )
            _wait(running)
        if not report.exists():
            raise BreakError(f"pytest has not come to its end; --keep a folder, and see its {LOG}")
        found = Report.model_validate_json(report.read_text())
        for path in found.modules:
            if not path.is_relative_to(self.root):
                raise BreakError(f"{path} was imported, which is not of the copy {self.root}")
        return found

    @staticmethod
    def _write(path: Path, text: str) -> None:
        """Write a module, and forget its bytecode: times and sizes of files may be equal."""
        path.write_text(text)
        Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)


def verdict(it: Break, report: Report) -> list[str]:
    """Return what is wrong with a trial: nothing, if each test failed as one that notices."""
    faults = []
    noticing = {ASSERTION, f"{it.noticed_by} in its call"}
    for test in it.caught_by:
        failures = report.failures.get(test)
        if failures is None:
            faults.append(f"{test} did not run")
        elif not failures:
            faults.append(f"{test} passes all the same")
        elif noticing.isdisjoint(failures):
            faults.append(f"{test} fails, but not by an assertion: {failures[0]}")
    return faults


def not_green(tests: Iterable[str], report: Report) -> list[str]:
    """Return what is wrong with the tests before anything is broken: nothing, if all pass."""
    found = {test: report.failures.get(test) for test in tests}
    return [
        f"{test} {'did not run' if failures is None else 'fails without a break'}"
        for test, failures in found.items()
        if failures or failures is None
    ]


def _wait(running: subprocess.Popen[bytes]) -> None:
    """Wait for the end of a run. One that hangs is asked to stop, so that it stops its servers."""
    try:
        running.wait(RUN_SECONDS)
    except subprocess.TimeoutExpired:
        running.send_signal(signal.SIGINT)
        try:
            running.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
