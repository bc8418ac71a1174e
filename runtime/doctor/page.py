"""The page that `hookwright doctor` prints."""

from collections.abc import Sequence

from rich.text import Text

from runtime.doctor.findings import Finding, Verdict
from runtime.running import print_line
from runtime.terminal_text import one_line

SIGNS = {
    Verdict.OK: ("✓", "green"),
    Verdict.WARNING: ("!", "yellow"),
    Verdict.FAILED: ("✗", "bold red"),
    Verdict.SKIPPED: ("-", "dim"),
}


def print_page(findings: Sequence[Finding]) -> None:
    """Print a line for each finding, its remedy below it, and a sentence at the end."""
    width = max(len(finding.subject) for finding in findings)
    for finding in findings:
        sign, style = SIGNS[finding.verdict]
        subject = finding.subject.ljust(width)
        print_line(Text.assemble((sign, style), f" {subject}  {one_line(finding.text)}"))
        if finding.remedy:
            print_line(Text.assemble(("  → ", style), one_line(finding.remedy)))
    print_line()
    print_line(_summary(findings))


def _summary(findings: Sequence[Finding]) -> str:
    count = {
        verdict: sum(finding.verdict is verdict for finding in findings) for verdict in Verdict
    }
    if count[Verdict.FAILED]:
        return f"{count[Verdict.FAILED]} of {len(findings)} checks failed. Begin with the first."
    if count[Verdict.WARNING]:
        return f"Nothing failed. Warnings: {count[Verdict.WARNING]}."
    return f"All {len(findings)} checks are well."
