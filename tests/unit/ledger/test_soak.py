"""The verdict of a soak: it tells memory that grows from memory that does not."""

from ledger.soak import memory_table


def test_memory_that_grows_is_told() -> None:
    """A process that keeps growing is told as such, one that grew only at first is flat."""
    samples = [{"leaks": 100.0 + n, "fills": min(150.0, 100.0 + n)} for n in range(200)]
    leaks, fills = memory_table(samples).splitlines()[2:]
    assert leaks.endswith("| grows |")
    assert fills.endswith("| flat |")
