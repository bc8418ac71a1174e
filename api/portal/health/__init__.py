"""Pages of an endpoint's health: figures, what happened, and what helps."""
