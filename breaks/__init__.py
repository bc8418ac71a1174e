"""The mutation check: breaks of our own code, and the tests that must notice each of them."""
