"""What to do about a refusal, in a call of our own API: the field that does it.

The desk's sentence is the same for everybody who asks.

Public: way_out.
"""

from __future__ import annotations

_WAYS = {
    "mail-on-its-way": "`force` removes it now",
    "last-key": "`POST /domains/{domain}/rotate` does that",
    "no-next-key": "`POST /domains/{domain}/keys` makes one",
    "not-published": "`force` goes on without it",
    "taken": "`claims` says that it is one",
    "hook-key-exists": "`replaces` ends the old one",
    "no-hook-key": "`POST /webhook-keys/{dialect}` does that",
    "too-many-hook-keys": "`DELETE /webhook-keys/{dialect}/older` does that",
}


def way_out(reason: str) -> str:
    """Half a sentence for a refusal's reason, "" where its own sentence says it all."""
    return _WAYS.get(reason, "")
