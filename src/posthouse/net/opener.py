"""Opens connections: where to try, in which order, and the TLS ladder.

TLS is opportunistic: offered, it is used without looking at the certificate; when the handshake fails a new
connection is made in clear and the host is remembered for an hour (OTL-1, RFC 7435). A letter that requires
TLS never goes in clear (OTL-6).

Public: Opener, Place, TlsWish, summary, NO_REQUIRED_TLS.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from posthouse.model.clock import Clock
from posthouse.model.message import Host, Outgoing, Phase, Site, SmtpResult
from posthouse.net.connection import Connection, Owner, Timeouts, reason_of
from posthouse.net.memory import Memory
from posthouse.net.pool import Key
from posthouse.smtp.client import ClientEngine

READ_BYTES = 65_536  # at most that much of a host's replies is read at once
NO_REQUIRED_TLS = "TLS required but not available"  # customers' programs know these words
_REFUSES_ALL_MAIL = (521, 556)  # RFC 7504


def _no_name(source: str) -> str:
    """Every local address greets with the same name."""
    return ""


@dataclass(frozen=True, slots=True)
class CourierSettings:
    """`verify_context` checks chain and name where a letter asks for it; None: the system's trusted roots.
    `hello_of`: the name for a local address, "" for `hello_name`. `idle_s`: how long an idle connection waits
    for the next letter. At most `max_addresses` are tried in one attempt, and `max_sessions` of them beyond a
    refused connection or greeting (MX-2)."""

    hello_name: str
    timeouts: Timeouts = field(default_factory=Timeouts)
    idle_s: float = 10.0
    max_addresses: int = 5
    max_sessions: int = 2
    clear_memory_s: float = 3600.0
    dead_memory_s: float = 300.0
    send_8bit_anyway: bool = True
    verify_context: ssl.SSLContext | None = None
    hello_of: Callable[[str], str] = _no_name


class TlsWish(StrEnum):
    """What a letter demands of its connection."""

    IF_OFFERED = "if-offered"
    REQUIRED = "required"
    VERIFIED = "verified"

    @classmethod
    def of(cls, outgoing: Outgoing) -> TlsWish:
        """A wish for a checked certificate is a wish for TLS: without it there is nothing to check."""
        if outgoing.verify_tls:
            return cls.VERIFIED
        return cls.REQUIRED if outgoing.require_tls else cls.IF_OFFERED


@dataclass(frozen=True, slots=True)
class Place:
    """One address of one host."""

    host: Host
    address: str


class Opener:
    """Makes connections for the owner; remembers which hosts have broken TLS and which addresses are dead."""

    def __init__(self, settings: CourierSettings, clock: Clock, owner: Owner) -> None:
        self._settings = settings
        self._owner = owner
        self._limits = settings.timeouts.by_step(settings.idle_s)
        self._clear_only = Memory(clock, settings.clear_memory_s)  # host name and port
        self._dead = Memory(clock, settings.dead_memory_s)  # address and port
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._unchecked = _unchecked_context()
        self._checked = settings.verify_context or ssl.create_default_context()

    def places(self, site: Site, source: str) -> list[Place]:
        """What one attempt may try: hosts by preference, each with its addresses of the source's family.

        Addresses that did not answer lately come last: a dead first MX must not cost every new connection
        its time-out. With several hosts no single one may use up the whole bound (MX-2: at least two).
        """
        most = self._settings.max_addresses
        per_host = most if len(site.hosts) < 2 else max(1, most - 1)
        found = []
        for host in site.hosts:
            fitting = [a for a in host.addresses if not source or (":" in a) == (":" in source)]
            found += [Place(host, address) for address in fitting[:per_host]]
        found.sort(key=lambda place: (place.address, place.host.port) in self._dead)
        return found[:most]

    async def open(self, place: Place, key: Key, history: list[str]) -> Connection | SmtpResult:
        """An idle connection, or why there is none. `history` gets the transcripts of vain tries."""
        wish = TlsWish(key[2])
        host = (place.host.name, place.host.port)
        wants_tls = wish is not TlsWish.IF_OFFERED or host not in self._clear_only
        opened = await self._connect(place, key, wish, wants_tls)
        if isinstance(opened, Connection) or wish is not TlsWish.IF_OFFERED or not _is_tls_trouble(opened):
            return self._noted(opened, history)
        history.append(opened.transcript)
        self._clear_only.add(host)
        return self._noted(await self._connect(place, key, wish, False), history)

    def _noted(self, opened: Connection | SmtpResult, history: list[str]) -> Connection | SmtpResult:
        if isinstance(opened, SmtpResult):
            history.append(opened.transcript)
        return opened

    async def _connect(
        self, place: Place, key: Key, wish: TlsWish, wants_tls: bool
    ) -> Connection | SmtpResult:
        settings, host, source = self._settings, place.host, key[1]
        engine = ClientEngine(
            settings.hello_of(source) or settings.hello_name,
            peer=f"{host.name} [{place.address}]",
            wants_tls=wants_tls,
            requires_tls=wish is not TlsWish.IF_OFFERED,
            send_8bit_anyway=settings.send_8bit_anyway,
        )
        labels = (host.name, place.address, source)
        connection = Connection(
            engine, self._owner, key, labels, self._limits, settings.timeouts.block_s, self._buffer
        )
        try:
            async with asyncio.timeout(settings.timeouts.connect_s):
                await asyncio.get_running_loop().create_connection(
                    lambda: connection,
                    place.address,
                    host.port,
                    local_addr=(source, 0) if source else None,
                )
        except (OSError, ValueError) as error:
            self._dead.add((place.address, host.port))
            return _no_connection(place, source, reason_of(error))
        self._dead.discard((place.address, host.port))
        context = self._checked if wish is TlsWish.VERIFIED else self._unchecked
        failure = await connection.open(context, host.name, settings.timeouts.handshake_s)
        if failure and wish is not TlsWish.IF_OFFERED and _is_tls_trouble(failure):
            failure = _no_required_tls(failure)
        return failure or connection


def _unchecked_context() -> ssl.SSLContext:
    """RFC 7435: any certificate is better than clear text; RFC 8996: but not TLS 1.0 or 1.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _is_tls_trouble(result: SmtpResult) -> bool:
    """TLS itself failed, not the host: with TLS 1.3 a server may notice it only behind our handshake."""
    if result.phase is Phase.STARTTLS:
        return result.code != 421
    return result.phase is Phase.EHLO and bool(result.tls) and result.code == 0


def _no_required_tls(failure: SmtpResult) -> SmtpResult:
    """A letter asked for what this host lacks: temporary (the host may be repaired), and no trouble that
    other letters should suffer for. X.7.10: encryption needed (RFC 5248's registry)."""
    return replace(
        failure,
        phase=Phase.STARTTLS,
        code=454,
        enhanced="4.7.10",
        text=f"{NO_REQUIRED_TLS}: {failure.text}",
        connection_failed=False,
    )


def _no_connection(place: Place, source: str, reason: str) -> SmtpResult:
    text = f"No connection to {place.host.name} [{place.address}] port {place.host.port}: {reason}"
    return SmtpResult(
        Phase.CONNECT,
        0,
        "4.4.1",
        text,
        mx=place.host.name,
        address=place.address,
        source=source,
        transcript=f"* {text}",
        connection_failed=True,
    )


def is_session(failure: SmtpResult) -> bool:
    """A failure that took a conversation, or the time for one; a refused greeting is quick and is not one."""
    return failure.phase is not Phase.CONNECT and not (failure.phase is Phase.GREETING and failure.code)


def summary(site: Site, source: str, failures: Sequence[SmtpResult]) -> SmtpResult:
    """The one result of an attempt in which no host could be used: what a host said counts more than silence.

    "No mail here, ever" (521, 556) is reported only when all hosts of the site say so (MX-9, RFC 7504).
    """
    if not failures:
        text = f"No address of {site.name} can be reached" + (f" from {source}" if source else "")
        return SmtpResult(Phase.CONNECT, 0, "4.4.1", text, source=source, connection_failed=True)
    final = [failure for failure in failures if failure.code in _REFUSES_ALL_MAIL]
    if len(final) == len(failures) and {f.mx for f in final} == {host.name for host in site.hosts}:
        return final[-1]
    others = [failure for failure in failures if failure not in final]
    if not others:  # some hosts were not asked
        return replace(
            final[-1], code=0, enhanced="4.4.1", text=f"{final[-1].text} (other hosts were not asked)"
        )
    return max(reversed(others), key=lambda failure: failure.code > 0)
