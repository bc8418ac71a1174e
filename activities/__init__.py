"""Contact with the world: Temporal's client, and receivers over HTTP."""
