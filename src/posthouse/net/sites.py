"""From a domain to the hosts that take its mail: the MX rules of RFC 5321 5.1 and RFC 7505 (MX-1 to MX-5).

`find_plan` asks for MX, then for the addresses of the best hosts at once, and drops what must not be used:
aliases, address literals in place of names, hosts without an address, ourselves and all behind ourselves,
and addresses that are not public. What remains is a `Plan`; the order of equals is drawn at each use.

Public: `SiteRules`, `Route`, `Plan`, `find_plan`.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import random
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest

from posthouse.model.message import Host, Site
from posthouse.net.lookup import Answer, DnsTrouble, Lookup, permanent, temporary

MAX_HOSTS = 20
MAX_ADDRESSES = 20
MAX_ADDRESSES_OF_A_HOST = 6  # MX-2: every address is tried, within a bound
RETRY_S = 5  # how long a plan holds of which a part could not be resolved
LONGEST_NAME = 100
_HOST_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\Z")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Route:
    """A static route of the operator. `domain` is a name, a `.suffix` (all names below it) or `*`."""

    domain: str
    host: str
    port: int

    def covers(self, domain: str) -> bool:
        """Does this route say where mail for `domain` (lower case) goes?"""
        if self.domain == "*":
            return True
        pattern = self.domain.lower()
        return domain.endswith(pattern) if pattern.startswith(".") else domain == pattern


@dataclass(frozen=True, slots=True)
class SiteRules:
    """What the operator decided. `port` is that of all MX hosts; `own_names` (lower case) and
    `own_addresses` are ours, to notice loops; `allow_private` is for test beds only (MX-5)."""

    port: int = 25
    routes: tuple[Route, ...] = ()
    own_names: frozenset[str] = frozenset()
    own_addresses: frozenset[str] = frozenset()
    allow_private: bool = False
    allow_literals: bool = False
    wants_ipv6: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """A site and how long it may be used (monotonic). `has_equals`: hosts share a preference."""

    site: Site
    has_equals: bool
    expires_at: float


@dataclass(slots=True)
class _Candidate:
    """An MX host while it is judged. `trouble`: its addresses could not be asked for now."""

    preference: int
    name: str
    addresses: list[str]
    expires_at: float
    is_usable_name: bool = True
    has_private: bool = False
    is_ours: bool = False
    trouble: DnsTrouble | None = None


async def find_plan(domain: str, lookup: Lookup, rules: SiteRules, rng: random.Random) -> Plan:
    """Where mail for `domain` (lower-case A-label form or address literal) goes. Raises DnsTrouble."""
    for route in rules.routes:
        if route.covers(domain):
            return await _plan_of_route(route, lookup, rules)
    if domain.startswith("["):
        return _plan_of_literal(domain, rules)
    answer = await lookup.ask(domain, "MX")
    if not answer.exists:
        # RFC 8020: nothing at all exists at or below that name, so no address either.
        raise permanent(550, "5.1.2", f"The domain {domain} does not exist", "no-such-domain")
    if answer.rows:
        return await _plan_of_mx(domain, answer, lookup, rules, rng)
    # RFC 5321 5.1: without any MX the domain itself is the host, with preference 0.
    candidate = await _candidate(0, answer.canonical or domain, lookup, rules, may_be_alias=True)
    return _plan(
        domain, candidate.name, [candidate], [candidate], min(answer.expires_at, candidate.expires_at), rules
    )


async def _plan_of_mx(
    domain: str, answer: Answer, lookup: Lookup, rules: SiteRules, rng: random.Random
) -> Plan:
    best: dict[str, int] = {}
    for preference, name in answer.rows:
        if name:  # RFC 7505 3: `.` beside real hosts says nothing
            best[name] = min(preference, best.get(name, preference))
    if not best:
        raise permanent(556, "5.1.10", f"The domain {domain} accepts no mail (null MX)", "null-mx")
    # Equals in random order before the cut: of 200 equal hosts every one has its turn.
    ranked = sorted(best.items(), key=lambda item: (item[1], rng.random()))[:MAX_HOSTS]
    candidates = await asyncio.gather(*[_candidate(rank, name, lookup, rules) for name, rank in ranked])
    kept = _before_ourselves(candidates)
    expires_at = min([answer.expires_at, *(candidate.expires_at for candidate in candidates)])
    return _plan(domain, site_name(best), kept, candidates, expires_at, rules)


def _before_ourselves(candidates: list[_Candidate]) -> list[_Candidate]:
    """RFC 5321 5.1: when we are in the list, only hosts better than ourselves may be tried."""
    ours = [candidate.preference for candidate in candidates if candidate.is_ours]
    return [c for c in candidates if c.preference < min(ours)] if ours else candidates


def _plan(
    domain: str,
    name: str,
    kept: list[_Candidate],
    all_candidates: list[_Candidate],
    expires_at: float,
    rules: SiteRules,
) -> Plan:
    """The usable ones of `kept` as a plan, or the reason why there is none."""
    hosts = _hosts(kept, rules.port)
    if not hosts:
        raise _why_none(domain, kept, is_loop=any(candidate.is_ours for candidate in all_candidates))
    has_equals = len({host.preference for host in hosts}) < len(hosts)
    return Plan(Site(name, tuple(hosts)), has_equals, expires_at)


def _hosts(candidates: list[_Candidate], port: int) -> list[Host]:
    hosts: list[Host] = []
    room = MAX_ADDRESSES
    for candidate in candidates:
        addresses = tuple(candidate.addresses[: min(room, MAX_ADDRESSES_OF_A_HOST)])
        if addresses and candidate.is_usable_name and not candidate.is_ours:
            hosts.append(Host(candidate.name, candidate.preference, addresses, port))
            room -= len(addresses)
    return hosts


def _why_none(domain: str, candidates: list[_Candidate], *, is_loop: bool) -> DnsTrouble:
    for candidate in candidates:
        if candidate.trouble is not None:
            return DnsTrouble(*candidate.trouble.args)
    if is_loop:
        return permanent(554, "5.4.6", f"Mail for {domain} loops back to this host", "loop")
    if any(candidate.has_private for candidate in candidates):
        return permanent(
            550, "5.4.4", f"The mail hosts of {domain} have no public address", "private-address"
        )
    return permanent(550, "5.4.4", f"The domain {domain} has no usable mail host", "no-host")


async def _candidate(
    preference: int, name: str, lookup: Lookup, rules: SiteRules, *, may_be_alias: bool = False
) -> _Candidate:
    """Ask for a host's addresses and judge them. Never raises DnsTrouble."""
    candidate = _Candidate(preference, name, [], lookup.monotonic() + 3600, is_ours=name in rules.own_names)
    if not _HOST_NAME.match(name) or name.rpartition(".")[2].isdigit():
        candidate.is_usable_name = False  # MX-3: an address in place of a name, or nonsense
        return candidate
    try:
        answers = await _address_answers(name, lookup, rules)
    except DnsTrouble as trouble:
        candidate.trouble = trouble if not trouble.is_permanent else None
        candidate.expires_at = lookup.monotonic() + RETRY_S
        return candidate
    found = _interleaved(answers)
    candidate.expires_at = min(answer.expires_at for answer in answers)
    # RFC 5321 5.1: an MX names a host by its canonical name; RFC 2181 10.3 forbids the alias.
    candidate.is_usable_name = may_be_alias or not any(answer.is_alias for answer in answers)
    candidate.is_ours = candidate.is_ours or not rules.own_addresses.isdisjoint(found)
    candidate.addresses = [text for text in found if rules.allow_private or is_public(text)]
    candidate.has_private = len(candidate.addresses) < len(found)
    return candidate


async def _address_answers(name: str, lookup: Lookup, rules: SiteRules) -> list[Answer]:
    """AAAA and A. Trouble with one kind is borne when the other has addresses."""
    kinds = ("AAAA", "A") if rules.wants_ipv6 else ("A",)
    results = await asyncio.gather(*[lookup.ask(name, kind) for kind in kinds], return_exceptions=True)
    answers = [result for result in results if isinstance(result, Answer)]
    has_addresses = any(answer.rows for answer in answers)
    for result in results:
        if isinstance(result, BaseException) and not (has_addresses and isinstance(result, DnsTrouble)):
            raise result
    return answers


def _interleaved(answers: list[Answer]) -> list[str]:
    """IPv6 and IPv4 in turns (RFC 8305 4), so that one broken family costs one try."""
    columns = [[text for _, text in answer.rows] for answer in answers]
    return [text for row in zip_longest(*columns) for text in row if text is not None]


async def _plan_of_route(route: Route, lookup: Lookup, rules: SiteRules) -> Plan:
    """The operator's word: no MX, private addresses welcome. A name that cannot be resolved is our own
    mistake to repair, never a reason to return the mail."""
    host = route.host.strip("[]")
    expires_at = lookup.monotonic() + 3600
    if host == "localhost":  # RFC 6761 6.3: not a question for DNS
        addresses = ["127.0.0.1"]
    elif _address_of(host) is not None:
        addresses = [host]
    else:
        try:
            answers = await _address_answers(host, lookup, rules)
        except DnsTrouble as trouble:
            raise temporary(f"The static route's host {host}: {trouble.text}", "route-host") from trouble
        addresses = _interleaved(answers)[:MAX_ADDRESSES_OF_A_HOST]
        expires_at = min(answer.expires_at for answer in answers)
    if not addresses:
        raise temporary(f"The static route's host {host} has no address", "route-host")
    site = Site(f"{host}:{route.port}", (Host(host, 0, tuple(addresses), route.port),), is_route=True)
    return Plan(site, False, expires_at)


def _plan_of_literal(domain: str, rules: SiteRules) -> Plan:
    """`[192.0.2.1]` or `[IPv6:…]`: that very host, if the operator allows it (RFC 5321 4.1.3, MX-5)."""
    text = domain[1:-1].removeprefix("IPv6:").removeprefix("ipv6:")
    if _address_of(text) is None:
        raise permanent(550, "5.1.2", "The address literal is not an IP address", "bad-domain")
    if not rules.allow_literals:
        raise permanent(550, "5.1.2", "Mail to address literals is not allowed here", "literal-refused")
    if text in rules.own_addresses:
        raise permanent(554, "5.4.6", f"Mail for {domain} loops back to this host", "loop")
    if not rules.allow_private and not is_public(text):
        raise permanent(550, "5.4.4", f"{domain} is not a public address", "private-address")
    return Plan(Site(domain, (Host(domain, 0, (text,), rules.port),)), False, float("inf"))


def site_name(names: Iterable[str]) -> str:
    """One name for a set of MX hosts: all domains with the same set share limits and connections."""
    ordered = sorted(names)
    joined = ",".join(ordered)
    if len(joined) <= LONGEST_NAME:
        return joined
    digest = hashlib.sha256(joined.encode()).hexdigest()[:16]
    return f"{ordered[0][:60]},+{len(ordered) - 1}#{digest}"


def is_public(text: str) -> bool:
    """May mail be sent to that address in production? Sees through the IPv6 forms that carry an IPv4."""
    address = _address_of(text)
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if address.is_site_local:
            return False
    return address is not None and address.is_global and not address.is_multicast and not address.is_reserved


def _address_of(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
