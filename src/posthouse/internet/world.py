"""The fake internet as one thing: a DNS server, receiving hosts on one common port, and what they received.

    async with World.of({"good.test": "accept", "bad.test": "bounce"}) as world:
        ...                                   # servers = [world.dns_server], port = world.port
        (copy,) = await world.recorder.copies(1)

All hosts listen on the same port of different loopback addresses, because a sender has one delivery port.
Nothing listens beyond 127.0.0.0/8, so the sender must allow private targets.

Public: `World`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Self

from posthouse.internet.certificates import Certificates
from posthouse.internet.dns import DnsFault, FakeDns
from posthouse.internet.hosts import Host, Memory
from posthouse.internet.places import DOMAINS, FakeDomain, Place, settled
from posthouse.internet.policies import PolicyHost
from posthouse.internet.recorder import Recorder
from posthouse.internet.scripts import HOST_SCRIPTS, MAILBOX_SCRIPTS, HostScript
from posthouse.model.clock import Clock, SystemClock

_TRIES = 20


class World:
    """Built of zone text and places, or by `World.of` and `World.default`.

    `port` and `dns_port` 0: the kernel chooses. `clock` is for greylisting and time stamps only. `policies`
    serves MTA-STS policies on a port of its own.
    """

    def __init__(
        self,
        zone: str,
        places: Sequence[Place] = (),
        faults: Mapping[str, DnsFault] | None = None,
        *,
        recorder: Recorder | None = None,
        clock: Clock | None = None,
        port: int = 0,
        dns_port: int = 0,
    ) -> None:
        clock = clock or SystemClock()
        self.recorder = recorder or Recorder()
        self.dns = FakeDns(zone, faults)
        self.port = port
        self._dns_port = dns_port
        self._certificates = Certificates()
        self.policies = PolicyHost(self._certificates)
        memory = Memory(clock)
        self.hosts = {
            place.name: Host(
                place.name,
                place.address,
                place.script,
                recorder=self.recorder,
                memory=memory,
                certificates=self._certificates,
                clock=clock,
            )
            for place in places
        }

    @classmethod
    def of(
        cls,
        scripts: Mapping[str, str | HostScript],
        *,
        recorder: Recorder | None = None,
        clock: Clock | None = None,
    ) -> Self:
        """A world of domains with one MX each: {"good.test": "accept", …}; a script by name or itself."""
        domains = [
            FakeDomain(name, "", ((10, HOST_SCRIPTS[script] if isinstance(script, str) else script),))
            for name, script in scripts.items()
        ]
        return cls(*settled(domains), recorder=recorder, clock=clock)

    @classmethod
    def default(
        cls,
        domains: Iterable[FakeDomain] = DOMAINS,
        *,
        recorder: Recorder | None = None,
        port: int = 0,
        dns_port: int = 0,
    ) -> Self:
        """The world of `posthouse dev --internet`; `World.guide()` explains it."""
        return cls(*settled(domains), recorder=recorder, port=port, dns_port=dns_port)

    @staticmethod
    def guide() -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """(domains, mailbox names) of the default world, each with one line of help."""
        return (
            [(domain.name, domain.help) for domain in DOMAINS],
            [(f"{name}@", script.help) for name, script in MAILBOX_SCRIPTS.items()],
        )

    @property
    def dns_server(self) -> str:
        """ "127.0.0.1:port", as the setting `dns.servers` wants it."""
        return self.dns.address

    @property
    def authority_pem(self) -> bytes:
        """The root certificate that makes the hosts with script TLS `good` verify."""
        return self._certificates.authority_pem

    @property
    def key_digest(self) -> str:
        """SHA-256 of the key that all hosts have, in hex: what a TLSA record `3 1 1` says."""
        return self._certificates.key_digest

    @property
    def authority_digest(self) -> str:
        """The same of the authority's key: `2 1 1`."""
        return self._certificates.authority_digest

    def play(self, host: str, script: str | HostScript) -> None:
        """Change the script of a host, for connections made from now on."""
        self.hosts[host].script = HOST_SCRIPTS[script] if isinstance(script, str) else script

    async def start(self) -> None:
        """Start DNS and all hosts. Raises OSError when a given port is taken."""
        for _ in range(_TRIES):
            try:
                await self._start_hosts(self.port)
                break
            except OSError:
                await self._stop_hosts()
                if self.port:
                    raise
        else:
            raise OSError("no port is free on all loopback addresses")
        try:
            await self.policies.start()
            await self.dns.start(port=self._dns_port)
        except OSError:
            await self._stop_hosts()
            await self.policies.close()
            raise

    async def _start_hosts(self, port: int) -> None:
        for host in self.hosts.values():
            port = await host.start(port)
        self.port = port

    async def _stop_hosts(self) -> None:
        for host in self.hosts.values():
            await host.stop()

    async def close(self) -> None:
        """Drop all connections and stop listening."""
        await self._stop_hosts()
        await self.policies.close()
        await self.dns.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
