"""The report of the benchmark: its tables, what must be reached, and its plots."""
