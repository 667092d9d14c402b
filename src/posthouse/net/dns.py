"""Where mail for a domain goes: `Resolver`, the house's only window to DNS.

A known domain costs one dictionary look-up (`cached_site`, synchronous); an unknown one is found by
`site_for`, once for all who ask meanwhile. Sites live as long as the shortest TTL that went into them;
troubles are kept for seconds. The rules themselves are in `net.sites`, questions and answers in `net.lookup`.

Public: `Resolver`, `SiteRules`, `Route`, `DnsTrouble`, `reaches_ipv6`.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Sequence

from posthouse.model.clock import Clock
from posthouse.model.message import Site
from posthouse.net.cache import Entry, TimedCache
from posthouse.net.lookup import FAILURE_TTL_S, DnsTrouble, Lookup
from posthouse.net.sites import Plan, Route, SiteRules, find_plan

__all__ = ["DnsTrouble", "Resolver", "Route", "SiteRules", "reaches_ipv6"]

CAPACITY = 50_000  # domains remembered; beyond that the oldest are asked for again


class Resolver:
    """Finds sites. `servers`: "ip", "ip:port" or "[ipv6]:port"; empty: the system's. `rng` orders equals.
    `lookup` is for plain questions; `validates` as there."""

    def __init__(
        self,
        servers: Sequence[str],
        clock: Clock,
        rules: SiteRules | None = None,
        *,
        rng: random.Random | None = None,
        timeout_s: float = 2.0,
        lifetime_s: float = 12.0,
        validates: bool = False,
    ) -> None:
        self.lookup = Lookup(servers, clock, timeout_s=timeout_s, lifetime_s=lifetime_s, validates=validates)
        self._rules = rules or SiteRules()
        self._rng = rng or random.Random()  # noqa: S311 (spreads load; guards nothing)
        self._monotonic = clock.monotonic
        self._plans: TimedCache[str, Plan | DnsTrouble] = TimedCache(clock.monotonic, CAPACITY)

    def cached_site(self, domain: str) -> Site | None:
        """The site of `domain` (lower-case A-label form) if it is known now; None: ask `site_for`."""
        plan = self._plans.peek(domain)
        return self._drawn(plan) if isinstance(plan, Plan) else None

    async def site_for(self, domain: str) -> Site:
        """The site of `domain`: hosts by preference, equals in a new random order. Raises DnsTrouble."""
        key = domain.lower().removesuffix(".") if not domain.startswith("[") else domain
        plan = await self._plans.get(key, lambda: self._find(key))
        if isinstance(plan, DnsTrouble):
            raise DnsTrouble(*plan.args)
        return self._drawn(plan)

    async def texts(self, name: str) -> list[str]:
        """The TXT records of `name`, the strings of each joined; [] when none. Raises DnsTrouble."""
        answer = await self.lookup.ask(name.lower(), "TXT")
        return [text for _, text in answer.rows]

    def forget(self) -> None:
        """Ask for everything anew (and read the system's list of servers again)."""
        self._plans.forget()
        self.lookup.forget()

    async def close(self) -> None:
        await self._plans.close()
        await self.lookup.close()

    def _drawn(self, plan: Plan) -> Site:
        """RFC 5321 5.1: hosts of equal preference must be tried in random order, for each message anew."""
        if not plan.has_equals:
            return plan.site
        draw = self._rng.random
        hosts = sorted(plan.site.hosts, key=lambda host: (host.preference, draw()))
        return Site(plan.site.name, tuple(hosts), plan.site.is_route)

    async def _find(self, domain: str) -> Entry[Plan | DnsTrouble]:
        try:
            plan = await find_plan(domain, self.lookup, self._rules, self._rng)
        except DnsTrouble as trouble:
            return Entry(trouble, self._monotonic() + FAILURE_TTL_S)
        return Entry(plan, plan.expires_at)


def reaches_ipv6() -> bool:
    """Has this machine a way to the IPv6 internet? Connecting a UDP socket asks the kernel, sends nothing."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.connect(("2001:500:2::c", 53))  # a root name server: an address that stays
    except OSError:
        return False
    return True
