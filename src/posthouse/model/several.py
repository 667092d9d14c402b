"""Many things in few words, for logs that people read.

Public: several.
"""

from __future__ import annotations

from collections.abc import Sequence

_FEW = 3
_LONGEST = 70


def several(names: Sequence[str]) -> str:
    """`a b c and 17 more`: the first three, cut where they are long, and how many others there are."""
    shown = [name if len(name) <= _LONGEST else f"{name[:_LONGEST]}…" for name in names[:_FEW]]
    more = len(names) - len(shown)
    return " ".join(shown) + (f" and {more} more" if more else "")
