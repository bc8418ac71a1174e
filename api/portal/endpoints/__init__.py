"""Pages of webhooks: the list, one webhook, create and edit, secrets, tests, deletion."""
