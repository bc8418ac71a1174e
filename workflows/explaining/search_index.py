"""The search attributes by which an operator finds tenants and endpoints in the Temporal UI."""

from temporalio import workflow
from temporalio.common import TypedSearchAttributes


class SearchIndex:
    """Keeps a workflow's search attributes equal to its state: a command only when they differ.

    New workflows are started with their search attributes. Those that an earlier version of
    Hookwright started without some of them get these when they next change, or continue as new.
    """

    def __init__(self) -> None:
        self._calls = 0

    def show(self, wanted: TypedSearchAttributes) -> None:
        """Set what differs from the search attributes that the workflow has.

        The name of the patch has the number of the call. A patch is decided once in a run, and a
        run of an earlier version would decide against it while it is replayed, for good. So each
        call decides for itself, and the first one that is no replay sets the attributes.
        """
        self._calls += 1
        shown = workflow.info().typed_search_attributes
        changed = [pair for pair in wanted if shown.get(pair.key) != pair.value]
        if any(shown.get(pair.key) is None for pair in changed) and not workflow.patched(
            f"search-attributes-{self._calls}"
        ):
            return
        if changed:
            workflow.upsert_search_attributes([each.key.value_set(each.value) for each in changed])
