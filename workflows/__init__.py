"""What must happen, durably. Workflow code only: time, ids and randomness come from `workflow`."""
