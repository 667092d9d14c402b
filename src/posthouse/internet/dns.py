"""A DNS server made of zone text, on UDP and TCP of one loopback port, that can fail by script.

One text holds all names (every name is absolute, `$TTL 300` unless given): wildcards (RFC 4592), empty
non-terminals, CNAME chains and negative answers with an SOA work as a resolver's would. `faults` maps a name
(`a.test`), a name and type (`a.test AAAA`) or a suffix (`.a.test`) to a `DnsFault`, and may be changed while
the server runs. `asked` remembers the last questions. `secure` holds names and suffixes that a validating
resolver would vouch for: their answers carry AD when the question has DO or AD.

Public: `FakeDns`, `DnsFault`.
"""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import Mapping
from enum import StrEnum
from typing import cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.node
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.zone

_IN = dns.rdataclass.IN
_STAR = dns.name.Name((b"*",))
_MAX_ALIASES = 8


class DnsFault(StrEnum):
    """How the server fails for a name."""

    SERVFAIL = "servfail"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    NXDOMAIN = "nxdomain"
    GARBAGE = "garbage"  # bytes that are no DNS message
    FORGED = "forged"  # an answer with another id: must be ignored
    TRUNCATED = "truncated"  # UDP says: ask by TCP
    NO_EDNS = "no-edns"  # FORMERR to a question with EDNS


class FakeDns:
    """Start with `await start()`, stop with `await close()`; `address` is "127.0.0.1:port".

    `follows_aliases` False: a CNAME is answered alone, as an authoritative server of another zone would.
    """

    def __init__(
        self, zone: str, faults: Mapping[str, DnsFault] | None = None, *, follows_aliases: bool = True
    ) -> None:
        self.faults = dict(faults or {})
        self.secure: set[str] = set()
        self.asked: deque[tuple[str, str]] = deque(maxlen=10_000)
        self._follows_aliases = follows_aliases
        self.address = ""
        self.load(zone)

    def load(self, zone: str) -> None:
        """Replace all names. Raises dns.exception.DNSException when the text is no zone."""
        parsed = dns.zone.from_text(
            f"$TTL 300\n{zone}\n", origin=dns.name.root, relativize=False, check_origin=False
        )
        self._nodes: dict[dns.name.Name, dns.node.Node] = dict(parsed.nodes)
        self._names = {dns.name.root}
        for name in self._nodes:
            while name != dns.name.root:  # RFC 8020: what has names below it exists
                self._names.add(name)
                name = name.parent()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Bind TCP and UDP to one port. Raises OSError when a given port is taken."""
        loop = asyncio.get_running_loop()
        for _ in range(20):
            self._tcp = await asyncio.start_server(self._serve_tcp, host, port)
            bound: int = self._tcp.sockets[0].getsockname()[1]
            try:
                self._udp, _ = await loop.create_datagram_endpoint(
                    lambda: _Udp(self), local_addr=(host, bound)
                )
            except OSError:
                self._tcp.close()
                if port:
                    raise
                continue
            self.address = f"{host}:{bound}"
            return
        raise OSError("no port is free for both UDP and TCP")

    async def close(self) -> None:
        self._udp.close()
        self._tcp.close()
        await self._tcp.wait_closed()

    def respond(self, wire: bytes, *, is_tcp: bool) -> bytes | None:
        """The bytes to send back, or None for silence."""
        try:
            query = dns.message.from_wire(wire)
            question = query.question[0]
        except (dns.exception.DNSException, IndexError):
            return None
        name, kind = question.name, question.rdtype
        text = name.to_text(omit_final_dot=True).lower()
        self.asked.append((text, dns.rdatatype.to_text(kind)))
        fault = self._fault_for(text, dns.rdatatype.to_text(kind))
        if fault is DnsFault.TIMEOUT:
            return None
        if fault is DnsFault.GARBAGE:
            return b"\xff" * 7
        response = dns.message.make_response(query, recursion_available=True)
        self._fill(response, fault, name, kind, has_edns=query.edns >= 0)
        if self._is_secure(text) and (query.flags & dns.flags.AD or query.ednsflags & dns.flags.DO):
            response.flags |= dns.flags.AD
        if fault is DnsFault.TRUNCATED and not is_tcp:
            response.answer.clear()
            response.flags |= dns.flags.TC
        if fault is DnsFault.FORGED:
            response.id ^= 0x5555
        payload = max(512, query.payload) if query.edns >= 0 else 512  # RFC 1035 4.2.1, RFC 6891 6.2.3
        return response.to_wire(max_size=65535 if is_tcp else payload, prefer_truncation=True)

    def _is_secure(self, name: str) -> bool:
        return name in self.secure or any(
            name.endswith(suffix) for suffix in self.secure if suffix.startswith(".")
        )

    def _fault_for(self, name: str, kind: str) -> DnsFault | None:
        exact = self.faults.get(f"{name} {kind}") or self.faults.get(name)
        if exact is not None:
            return exact
        return next(
            (f for suffix, f in self.faults.items() if suffix.startswith(".") and name.endswith(suffix)), None
        )

    def _fill(
        self,
        response: dns.message.Message,
        fault: DnsFault | None,
        name: dns.name.Name,
        kind: dns.rdatatype.RdataType,
        *,
        has_edns: bool,
    ) -> None:
        """Put rcode and records into `response`."""
        if fault is DnsFault.SERVFAIL:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif fault is DnsFault.REFUSED:
            response.set_rcode(dns.rcode.REFUSED)
        elif fault is DnsFault.NO_EDNS and has_edns:
            response.set_rcode(dns.rcode.FORMERR)
        elif fault is DnsFault.NXDOMAIN or not self._answer(response, name, kind):
            response.set_rcode(dns.rcode.NXDOMAIN)
        if not response.answer:
            response.authority.append(
                dns.rrset.from_text(
                    dns.name.root, 60, "IN", "SOA", "ns.invalid. hostmaster.invalid. 1 60 60 60 10"
                )
            )

    def _answer(
        self, response: dns.message.Message, name: dns.name.Name, kind: dns.rdatatype.RdataType
    ) -> bool:
        """Append the records of `name`, following aliases. False: the (last) name does not exist."""
        for _ in range(_MAX_ALIASES):
            node = self._node_of(name)
            if node is None:
                return False
            found = node.get_rdataset(_IN, kind)
            alias = node.get_rdataset(_IN, dns.rdatatype.CNAME)
            if found is not None:
                response.answer.append(dns.rrset.from_rdata_list(name, found.ttl, list(found)))
            elif alias is not None:
                response.answer.append(dns.rrset.from_rdata_list(name, alias.ttl, list(alias)))
                if self._follows_aliases:
                    name = cast(dns.name.Name, alias[0].target)
                    continue
            return True
        return True

    def _node_of(self, name: dns.name.Name) -> dns.node.Node | None:
        """The node that answers for `name`: itself, an empty one, or the wildcard below its closest
        encloser (RFC 4592 3.3.1). None: the name does not exist."""
        if name in self._names:
            return self._nodes.get(name) or dns.node.Node()  # type: ignore[no-untyped-call]
        encloser = name.parent()
        while encloser not in self._names:
            encloser = encloser.parent()
        return self._nodes.get(_STAR.concatenate(encloser))

    async def _serve_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """RFC 7766: messages with two octets of length before each, until the client closes."""
        try:
            while True:
                (length,) = struct.unpack("!H", await reader.readexactly(2))
                response = self.respond(await reader.readexactly(length), is_tcp=True)
                if response is not None:
                    writer.write(struct.pack("!H", len(response)) + response)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, server: FakeDns) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        response = self._server.respond(data, is_tcp=False)
        if response is not None:
            self._transport.sendto(response, addr)
