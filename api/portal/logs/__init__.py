"""Pages of the delivery log and of recoveries."""
