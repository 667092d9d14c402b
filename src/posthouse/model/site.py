"""What was decided about a receiving site for a while, and how one worker sees it.

Public: Rest, SUSPEND, SLOW, AVOID, KINDS, SiteView, shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SUSPEND, SLOW, AVOID = "suspend", "slow", "avoid"
KINDS = (SUSPEND, SLOW, AVOID)
LONGEST_SHOWN = 200


def shown(text: str) -> str:
    """What strangers said, fit to be kept and read by people: 200 characters at most, none that steers."""
    cut = text[:LONGEST_SHOWN]
    return cut if cut.isprintable() else "".join(char if char.isprintable() else "?" for char in cut)


@dataclass(frozen=True, slots=True)
class Rest:
    """`kind`: SUSPEND (nothing is sent to the site), SLOW (less: `connections`, `messages_per_second`, 0 for
    unchanged) or AVOID (not from our address `source`; "" otherwise). It holds before `until`.

    `reason` is for people: the reply that caused it, or an operator's words. `automation` is its name, "" for
    an operator's own decision. `times`: how often in a row it came to this.
    """

    site: str
    kind: str
    source: str
    until: float
    set_at: float
    reason: str
    automation: str = ""
    times: int = 1
    connections: int = 0
    messages_per_second: float = 0.0

    @property
    def key(self) -> tuple[str, str, str]:
        return self.site, self.kind, self.source


@dataclass(frozen=True, slots=True)
class SiteView:
    """A site as a worker saw it at `at`; `data` is what `pipeline.sites.SiteQueue.seen` tells."""

    worker_id: str
    site: str
    at: float
    data: dict[str, Any]
