"""What an operator sees of workflows in the Temporal UI (docs/temporal-ui.md)."""

from workflows.explaining.search_index import SearchIndex

__all__ = ["SearchIndex"]
