"""Opens connections: where to try, in which order, and the TLS ladder.

Without any policy TLS is opportunistic: offered, it is used without looking at the certificate; when the
handshake fails a new connection is made in clear and the host is remembered for an hour (OTL-1, RFC 7435).
So is a host with which BDAT ended badly: it gets DATA.
What a letter, a domain or a host demands of TLS is decided in `tlspolicy`; here it is only done.

Public: Opener, CourierSettings, Place, Opened, is_session, summary.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from posthouse.model.clock import Clock
from posthouse.model.message import Host, Phase, Site, SmtpResult
from posthouse.net.connection import Connection, Owner
from posthouse.net.handshake import reason_of
from posthouse.net.memory import Memory
from posthouse.net.opening import open_connection
from posthouse.net.pool import Key
from posthouse.net.roots import trusting_context
from posthouse.net.timeouts import Timeouts
from posthouse.net.tlspolicy import IN_CLEAR, HostPolicy, Look, TlsWish
from posthouse.net.tlsresult import (
    Attempt,
    TlsaJudge,
    checks_of,
    in_clear,
    is_tls_trouble,
    next_step,
    no_promise,
    refused_by,
    sentence,
)
from posthouse.smtp.client import ClientEngine

READ_BYTES = 65_536  # at most that much of a host's replies is read at once
_REFUSES_ALL_MAIL = (521, 556)  # RFC 7504


def _no_name(source: str) -> str:
    """Every local address greets with the same name."""
    return ""


@dataclass(frozen=True, slots=True)
class CourierSettings:
    """`verify_context` checks chain and name where that is demanded; None: the system's trusted roots.
    `hello_of`: the name for a local address, "" for `hello_name`. `idle_s`: how long an idle connection waits
    for the next letter. At most `max_addresses` are tried in one attempt, and `max_sessions` of them beyond a
    refused connection or greeting (MX-2). `uses_chunks`: BDAT where CHUNKING is offered."""

    hello_name: str
    timeouts: Timeouts = field(default_factory=Timeouts)
    idle_s: float = 10.0
    max_addresses: int = 5
    max_sessions: int = 2
    clear_memory_s: float = 3600.0
    chunk_memory_s: float = 3600.0
    dead_memory_s: float = 300.0
    send_8bit_anyway: bool = True
    uses_chunks: bool = True
    verify_context: ssl.SSLContext | None = None
    hello_of: Callable[[str], str] = _no_name


@dataclass(frozen=True, slots=True)
class Place:
    """One address of one host."""

    host: Host
    address: str


Opened = Connection | SmtpResult


class Opener:
    """Makes connections for the owner; remembers which hosts have broken TLS or broken BDAT, and which
    addresses are dead."""

    def __init__(self, settings: CourierSettings, clock: Clock, owner: Owner) -> None:
        self._settings = settings
        self._owner = owner
        self._now = clock.now
        self._limits = settings.timeouts.by_step(settings.idle_s)
        self._clear_only = Memory(clock, settings.clear_memory_s)  # host name and port
        self._chunkless = Memory(clock, settings.chunk_memory_s)  # host name and port
        self._dead = Memory(clock, settings.dead_memory_s)  # address and port
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._unchecked = _unchecked_context()
        self._checked = settings.verify_context or trusting_context()

    def places(self, site: Site, source: str) -> list[Place]:
        """Where an attempt may try, the first `max_addresses` of them that its policies allow: hosts by
        preference, each with its addresses of the source's family.

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
        return found

    def note_chunk_trouble(self, connection: Connection) -> None:
        """New connections to this host use DATA for a while."""
        self._chunkless.add((connection.host, connection.port))

    async def open(self, place: Place, key: Key, policy: HostPolicy, attempt: Attempt) -> Opened:
        """An idle connection, or why there is none. Down the ladder of `HostPolicy.then`, each step on a new
        connection; `attempt` gets the transcripts of vain tries."""
        host = (place.host.name, place.host.port)
        step, is_first = policy, True
        while True:
            if step.then is IN_CLEAR and host in self._clear_only:
                step = in_clear(step)
            opened = await self._connect(place, key, step, attempt, counts=is_first)
            if isinstance(opened, Connection):
                return opened
            attempt.history.append(opened.transcript)
            if step.then is None or not is_tls_trouble(opened):
                return opened
            if step.then is IN_CLEAR:
                self._clear_only.add(host)
            is_first = False
            step = next_step(step, opened)

    async def _connect(
        self, place: Place, key: Key, step: HostPolicy, attempt: Attempt, *, counts: bool
    ) -> Opened:
        """One connection under one step of the policy. `counts`: a TLS report counts it."""
        settings, host, source = self._settings, place.host, key[1]
        connection = self._prepared(place, key, step)
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
        context = self._checked if step.look is Look.ROOTS else self._unchecked
        judge = TlsaJudge(step, host.name, attempt.domain, self._now) if step.look is Look.TLSA else None
        failure = await open_connection(connection, context, host.name, settings.timeouts.handshake_s, judge)
        if counts:
            attempt.checks += checks_of(step, connection, failure)
        if failure is not None:
            return refused_by(step, failure) if step.needs_tls and is_tls_trouble(failure) else failure
        if step.needs_promise and not connection.promises_tls:
            connection.quit()
            return no_promise(step, connection)
        connection.policy = sentence(step, connection, judge.matched if judge else "")
        if judge is not None and judge.is_of_this_domain_only:
            connection.retire()
        return connection

    def _prepared(self, place: Place, key: Key, step: HostPolicy) -> Connection:
        settings, host, source = self._settings, place.host, key[1]
        engine = ClientEngine(
            settings.hello_of(source) or settings.hello_name,
            peer=f"{host.name} [{place.address}]",
            wants_tls=step.wants_tls,
            requires_tls=step.needs_tls,
            send_8bit_anyway=settings.send_8bit_anyway,
            uses_chunks=settings.uses_chunks and (host.name, host.port) not in self._chunkless,
        )
        labels = (host.name, place.address, source)
        connection = Connection(
            engine, self._owner, key, labels, self._limits, settings.timeouts.block_s, self._buffer
        )
        connection.port = host.port
        connection.policy = step.label
        return connection


def _unchecked_context() -> ssl.SSLContext:
    """RFC 7435: any certificate is better than clear text; RFC 8996: but not TLS 1.0 or 1.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


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
    """A failure that took a conversation, or the time for one; a refused greeting is quick and is not one,
    and a host that a policy forbids was not even asked."""
    return (
        bool(failure.address)
        and failure.phase is not Phase.CONNECT
        and not (failure.phase is Phase.GREETING and failure.code)
    )


def summary(site: Site, source: str, failures: Sequence[SmtpResult], wish: TlsWish) -> SmtpResult:
    """The one result of an attempt in which no host could be used: what a host said counts more than silence.

    "No mail here, ever" (521, 556) is reported only when all hosts of the site say so (MX-9, RFC 7504).
    """
    if not failures:
        text = f"No address of {site.name} can be reached" + (f" from {source}" if source else "")
        return SmtpResult(Phase.CONNECT, 0, "4.4.1", text, source=source, connection_failed=True)
    promise = _never_promised(site, failures) if wish is TlsWish.PROMISED else None
    if promise is not None:
        return promise
    final = [failure for failure in failures if failure.code in _REFUSES_ALL_MAIL]
    if len(final) == len(failures) and {f.mx for f in final} == {host.name for host in site.hosts}:
        return final[-1]
    others = [failure for failure in failures if failure not in final]
    if not others:  # some hosts were not asked
        return replace(
            final[-1], code=0, enhanced="4.4.1", text=f"{final[-1].text} (other hosts were not asked)"
        )
    return max(reversed(others), key=lambda failure: failure.code > 0)


def _never_promised(site: Site, failures: Sequence[SmtpResult]) -> SmtpResult | None:
    """REQ-1: when every host lacks what REQUIRETLS needs, waiting does not help (RFC 8689 4.2.1)."""
    lacking = [failure for failure in failures if failure.enhanced in ("4.7.10", "4.7.30")]
    if len(lacking) < len(failures) or {f.mx for f in lacking} != {host.name for host in site.hosts}:
        return None
    decisive = max(lacking, key=lambda failure: failure.enhanced)
    enhanced = decisive.enhanced.replace("4", "5", 1)
    return replace(decisive, phase=Phase.LOCAL, code=550, enhanced=enhanced)
