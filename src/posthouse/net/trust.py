"""Finds what a domain and its hosts promise about TLS: `Trust`, asked by the courier.

A domain that is known costs one dictionary look-up (`peek`); one that is not is found once for all who ask.
TLSA records are asked for only where a new connection is made.

Public: Trust, HostPolicies.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from posthouse.model.clock import Clock
from posthouse.model.message import Host, Site
from posthouse.net.cache import Entry, TimedCache
from posthouse.net.dane import parse_tlsa, usable
from posthouse.net.lookup import Answer, DnsTrouble, Lookup
from posthouse.net.stspolicies import NOTHING_FOUND, StsPolicies
from posthouse.net.tlspolicy import NO_TLSA, Demand, DomainTrust, HostPolicy, TlsaFound, decide

CAPACITY = 50_000
KNOWN_S = 3600.0  # how often we look again whether there is a policy, or a newer one
UNSURE_S = 300.0  # the same where nobody could say
LEAST_S = 60.0  # a max_age of nothing must not make us fetch a policy for every letter


class HostPolicies:
    """The policy of each host of a site, for one letter. Who needs one waits for that host's TLSA records
    only; all are `asked` for at once, so that names which nobody answers cost their time together."""

    def __init__(self, demand: Demand, asked: Mapping[str, asyncio.Task[TlsaFound]]) -> None:
        self._demand = demand
        self._asked = asked

    def peek(self, host: str) -> HostPolicy | None:
        """The policy if nothing has to be asked for it; None: take `find`."""
        return None if host in self._asked else decide(self._demand, host, NO_TLSA)

    async def find(self, host: str) -> HostPolicy:
        """Never raises DnsTrouble: a host whose records cannot be had is refused by its policy."""
        asked = self._asked.get(host)
        return decide(self._demand, host, NO_TLSA if asked is None else await asked)

    def close(self) -> None:
        """Who is not needed any more is not waited for."""
        for asked in self._asked.values():
            asked.cancel()


class Trust:
    """One per worker. `sts` None: MTA-STS is off; `uses_dane`: the resolver validates, and DANE is on."""

    def __init__(self, lookup: Lookup, clock: Clock, sts: StsPolicies | None, *, uses_dane: bool) -> None:
        self._lookup = lookup
        self._clock = clock
        self.sts = sts
        self.uses_dane = uses_dane and lookup.validates
        self._known: TimedCache[str, DomainTrust] = TimedCache(clock.monotonic, CAPACITY)
        if sts is not None:
            sts.changed = self._known.drop

    def peek(self, domain: str) -> DomainTrust | None:
        """What is known of the domain (lower-case A-label form) without waiting; None: ask `find`."""
        return self._known.peek(domain)

    async def find(self, domain: str) -> DomainTrust:
        """What the domain promises. Raises DnsTrouble when nobody can say whether its MX records are secure,
        TryLater when the store does not answer."""
        return await self._known.get(domain, lambda: self._find(domain))

    def forget(self) -> None:
        """Ask for everything anew."""
        self._known.forget()
        if self.sts is not None:
            self.sts.forget()

    def policies(self, demand: Demand, site: Site) -> HostPolicies:
        """The policies for the hosts of a site; their TLSA records are asked for from now on."""
        if not demand.trust.is_mx_secure or demand.ignores_domain:
            return HostPolicies(demand, {})
        hosts = {host.name: host for host in site.hosts}
        return HostPolicies(
            demand, {name: asyncio.create_task(self.records_of(host)) for name, host in hosts.items()}
        )

    def suspect(self, domain: str) -> None:
        """The domain's policy could not be kept: it may have a new one (RFC 8461 5.1)."""
        known = self._known.peek(domain)
        if self.sts is not None and known is not None and known.sts.policy is not None:
            self.sts.renew(domain, known.sts.policy)

    async def records_of(self, host: Host) -> TlsaFound:
        """The TLSA records of a host whose name is secure. Never raises DnsTrouble."""
        try:
            if not await self._has_secure_addresses(host.name):
                return NO_TLSA  # RFC 7672 2.2.2: whoever can lie about the address can also drop TLSA
            answer = await self._lookup.ask(f"_{host.port}._tcp.{host.name}", "TLSA")
        except DnsTrouble as trouble:
            if trouble.reason == "bad-domain":  # too long for DNS: nobody can have published anything
                return NO_TLSA
            return TlsaFound(trouble=f"the TLSA records of {host.name} cannot be had: {trouble.text}")
        if not answer.is_secure or not answer.rows:
            return NO_TLSA
        lines = tuple(text for _, text in answer.rows)
        records = usable(record for record in map(parse_tlsa, lines) if record is not None)
        return TlsaFound(records, True, lines=lines)

    async def _has_secure_addresses(self, name: str) -> bool:
        results = await asyncio.gather(
            *[self._lookup.ask(name, kind) for kind in ("A", "AAAA")], return_exceptions=True
        )
        answers = [result for result in results if isinstance(result, Answer)]
        for result in results:
            if isinstance(result, BaseException) and not any(answer.rows for answer in answers):
                raise result
        return all(answer.is_secure for answer in answers if answer.rows)

    async def _find(self, domain: str) -> Entry[DomainTrust]:
        expires_at = self._clock.monotonic() + KNOWN_S
        is_secure = False
        if self.uses_dane:
            answer = await self._lookup.ask(domain, "MX")
            is_secure = answer.is_secure
            expires_at = min(expires_at, answer.expires_at)
        sts = await self.sts.find(domain) if self.sts else NOTHING_FOUND
        if sts.policy is not None:
            left = max(LEAST_S, sts.policy.expires_at - self._clock.now())
            expires_at = min(expires_at, self._clock.monotonic() + left)
        elif sts.reason:
            expires_at = min(expires_at, self._clock.monotonic() + UNSURE_S)
        return Entry(DomainTrust(domain, sts, is_secure), expires_at)

    async def close(self) -> None:
        await self._known.close()
        if self.sts is not None:
            await self.sts.close()
