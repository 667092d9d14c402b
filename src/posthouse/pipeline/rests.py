"""What automations and operators decided about sites, as one worker knows it; and what replies lead to.

`Rests` is the memory of it: the rows of the store, read again every second, so that all workers on all
machines follow, and what this worker decided itself a moment ago. `Reactions` asks the rules what a reply
leads to and tells the store. Nothing here waits for the store.

Public: Rests, Reactions.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from posthouse.model.clock import Clock
from posthouse.model.errors import CommitInDoubt, TryLater
from posthouse.model.message import Outcome, SmtpResult
from posthouse.model.site import AVOID, SUSPEND, Rest
from posthouse.rules.automations import Automation, Tally, find_automation, next_rest
from posthouse.store import sites
from posthouse.store.engine import Store

log = structlog.get_logger()

AGAIN_S = 1.0
_NO_SOURCES: frozenset[str] = frozenset()
_NOTHING: tuple[Rest, ...] = ()
Key = tuple[str, str, str]


@dataclass(slots=True)
class _Own:
    """A decision of this worker; `read`: the last look that had begun when it was committed."""

    rest: Rest
    read: int | None = None


class Rests:
    """Read on the way of every failure, so by dictionary. Instants are the calendar's."""

    def __init__(self) -> None:
        self._known: dict[Key, Rest] = {}
        self._own: dict[Key, _Own] = {}
        self._by_site: dict[str, tuple[Rest, ...]] = {}
        self._looks = 0

    def of(self, site: str) -> tuple[Rest, ...]:
        """What holds about a site; what ended less than a second ago may still be among it."""
        return self._by_site.get(site, _NOTHING)

    def suspended_until(self, site: str) -> float:
        """0 for a site that is not."""
        return max((rest.until for rest in self.of(site) if rest.kind == SUSPEND), default=0.0)

    def avoided(self, site: str) -> frozenset[str]:
        """Our addresses that the site should not see for a while, as long as there are others."""
        rests = self._by_site.get(site)
        if not rests:
            return _NO_SOURCES
        return frozenset(rest.source for rest in rests if rest.kind == AVOID)

    def last(self, key: Key) -> Rest | None:
        """The last decision of that kind, over or not."""
        own = self._own.get(key)
        return own.rest if own else self._known.get(key)

    def decide(self, rest: Rest) -> None:
        """Of this worker, at once; `committed` when it is on disk."""
        self._own[rest.key] = _Own(rest)
        self._index(rest.set_at)

    def committed(self, rest: Rest) -> None:
        own = self._own.get(rest.key)
        if own and own.rest is rest:
            own.read = self._looks

    def begin_look(self) -> int:
        """Before the store is read; the number goes to `learn`."""
        self._looks += 1
        return self._looks

    def learn(self, look: int, rests: Sequence[Rest], now: float) -> set[str]:
        """What the store said; the sites about which something else holds now than before.

        A decision of our own outlives a look that had begun before it was committed.
        """
        self._known = {rest.key: rest for rest in rests}
        for key, own in list(self._own.items()):
            if own.rest.until <= now or (own.read is not None and own.read < look):
                del self._own[key]
        return self._index(now)

    def _index(self, now: float) -> set[str]:
        before, after = self._by_site, defaultdict(list)
        for rest in (self._known | {key: own.rest for key, own in self._own.items()}).values():
            if now < rest.until:
                after[rest.site].append(rest)
        self._by_site = {site: tuple(sorted(rests, key=lambda r: r.key)) for site, rests in after.items()}
        return {
            site
            for site in before.keys() | self._by_site.keys()
            if before.get(site) != self._by_site.get(site)
        }


class Reactions:
    """What the replies of sites lead to, for one worker. `automations` gives those that hold now."""

    def __init__(
        self, *, store: Store, clock: Clock, rests: Rests, automations: Callable[[], Sequence[Automation]]
    ) -> None:
        self._store = store
        self._clock = clock
        self._rests = rests
        self._automations = automations
        self._tally = Tally()

    def to(self, site: str, source: str, result: SmtpResult, outcome: Outcome) -> Rest | None:
        """What a failure of any kind leads to, None for nothing new; names the automation in the outcome."""
        automation = find_automation(self._automations(), result, outcome.reason)
        if automation is None or (automation.action == AVOID and not source):
            return None
        now = self._clock.now()
        if not self._tally.is_reached(automation, site, source, now):
            return None
        outcome.automation = automation.name
        key = (site, automation.action, source if automation.action == AVOID else "")
        rest = next_rest(automation, site, source, self._rests.last(key), result, now)
        if rest is None:
            return None
        log.warning(
            f"{automation.action} {site}: {automation.name}",
            source=rest.source,
            for_s=round(rest.until - now),
            times=rest.times,
            reply=rest.reason,
        )
        self._rests.decide(rest)
        self._offer(rest)
        return rest

    def _offer(self, rest: Rest) -> None:
        """Tell the store, again and again while it is away: others are to follow."""

        def told(_: Any, error: BaseException | None) -> None:
            if isinstance(error, TryLater | CommitInDoubt):
                if self._clock.now() < rest.until:
                    loop.call_later(AGAIN_S, self._offer, rest)
                return
            if error is not None:
                log.error("the decision about %s could not be recorded", rest.site, exc_info=error)
                return
            self._rests.committed(rest)

        loop = asyncio.get_running_loop()
        self._store.submit(sites.add_rests, rest, told)
