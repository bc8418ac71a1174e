"""`python -m bench.isolation`: what one tenant can do to the others, row by row."""
