"""What to do about a refusal, on the command line.

The desk's sentence is the same for everybody who asks; pages (`doors.web.dashboard.ways_out`) and calls
(`doors.api.native.ways_out`) have ways of their own.

Public: way_out.
"""

from __future__ import annotations

_WAYS = {
    "mail-queued": "--force gives them up",
    "mail-on-its-way": "--force removes it now",
    "last-key": "`posthouse domain rotate` does that",
    "no-next-key": "`posthouse domain key add` makes one",
    "not-published": "`posthouse domain show` prints it; --force goes on without it",
    "taken": "--claim says that it is one",
    "hook-key-exists": "--replace ends the old one",
    "no-hook-key": "`posthouse hook-key new` does that",
    "too-many-hook-keys": "`posthouse hook-key end` does that",
    "no-own-address": "`posthouse ip add` does that",
    "captures": "`posthouse dev --deliver` does that where you try things out",
}


def way_out(reason: str) -> str:
    """Half a sentence for a refusal's reason, "" where its own sentence says it all."""
    return _WAYS.get(reason, "")
