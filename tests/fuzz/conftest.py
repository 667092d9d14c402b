"""`make fuzz` runs the property tests with many more examples: profile `long`."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("long", max_examples=3000, deadline=None, print_blob=True)
if name := os.environ.get("HYPOTHESIS_PROFILE"):
    settings.load_profile(name)
