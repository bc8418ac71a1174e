"""Pages of one endpoint beside its own page: create and edit, secrets, tests, deletion."""
