"""What holds for every test."""

from __future__ import annotations

import os
import sys

import structlog
from hypothesis import HealthCheck, settings

# Each house is a process of its own: where nothing may be kept of the compiler's work, every one of them
# compiles the whole source before it starts, and so does each process of pytest.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# The fake internet and our own certificates need none of the world's authorities. Reading those 150 takes
# 60 ms for each context: more than most tests, and several times at each start of a Posthouse.
os.environ["SSL_CERT_FILE"] = os.devnull  # also where the machine names its own

# A boxed traceback with every variable takes longer than what is tested.
_plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
structlog.configure(processors=[*structlog.get_config()["processors"][:-1], _plain])

# No example is held against the clock: speed belongs in bench/. `make fuzz` asks for many more of them.
_STEADY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("steady", _STEADY)
settings.register_profile("long", _STEADY, max_examples=3000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))
