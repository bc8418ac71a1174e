"""The ledger harness: it publishes, lets things fail, and compares what all sides have written.

`python -m ledger --help` runs it; docs/reliability.md says what it promises and has figures.
"""
