"""Routes that look across: who calls, what has changed, and the lists over all tenants."""
