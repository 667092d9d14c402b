"""One DNS question and its answer: asked of the servers in turn, kept for its TTL, never asked twice at once.

`Lookup.ask` follows CNAME chains (bounded) and tells apart what MX-1 needs apart: the name does not exist,
the name has no such record, and nobody could say. The last is always temporary and is kept for a few
seconds only, so that a resolver's bad minute does not become ours. UDP with a fresh random port and id for
each question (RFC 5452), TCP after truncation, one more try without EDNS for servers that dislike it.

Public: `Lookup`, `Answer`, `DnsTrouble`, `temporary`.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace

import dns.asyncbackend
import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdatatype
import dns.resolver
import dns.rrset
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.PTR import PTR
from dns.rdtypes.ANY.TXT import TXT

from posthouse.model.clock import Clock
from posthouse.net.cache import Entry, TimedCache

MIN_TTL_S, MAX_TTL_S = 5, 6 * 3600
NEGATIVE_TTL_S = 60  # RFC 2308 5 allows hours; a customer who repairs a domain should not wait for us
FAILURE_TTL_S = 5
MAX_ALIASES = 8
MAX_QUESTIONS_AT_ONCE = 256  # each holds a socket
EDNS_PAYLOAD = 1232
_TRY_WITHOUT_EDNS = {dns.rcode.FORMERR, dns.rcode.NOTIMP, dns.rcode.BADVERS}


class DnsTrouble(Exception):
    """A domain has no place to send to, or nobody could say now. `reason` is a machine word."""

    def __init__(self, code: int, enhanced: str, text: str, is_permanent: bool, reason: str) -> None:
        super().__init__(code, enhanced, text, is_permanent, reason)
        self.code = code
        self.enhanced = enhanced
        self.text = text
        self.is_permanent = is_permanent
        self.reason = reason


def temporary(text: str, reason: str) -> DnsTrouble:
    """RFC 3463 3.5: X.4.3, directory server failure; never a reason to give up a message (MX-1)."""
    return DnsTrouble(451, "4.4.3", text, False, reason)


def permanent(code: int, enhanced: str, text: str, reason: str) -> DnsTrouble:
    return DnsTrouble(code, enhanced, text, True, reason)


@dataclass(frozen=True, slots=True)
class Answer:
    """`exists` False is NXDOMAIN; existing without rows: no record of that type.

    `rows` are (preference, text); the preference is 0 for all but MX. Names are lower case without the
    final dot, "" is the root. `canonical` is the name at the end of the CNAME chain. `is_secure`: a resolver
    that we trust has validated all of it with DNSSEC, also that something is not there.
    """

    exists: bool
    rows: tuple[tuple[int, str], ...]
    canonical: str
    is_alias: bool
    expires_at: float
    is_secure: bool = False


class Lookup:
    """Asks and remembers. `servers`: "ip", "ip:port" or "[ipv6]:port"; empty: the system's.

    Each server is tried for `timeout_s`, then each once more for twice that, `lifetime_s` in all.
    `validates`: they validate, and nobody on the way to them can change what they say; only then their word
    that an answer is secure is asked for and believed (RFC 4035 4.9.3, RFC 6840 5.7).
    """

    def __init__(
        self,
        servers: Sequence[str],
        clock: Clock,
        *,
        timeout_s: float = 2.0,
        lifetime_s: float = 12.0,
        capacity: int = 20_000,
        validates: bool = False,
    ) -> None:
        self.validates = validates
        self._configured = list(servers)
        self._servers = _places(servers)
        self._timeout_s = timeout_s
        self._lifetime_s = lifetime_s
        self.monotonic = clock.monotonic
        self._cache: TimedCache[tuple[str, str], Answer | DnsTrouble] = TimedCache(clock.monotonic, capacity)
        self._slots = asyncio.Semaphore(MAX_QUESTIONS_AT_ONCE)

    async def ask(self, name: str, kind: str) -> Answer:
        """The answer for `name` (A-label form) and `kind` (MX, A, TXT, TLSA, PTR, …). Raises DnsTrouble."""
        found = await self._cache.get((name, kind), lambda: self._find(name, kind))
        if isinstance(found, DnsTrouble):
            raise DnsTrouble(*found.args)  # a new one: a shared exception would collect tracebacks
        return found

    def forget(self) -> None:
        """Empty the cache; the system's list of servers is read again."""
        self._cache.forget()
        self._servers = _places(self._configured)

    async def close(self) -> None:
        await self._cache.close()

    async def _find(self, name: str, kind: str) -> Entry[Answer | DnsTrouble]:
        try:
            async with self._slots:
                answer = await self._follow(name, kind)
        except DnsTrouble as trouble:
            return Entry(trouble, self.monotonic() + FAILURE_TTL_S)
        return Entry(answer, answer.expires_at)

    async def _follow(self, name: str, kind: str) -> Answer:
        """Follow aliases across responses: a server need not follow them for us (RFC 1034 3.6.2)."""
        target = _wire_name(name)
        aliases = 0
        ttl = MAX_TTL_S
        is_secure = self.validates
        while True:
            response = await self._exchange(target, kind)
            is_secure = is_secure and bool(response.flags & dns.flags.AD)
            try:
                chain = response.resolve_chaining()
            except dns.message.ChainTooLong:
                raise _alias_trouble(name) from None
            except dns.exception.DNSException as error:
                raise temporary(f"DNS answer for {name} ({kind}) makes no sense", "dns-error") from error
            aliases += len(chain.cnames)
            ttl = min(ttl, chain.minimum_ttl)
            exists = response.rcode() != dns.rcode.NXDOMAIN
            if aliases > MAX_ALIASES:
                raise _alias_trouble(name)
            if chain.answer is not None or not exists or not chain.cnames:
                found = self._answer(exists, chain.answer, chain.canonical_name, aliases > 0, ttl)
                return replace(found, is_secure=True) if is_secure else found
            target = chain.canonical_name

    def _answer(
        self, exists: bool, rrset: dns.rrset.RRset | None, canonical: dns.name.Name, is_alias: bool, ttl: int
    ) -> Answer:
        ceiling = MAX_TTL_S if rrset else NEGATIVE_TTL_S
        expires_at = self.monotonic() + max(MIN_TTL_S, min(ttl, ceiling))
        rows = tuple(_row(rdata) for rdata in rrset or ())
        return Answer(exists, rows, _text_of(canonical), is_alias, expires_at)

    async def _exchange(self, name: dns.name.Name, kind: str) -> dns.message.QueryMessage:
        """Ask the servers in turn, each at most twice; the first that can say wins."""
        ends_at = asyncio.get_running_loop().time() + self._lifetime_s
        trouble = temporary(f"DNS lookup of {_text_of(name)} ({kind}) failed: no server", "dns-error")
        for patience in (1, 2):
            for place in self._servers:
                left = ends_at - asyncio.get_running_loop().time()
                if left <= 0:
                    return _give_up(trouble)
                try:
                    return await _ask_server(
                        place, name, kind, min(left, self._timeout_s * patience), self.validates
                    )
                except DnsTrouble as error:
                    trouble = error
        return _give_up(trouble)


async def _ask_server(
    place: tuple[str, int], name: dns.name.Name, kind: str, timeout_s: float, wants_ad: bool
) -> dns.message.QueryMessage:
    what = f"DNS lookup of {_text_of(name)} ({kind}) failed"
    try:
        response = await _exchange_with(place, name, kind, timeout_s, wants_ad, payload=EDNS_PAYLOAD)
        if response.rcode() in _TRY_WITHOUT_EDNS:  # RFC 6891 7: servers older than EDNS
            response = await _exchange_with(place, name, kind, timeout_s, wants_ad, payload=0)
    except (dns.exception.Timeout, TimeoutError):
        raise temporary(f"{what}: no answer in time", "dns-timeout") from None
    except (dns.exception.DNSException, OSError, EOFError) as error:
        raise temporary(f"{what}: server not reachable", "dns-unreachable") from error
    rcode = response.rcode()
    if rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        word = dns.rcode.to_text(rcode)
        raise temporary(f"{what}: {word}", f"dns-{word.lower()}")
    if not isinstance(response, dns.message.QueryMessage):
        raise temporary(f"{what}: not an answer", "dns-error")
    return response


async def _exchange_with(
    place: tuple[str, int], name: dns.name.Name, kind: str, timeout_s: float, wants_ad: bool, *, payload: int
) -> dns.message.Message:
    """One question to one server. The UDP socket is connected, so that a closed port is known at once."""
    host, port = place
    question = dns.message.make_query(name, kind, use_edns=0 if payload else -1, payload=payload or None)
    if wants_ad:  # RFC 6840 5.7: the bit alone asks for the verdict; DO would also bring all signatures
        question.flags |= dns.flags.AD
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    backend = dns.asyncbackend.get_backend("asyncio")
    udp = await backend.make_socket(family, socket.SOCK_DGRAM, 0, None, place)  # type: ignore[no-untyped-call]
    async with udp:
        response, _ = await dns.asyncquery.udp_with_fallback(
            question,
            host,
            timeout_s,
            port,
            ignore_unexpected=True,
            udp_sock=udp,
            backend=backend,
            ignore_errors=True,
        )
    return response


def _give_up(trouble: DnsTrouble) -> dns.message.QueryMessage:
    raise trouble


def _alias_trouble(name: str) -> DnsTrouble:
    return permanent(
        550, "5.4.4", f"The CNAME records of {name} form a loop or too long a chain", "alias-loop"
    )


def _wire_name(name: str) -> dns.name.Name:
    try:
        if not name.isascii() or not name:
            raise ValueError
        return dns.name.from_text(name)
    except (dns.exception.DNSException, ValueError):
        raise permanent(550, "5.1.2", "The domain is not a name that DNS can hold", "bad-domain") from None


def _text_of(name: dns.name.Name) -> str:
    return "" if name == dns.name.root else name.to_text(omit_final_dot=True).lower()


def _row(rdata: dns.rdata.Rdata) -> tuple[int, str]:
    """A record as (preference, text)."""
    if isinstance(rdata, MX):
        return rdata.preference, _text_of(rdata.exchange)
    if isinstance(rdata, TXT):
        return 0, b"".join(rdata.strings).decode("utf-8", "replace")
    if isinstance(rdata, PTR):
        return 0, _text_of(rdata.target)
    return 0, rdata.to_text()


def _places(servers: Sequence[str]) -> list[tuple[str, int]]:
    """Configured servers, or the system's, as (ip, port)."""
    return [_place(server) for server in servers or _system_servers()]


def _place(server: str) -> tuple[str, int]:
    if server.startswith("["):
        host, _, port = server[1:].partition("]")
        return host, int(port.removeprefix(":") or 53)
    if server.count(":") == 1:
        host, _, port = server.partition(":")
        return host, int(port)
    return server, 53


def _system_servers() -> list[str]:
    try:
        return [str(server) for server in dns.resolver.Resolver(configure=True).nameservers]
    except dns.resolver.NoResolverConfiguration:
        return ["127.0.0.1"]  # resolv.conf(5): the name server on the local machine
