"""What Hookwright is compared with: workflows that do nothing, and the processes that run them."""
