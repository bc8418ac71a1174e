"""`hookwright doctor`: it looks at everything that a delivery needs, and says what to do."""

from runtime.doctor.examination import examine
from runtime.doctor.findings import Finding, Verdict
from runtime.doctor.page import print_page

__all__ = ["Finding", "Verdict", "examine", "print_page"]
