"""From which of our addresses a letter leaves.

In this order: the addresses that the letter was accepted for (its own wish, its domain's pool), the account's
dedicated ones, the installation's usual ones, or none: the system chooses. An address that was taken away
from the account meanwhile does not count. Among several a site always sees the same one, of a family that it
has; one that warms up goes first while it has a share of the site's mail to carry, and the rest goes to the
warm ones beside it, or where there are none to its pool.

A letter that only warming addresses could carry waits for its turn. It is never lost for that: before its
time is over it leaves from the usual addresses.

Public: Sources, Estate, Turn, avoid_nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from posthouse.model.message import Outcome, Phase, Site, SmtpResult, Verdict
from posthouse.model.warmup import Warming, Warmup
from posthouse.pipeline.letters import Job
from posthouse.pipeline.warmup import Ledger
from posthouse.rules.sources import families_of, fitting, steady_choice

_MOST_CHOICES = 10_000
_LONGEST_WAIT_S = 6 * 3600.0  # a warm-up that ends early lets go what waits within this time
_LAST_CHANCE_S = 900.0


class Estate(Protocol):
    """Who may use which address; `version` rises with every change. See `desk.identity_view`."""

    @property
    def version(self) -> int: ...

    def owns_ip(self, account_id: str, ip: str) -> bool: ...

    def is_anothers(self, account_id: str, ip: str) -> bool: ...

    def dedicated(self, account_id: str) -> tuple[str, ...]: ...

    def warming(self, ip: str) -> Warming | None: ...


@dataclass(frozen=True, slots=True)
class Turn:
    """From where a letter leaves; or `waits`: what is written of one that is to come again."""

    source: str = ""
    waits: tuple[SmtpResult, Outcome] | None = None


@dataclass(slots=True)
class _Choice:
    """What one account's letters with the same wish have at a site of these `families`: `steady` of the
    `warm` addresses, and the `warming` ones that go first. `must_wait`: nothing warm is there. `site` is the
    object that was looked at last; None: there is nothing to choose, whatever the site has."""

    site: Site | None
    families: frozenset[bool]
    warm: tuple[str, ...]
    steady: str
    warming: tuple[tuple[str, Warmup], ...]
    must_wait: bool


def avoid_nothing(site_name: str) -> Collection[str]:
    """Every source is good for the site."""
    return ()


class Sources:
    """`usual`: addresses for mail that has none of its own. `avoided`: by site name, the addresses that
    should not be used there now; they are used where there are no others."""

    def __init__(
        self,
        estate: Estate,
        usual: Sequence[str],
        ledger: Ledger,
        avoided: Callable[[str], Collection[str]] = avoid_nothing,
    ) -> None:
        self._estate = estate
        self._usual = tuple(usual)
        self._ledger = ledger
        self._avoided = avoided
        self._choices: dict[tuple[str, tuple[str, ...], str], _Choice] = {}
        self._version = estate.version

    def pick(self, job: Job, site: Site) -> str | None:
        """The local address to send from, "" for the system's choice; None: ask for a `turn`."""
        choice = self._choice(job, site)
        avoided = self._avoided(site.name)
        for address, warmup in choice.warming:
            if address not in avoided and self._ledger.takes(address, warmup, site.name):
                return address
        if choice.must_wait:
            return None
        if choice.steady in avoided:
            good = [source for source in choice.warm if source not in avoided]
            return steady_choice(site.name, good or choice.warm)
        return choice.steady

    async def turn(self, job: Job, site: Site, now: float) -> Turn:
        """What a letter does for which `pick` found nothing: it has a share, waits, or has waited enough."""
        waits = []
        for address, warmup in self._choice(job, site).warming:
            wait_until = await self._ledger.ask(address, warmup, site.name)
            if not wait_until:
                return Turn(address)
            waits.append(wait_until)
        wait_until = min([*waits, now + _LONGEST_WAIT_S])
        if wait_until < job.delivery.expires_at - _LAST_CHANCE_S:
            return Turn(waits=_waiting(site, wait_until))
        usual = self._usual_of(job.delivery.account_id)
        warm = [source for source in usual if self._estate.warming(source) is None]
        return Turn(steady_choice(site.name, fitting(families_of(site), warm)))

    def note(self, source: str, site_name: str, outcome: Outcome) -> None:
        """What became of an attempt from this address; only warming ones keep books."""
        if source and self._estate.warming(source) is not None:
            self._ledger.note(source, site_name, outcome.verdict, outcome.reason)

    def _usual_of(self, account_id: str) -> tuple[str, ...]:
        """The usual addresses without those that were dedicated to another account since."""
        return tuple(source for source in self._usual if not self._estate.is_anothers(account_id, source))

    def _choice(self, job: Job, site: Site) -> _Choice:
        if self._version != self._estate.version or len(self._choices) >= _MOST_CHOICES:
            self._version = self._estate.version
            self._choices.clear()
        account_id = job.delivery.account_id
        wanted = job.letter.message.options.sources if job.letter else ()
        key = (account_id, wanted, site.name)
        choice = self._choices.get(key)
        if choice is None or not (choice.site is None or choice.site is site):
            # the resolver gives another object whenever the order of equal hosts is another
            families = families_of(site)
            if choice is None or choice.families != families:
                choice = self._choices[key] = self._choose(account_id, wanted, site, families)
            else:
                choice.site = site
        return choice

    def _choose(
        self, account_id: str, wanted: tuple[str, ...], site: Site, families: frozenset[bool]
    ) -> _Choice:
        owns, warming_of = self._estate.owns_ip, self._estate.warming
        own = tuple(source for source in wanted if owns(account_id, source))
        sources = own or self._estate.dedicated(account_id) or self._usual_of(account_id)
        fit = fitting(families, sources)
        warming = [(source, found) for source in fit if (found := warming_of(source))]
        warm = tuple(source for source in fit if warming_of(source) is None)
        if not warm and warming:
            rest = dict.fromkeys(source for _, found in warming for source in found.overflow)
            usable = [each for each in rest if owns(account_id, each) and warming_of(each) is None]
            warm = fitting(families, usable)
        return _Choice(
            site if len(sources) > 1 or warming else None,
            families,
            warm,
            steady_choice(site.name, warm),
            tuple((source, found.warmup) for source, found in warming),
            must_wait=bool(warming) and not warm,
        )


def _waiting(site: Site, wait_until: float) -> tuple[SmtpResult, Outcome]:
    """The story of a letter that waits for its turn; it was never offered to the site."""
    text = f"the addresses for this letter are warming up and have had their share of mail for {site.name}"
    result = SmtpResult(Phase.LOCAL, 451, "4.4.5", text)
    return result, Outcome(Verdict.DEFERRED, 451, "4.4.5", text, "warming-up", wait_until)
