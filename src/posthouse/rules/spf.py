"""May this address send for this domain? check_host of RFC 7208, with the story of how it was decided.

Pure: DNS is asked through a callable. However hostile the records are, at most ten terms cost look-ups, each
at most eleven questions (4.6.4), so a check ends after some 120 questions.

Public: check_host, costs, Verdict, Result, Step.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import StrEnum

from posthouse.rules.dns import Ask, Found, Unanswered
from posthouse.rules.spf_macros import expand, wants_validated_name
from posthouse.rules.spf_record import BadSpf, Mechanism, SpfRecord, is_spf, parse_spf

MOST_LOOKUPS, MOST_VOID = 10, 2
_MOST_NAMES = 10  # of the hosts that one mx or ptr leads to
_MOST_STEPS = 100
_MOST_QUESTIONS = 50  # for `costs`

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class Result(StrEnum):
    NONE = "none"
    NEUTRAL = "neutral"
    PASS = "pass"  # noqa: S105 (a word, not a secret)
    FAIL = "fail"
    SOFTFAIL = "softfail"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


@dataclass(frozen=True, slots=True)
class Step:
    """A term that cost look-ups or matched: whose record it is in, and the look-ups used so far."""

    domain: str
    term: str
    is_match: bool
    lookups: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """`term` decided, in the record of `domain`; "" if none did. `why`: what is wrong, for the two errors."""

    result: Result
    domain: str
    term: str = ""
    lookups: int = 0
    why: str = ""
    trace: tuple[Step, ...] = ()

    @property
    def has_too_many_lookups(self) -> bool:
        return self.lookups > MOST_LOOKUPS


_BY_QUALIFIER = {"+": Result.PASS, "-": Result.FAIL, "~": Result.SOFTFAIL, "?": Result.NEUTRAL}


class _Ended(Exception):
    """The whole check ends here with temperror or permerror."""

    def __init__(self, result: Result, why: str) -> None:
        super().__init__(why)
        self.result = result
        self.why = why


def _broken(why: str) -> _Ended:
    return _Ended(Result.PERMERROR, why)


async def check_host(ask: Ask, ip: str, domain: str, sender: str = "", helo: str = "") -> Verdict:
    """`ip` a literal, `domain` in A-label form; `sender` the envelope's, "" for the domain's postmaster.

    Raises ValueError for what is no address; DNS trouble becomes temperror."""
    address = ipaddress.ip_address(ip)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped  # 4.6: as the IPv4 client that it is
    check = _Check(ask, address, sender or f"postmaster@{domain}", helo or domain)
    try:
        result, owner, term = await check.judge(domain)
    except _Ended as end:
        return Verdict(end.result, domain, "", check.lookups, end.why, tuple(check.trace))
    return Verdict(result, owner, term, check.lookups, "", tuple(check.trace))


class _Check:
    """One check_host with its counters, shared by all records that it leads through."""

    def __init__(self, ask: Ask, ip: IpAddress, sender: str, helo: str) -> None:
        self._ask = ask
        self._ip = ip
        local, _, sender_domain = sender.rpartition("@")
        self._local = local or "postmaster"  # 4.3
        self._sender_domain = sender_domain
        self._helo = helo
        self._voids = 0
        self._validated: list[str] | None = None
        self.lookups = 0
        self.trace: list[Step] = []

    async def judge(self, domain: str) -> tuple[Result, str, str]:
        """(result, whose record, deciding term)."""
        record = await _load(self._ask, domain)
        if record is None:
            return Result.NONE, domain, ""
        for mechanism in record.mechanisms:
            is_match = await self._matches(mechanism, domain)
            if is_match or mechanism.costs_lookup:
                self._note(domain, mechanism.text, is_match)
            if is_match:
                return _BY_QUALIFIER[mechanism.qualifier], domain, mechanism.text
        if not record.redirect:
            return Result.NEUTRAL, domain, ""  # 4.7
        self._count(f"redirect={record.redirect}")
        target = await self._expanded(record.redirect, domain)
        self._note(domain, f"redirect={record.redirect}", is_match=False)
        found = await self.judge(target)
        if found[0] is Result.NONE:  # 6.1
            raise _broken(f"redirect={target} leads to no SPF record")
        return found

    def _note(self, domain: str, term: str, is_match: bool) -> None:
        if len(self.trace) < _MOST_STEPS:
            self.trace.append(Step(domain, term, is_match, self.lookups))

    def _count(self, term: str) -> None:
        self.lookups += 1
        if self.lookups > MOST_LOOKUPS:  # 4.6.4
            raise _broken(f"more than {MOST_LOOKUPS} look-ups, reached at {term}")

    async def _matches(self, mechanism: Mechanism, domain: str) -> bool:
        if mechanism.name == "all":
            return True
        if mechanism.name in ("ip4", "ip6"):
            network = ipaddress.ip_network(mechanism.spec)
            return network.version == self._ip.version and self._ip in network
        self._count(mechanism.text)
        target = await self._expanded(mechanism.spec, domain) if mechanism.spec else domain
        if mechanism.name == "include":
            return await self._includes(target)
        if mechanism.name == "ptr":
            return any(_is_below(name, target) for name in await self._validated_names())
        if mechanism.name == "exists":
            return bool((await self._question(target, "A")).rows)  # 5.7: A even for an IPv6 client
        if mechanism.name == "mx":
            return await self._is_one_of(await self._mail_hosts(target), mechanism)
        return self._is_near((await self._question(target, self._kind)).texts, mechanism)

    async def _includes(self, target: str) -> bool:
        """5.2: a pass matches, other results do not, errors stay errors, and there must be a record."""
        result, _, _ = await self.judge(target)
        if result is Result.NONE:
            raise _broken(f"include:{target} leads to no SPF record")
        return result is Result.PASS

    @property
    def _kind(self) -> str:
        return "A" if self._ip.version == 4 else "AAAA"

    async def _mail_hosts(self, domain: str) -> list[str]:
        rows = (await self._question(domain, "MX")).rows
        if len(rows) > _MOST_NAMES:  # 4.6.4
            raise _broken(f"mx:{domain} has more than {_MOST_NAMES} hosts")
        return [name for _, name in rows if name]

    async def _is_one_of(self, hosts: list[str], mechanism: Mechanism) -> bool:
        for host in hosts:
            if self._is_near((await self._plain(host, self._kind)).texts, mechanism):
                return True
        return False

    def _is_near(self, addresses: list[str], mechanism: Mechanism) -> bool:
        bits = mechanism.bits[0 if self._ip.version == 4 else 1]
        networks = [ipaddress.ip_network(f"{address}/{bits}", strict=False) for address in addresses]
        return any(self._ip in network for network in networks)

    async def _question(self, name: str, kind: str) -> Found:
        """A term's own look-up: one without an answer counts as void (4.6.4)."""
        found = await self._plain(name, kind)
        if not found.rows:
            self._voids += 1
            if self._voids > MOST_VOID:
                raise _broken(f"more than {MOST_VOID} look-ups found nothing, the last at {name} ({kind})")
        return found

    async def _plain(self, name: str, kind: str) -> Found:
        try:
            return await self._ask(name, kind)
        except Unanswered as error:
            raise _Ended(Result.TEMPERROR, str(error)) from error

    async def _validated_names(self) -> list[str]:
        """5.5: names of the address that lead back to it; DNS trouble means that there are none."""
        if self._validated is None:
            self._validated = []
            for name in (await self._quietly(self._ip.reverse_pointer, "PTR"))[:_MOST_NAMES]:
                name = name.lower().removesuffix(".")
                if str(self._ip) in await self._quietly(name, self._kind):
                    self._validated.append(name)
        return self._validated

    async def _quietly(self, name: str, kind: str) -> list[str]:
        try:
            return (await self._ask(name, kind)).texts
        except Unanswered:
            return []

    async def _expanded(self, spec: str, domain: str) -> str:
        if "%" not in spec:
            return spec.lower().removesuffix(".")
        name = await self._name_of_client(domain) if wants_validated_name(spec) else ""
        dotted = ".".join(self._ip.exploded.replace(":", "")) if self._ip.version == 6 else str(self._ip)
        letters = {
            "s": f"{self._local}@{self._sender_domain}",
            "l": self._local,
            "o": self._sender_domain,
            "d": domain,
            "i": dotted,
            "p": name,
            "v": "in-addr" if self._ip.version == 4 else "ip6",
            "h": self._helo,
        }
        return expand(spec, letters).lower()

    async def _name_of_client(self, domain: str) -> str:
        """7.3: the domain itself, a name below it, any other, or "unknown"."""
        names = await self._validated_names()
        below = [name for name in names if _is_below(name, domain)]
        return domain if domain in names else (below or names or ["unknown"])[0]


def _is_below(name: str, domain: str) -> bool:
    return name == domain or name.endswith(f".{domain}")


async def _load(ask: Ask, domain: str) -> SpfRecord | None:
    """The SPF record of a domain, None for none (4.3 to 4.6). Raises _Ended."""
    labels = domain.split(".")
    if len(domain) > 253 or len(labels) < 2 or not all(0 < len(label) < 64 for label in labels):
        return None
    try:
        texts = [text for text in (await ask(domain, "TXT")).texts if is_spf(text)]
    except Unanswered as error:
        raise _Ended(Result.TEMPERROR, str(error)) from error
    if len(texts) > 1:
        raise _broken(f"{domain} has {len(texts)} SPF records; one is allowed")
    try:
        return parse_spf(texts[0]) if texts else None
    except BadSpf as error:
        raise _broken(f"the SPF record of {domain} is wrong: {error}") from error


async def costs(ask: Ask, domain: str) -> list[tuple[str, int]]:
    """The terms of a domain's record that cost look-ups, each with what it costs with everything below it.
    At most 50 records are read; what cannot be read costs one."""
    return await _costs(ask, domain, (), [_MOST_QUESTIONS])


async def _costs(ask: Ask, domain: str, path: tuple[str, ...], left: list[int]) -> list[tuple[str, int]]:
    left[0] -= 1
    if left[0] < 0 or domain in path or len(path) > MOST_LOOKUPS:
        return []
    try:
        record = await _load(ask, domain)
    except _Ended:
        return []
    found: list[tuple[str, int]] = []
    for term, target in _leads(record):
        below = await _costs(ask, target, (*path, domain), left) if target else []
        found.append((term, 1 + sum(cost for _, cost in below)))
    return found


def _leads(record: SpfRecord | None) -> list[tuple[str, str]]:
    """Terms that cost a look-up, and the domain whose record they lead to ("": none, or a macro's)."""
    if record is None:
        return []
    leads = [
        (each.text, each.spec.lower() if each.name == "include" and "%" not in each.spec else "")
        for each in record.mechanisms
        if each.costs_lookup
    ]
    if record.redirect:
        leads.append((f"redirect={record.redirect}", record.redirect if "%" not in record.redirect else ""))
    return leads
