"""What a move brought: counted by kind, with the reasons of whatever did not come and what to do about it.

Bounded: after `MOST_TOLD` entries the rest is only counted.

Public: Report, Count, MOST_TOLD.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from posthouse.model.errors import Refused
from posthouse.moving.things import Kind, LeftOut, StaysBehind

MOST_TOLD = 1_000


@dataclass(slots=True)
class Count:
    """`came` are here now (in a dry run: would come), `there` were before, `left` did not come although they
    could have."""

    came: int = 0
    there: int = 0
    left: int = 0


@dataclass(slots=True)
class Report:
    """`groups`: old number, new number, name. `to_do`: (what, do) in the order in which they came up."""

    service: str
    source: str
    is_dry: bool
    counts: dict[Kind, Count] = field(default_factory=dict)
    groups: list[tuple[int, int, str]] = field(default_factory=list)
    left: list[LeftOut] = field(default_factory=list)
    behind: list[StaysBehind] = field(default_factory=list)
    to_do: list[tuple[str, str]] = field(default_factory=list)
    untold: int = 0

    def count(self, kind: Kind) -> Count:
        return self.counts.setdefault(kind, Count())

    def note_left(self, thing: LeftOut, number: int = 1) -> None:
        """`number` things did not come for this reason."""
        self.count(thing.kind).left += number
        if len(self.left) < MOST_TOLD:
            self.left.append(thing)
        else:
            self.untold += 1

    def note_put(self, kind: Kind, what: str, put: Callable[[], bool | None]) -> None:
        """What became of one thing that `put` puts in its place: True for came, False for there already, None
        for neither; what it refuses is left out."""
        try:
            came = put()
        except Refused as refused:
            self.note_left(LeftOut(kind, what[:200], refused.text))
            return
        if came is not None:
            count = self.count(kind)
            count.came += came
            count.there += not came

    def note_behind(self, thing: StaysBehind) -> None:
        if len(self.behind) < MOST_TOLD:
            self.behind.append(thing)
        else:
            self.untold += 1

    def note_to_do(self, what: str, do: str) -> None:
        if (what, do) not in self.to_do and len(self.to_do) < MOST_TOLD:
            self.to_do.append((what, do))

    @property
    def is_whole(self) -> bool:
        """Did everything come that could?"""
        return not any(count.left for count in self.counts.values())

    def as_values(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "service": self.service,
            "source": self.source,
            "dry_run": self.is_dry,
            "whole": self.is_whole,
            "counts": {
                str(kind): {"came": count.came, "there": count.there, "left_out": count.left}
                for kind in Kind
                if (count := self.counts.get(kind))
            },
            "groups": [{"old": old, "new": new, "name": name} for old, new, name in self.groups],
            "left_out": [_as_values(thing) for thing in self.left],
            "stays_behind": [_as_values(thing) for thing in self.behind],
            "to_do": [{"what": what, "do": do} for what, do in self.to_do],
            "not_told": self.untold,
        }


def _as_values(thing: LeftOut | StaysBehind) -> dict[str, str]:
    return {"kind": str(thing.kind), "what": thing.what, "why": thing.why, "do": thing.do}
