"""Tests of SMTP servers: one connection, one conversation, everything told as it happens.

Where a test may go is said by `Reach`: outsiders must not scan the operator's networks through us (S15), and
only ports of mail are tried. This very server may always be tested, at the addresses where it listens.

Public: Prober, Reach, Limits, Tell.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from posthouse.model.clock import Clock
from posthouse.model.probe import ProbeEnd, ProbeLine, ProbeStep, ProbeTls, ProbeWish, Security
from posthouse.net.dns import DnsTrouble
from posthouse.net.handshake import reason_of
from posthouse.net.httpout import is_public
from posthouse.net.lookup import Lookup
from posthouse.net.probe_wire import ProbeWire
from posthouse.net.roots import trusting_context
from posthouse.smtp.probe import ProbeEngine

Tell = Callable[[ProbeLine], None]
_MOST_ADDRESSES = 3


@dataclass(frozen=True, slots=True)
class Reach:
    """Where tests may go. `ports` None: to any. `own`: port -> the address where this server listens on it;
    `own_names`: what it is called."""

    allows_private: bool
    ports: Collection[int] | None
    own: Mapping[int, str] = field(default_factory=dict)
    own_names: Collection[str] = ()

    def own_address(self, host: str, port: int) -> str:
        """Where this very server listens under that name and port; "" for any other server."""
        is_named = host in self.own_names or host in ("localhost", "127.0.0.1", "::1")
        address = self.own.get(port, "")
        return address if address and (is_named or host == address) else ""

    def opens(self, host: str, port: int) -> bool:
        """May a test go to that port?"""
        return self.ports is None or port in self.ports or bool(self.own_address(host, port))


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds. `reply_s`: a server that holds refusals back (ours: 8 s) must be waited for."""

    connect_s: float = 10.0
    greeting_s: float = 15.0
    reply_s: float = 20.0
    quit_s: float = 3.0
    total_s: float = 60.0


class Prober:
    """`authorities`: a PEM file of certificate authorities to trust besides the system's."""

    def __init__(
        self,
        reach: Reach,
        lookup: Lookup,
        clock: Clock,
        hello_name: str,
        authorities: Path | None = None,
        limits: Limits = Limits(),
    ) -> None:
        self.reach = reach
        self._lookup = lookup
        self._clock = clock
        self._hello_name = hello_name
        self._authorities = authorities
        self._limits = limits

    async def run(self, wish: ProbeWish, content: bytes, tell: Tell) -> ProbeEnd:
        """One test; never raises for what DNS, the network or the server do. Each line is told at once."""
        run = _Run(self, wish, ProbeEngine(wish, self._hello_name, content), tell, self._clock.monotonic())
        try:
            async with asyncio.timeout(self._limits.total_s):
                await self._through(run)
        except TimeoutError:
            run.engine.note(f"The test ends after {self._limits.total_s:.0f} s")
            run.engine.lost("too-long")
        run.flush()
        end = run.engine.end or ProbeEnd(run.engine.step, "closed")
        return replace(end, address=run.address)

    async def _through(self, run: _Run) -> None:
        found = await self._addresses(run)
        if isinstance(found, ProbeEnd):
            run.engine.end = found
            return
        wire = await self._connect(run, found)
        if isinstance(wire, ProbeEnd):
            run.engine.end = wire
            return
        try:
            await self._converse(run, wire)
        finally:
            wire.close()

    # Where to

    async def _addresses(self, run: _Run) -> list[str] | ProbeEnd:
        host, port = run.wish.host, run.wish.port
        if own := self.reach.own_address(host, port):
            run.say(f"{host} is this very server: it is asked at {own}, where it listens")
            return [own]
        if _is_address(host):
            found = [host]
        else:
            asked = await self._asked(run)
            if isinstance(asked, ProbeEnd):
                return asked
            found = asked
        if not self.reach.allows_private:
            found = [address for address in found if is_public(address)]
            if not found:
                run.say("The address is private, which the operator does not allow")
                return ProbeEnd(ProbeStep.DNS, "private")
        return found[:_MOST_ADDRESSES]

    async def _asked(self, run: _Run) -> list[str] | ProbeEnd:
        host = run.wish.host
        run.say(f"Looking up {host}")
        try:
            answers = [await self._lookup.ask(host, kind) for kind in ("A", "AAAA")]
            found = [text for answer in answers for _, text in answer.rows]
            if found:
                run.say(f"{host} has the address{'es' * (len(found) > 1)} {', '.join(found[:5])}")
                return found
            mail = await self._lookup.ask(host, "MX")
        except DnsTrouble as trouble:
            run.say(trouble.text)
            return ProbeEnd(ProbeStep.DNS, "dns", text=trouble.text)
        run.say(f"{host} has no address")
        if any(not name for _, name in mail.rows):  # RFC 7505
            return ProbeEnd(ProbeStep.DNS, "null-mx")
        if mail.rows:
            return ProbeEnd(ProbeStep.DNS, "mail-domain", mx=min(mail.rows)[1])
        exists = any(answer.exists for answer in answers)
        return ProbeEnd(ProbeStep.DNS, "no-address" if exists else "no-name")

    async def _connect(self, run: _Run, addresses: list[str]) -> ProbeWire | ProbeEnd:
        port, reason, fault = run.wish.port, "", "unreachable"
        for address in addresses:
            run.say(f"Connecting to {address} port {port}")
            run.address = address
            try:
                async with asyncio.timeout(self._limits.connect_s):
                    # the address was looked at; no name goes to the system's resolver any more
                    reader, writer = await asyncio.open_connection(
                        address, port, flags=socket.AI_NUMERICHOST, limit=65_536
                    )
            except (OSError, ValueError) as error:
                fault, reason = _no_way(error)
                run.say(f"No connection: {reason}")
                continue
            run.say("Connected")
            return ProbeWire(reader, writer)
        return ProbeEnd(ProbeStep.CONNECT, fault, text=reason)

    # The conversation

    async def _converse(self, run: _Run, wire: ProbeWire) -> None:
        engine = run.engine
        try:
            if run.wish.security is Security.TLS:
                await self._secure(run, wire)
            while not engine.is_over:
                await self._turn(run, wire)
        except TimeoutError:
            raise
        except OSError as error:  # ssl.SSLError is one
            run.say(f"The connection was lost: {reason_of(error)}")
            engine.lost("closed")

    async def _turn(self, run: _Run, wire: ProbeWire) -> None:
        """Say what is to be said and take what comes."""
        engine = run.engine
        if out := engine.to_send():
            run.flush()
            await wire.write(out)
        if engine.wants_tls:
            await self._secure(run, wire)
            return
        patience_s = self._patience_s(engine)
        try:
            async with asyncio.timeout(patience_s):
                data = await wire.read()
        except TimeoutError:
            if engine.end is None:
                run.say(f"No answer for {patience_s:.0f} s")
            engine.lost("silent")
            return
        if not data:
            if engine.end is None:
                run.say("The server closed the connection")
            engine.lost("closed")
            return
        engine.receive(data)
        run.flush()

    def _patience_s(self, engine: ProbeEngine) -> float:
        if engine.end is not None:
            return self._limits.quit_s
        return self._limits.greeting_s if engine.step is ProbeStep.GREETING else self._limits.reply_s

    async def _secure(self, run: _Run, wire: ProbeWire) -> None:
        wish, engine = run.wish, run.engine
        run.say("TLS begins")
        context = await asyncio.to_thread(self._context, wish.any_certificate)
        try:
            async with asyncio.timeout(self._limits.reply_s):
                tls = await wire.secure(context, wish.host)
        except TimeoutError:
            tls = ProbeTls(fault="failed", reason="no answer")
        for line in _told(tls):
            run.say(line)
        if tls.fault in ("", "not-checked"):
            engine.tls_started(tls)
        else:
            engine.tls_failed(tls)
        run.flush()

    def _context(self, any_certificate: bool) -> ssl.SSLContext:
        context = trusting_context(self._authorities)
        if any_certificate:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


class _Run:
    """What one test carries along."""

    def __init__(
        self, prober: Prober, wish: ProbeWish, engine: ProbeEngine, tell: Tell, began_at: float
    ) -> None:
        self.wish = wish
        self.engine = engine
        self.address = ""
        self._tell = tell
        self._monotonic = prober._clock.monotonic
        self._began_at = began_at

    def say(self, text: str) -> None:
        self.engine.note(text)
        self.flush()

    def flush(self) -> None:
        at_ms = round((self._monotonic() - self._began_at) * 1000)
        for who, text in self.engine.lines():
            self._tell(ProbeLine(at_ms, who, text))


def _no_way(error: Exception) -> tuple[str, str]:
    """Fault and reason of a connection that did not come about."""
    if isinstance(error, TimeoutError):
        return "silent", "no answer"
    return "no-listener" if isinstance(error, ConnectionRefusedError) else "unreachable", reason_of(error)


def _told(tls: ProbeTls) -> list[str]:
    """A handshake in lines."""
    found = [f"{tls.version} with {tls.cipher}"] if tls.version else []
    if shown := tls.certificate:
        found += [f"Certificate of {shown.subject}, by {shown.issuer}"]
        found += [f"It is for {', '.join(shown.names[:10])}"] if shown.names else []
    if tls.fault == "not-checked":
        found.append("The certificate was not checked, as asked for")
    elif tls.fault:
        found.append(f"TLS failed: {tls.reason}")
    else:
        found.append("The certificate holds")
    return found


def _is_address(text: str) -> bool:
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(text)
        return True
    return False
