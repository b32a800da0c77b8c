"""Hypothesis: quick in the suite; `HYPOTHESIS_PROFILE=long` looks for longer."""

import os

from hypothesis import settings

settings.register_profile("quick", deadline=None)
settings.register_profile("long", max_examples=5000, deadline=None)
settings.load_profile("long" if os.environ.get("HYPOTHESIS_PROFILE") == "long" else "quick")
