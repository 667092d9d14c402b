"""What to do about a refusal, on a page: the button or the tick that does it.

The desk's sentence is the same for everybody who asks.

Public: way_out.
"""

from __future__ import annotations

_WAYS = {
    "mail-queued": "Tick “Give up its queued mail” to do that.",
    "mail-on-its-way": "“Remove at once” does not wait for it.",
    "last-key": "“Rotate” or “Let it sign” does that.",
    "no-next-key": "“New key” makes one.",
    "not-published": "“Let it sign without asking DNS” goes on without it.",
    "taken": "Tick “It is mine, though another account here has it” then.",
    "hook-key-exists": "“Rotate” does that.",
    "no-hook-key": "“Make a key” does that.",
    "too-many-hook-keys": "“End the old keys” does that.",
    "no-own-address": "“Add an address” on the page of addresses does that.",
}


def way_out(reason: str) -> str:
    """A sentence for a refusal's reason, "" where the desk's own says it all."""
    return _WAYS.get(reason, "")
