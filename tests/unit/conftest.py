"""Unit tests need no server: pure functions, and egress against servers of their own."""

import os

from hypothesis import settings

# The slowest machine that runs these is shared; a deadline for each example would test that.
settings.register_profile("unit", deadline=None, max_examples=40)
settings.register_profile("fuzz", deadline=None, max_examples=20_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "unit"))
