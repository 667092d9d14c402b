"""The fake internet in a thread of its own, so that tests can be plain functions beside blocking clients.

Everything that the world's loop changes is read on that loop (`call`), never from outside.

Public: Internet.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection, Coroutine, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from patience import Watch
from posthouse.internet.dns import DnsFault
from posthouse.internet.places import DOMAINS, FakeDomain, settled
from posthouse.internet.policies import Served
from posthouse.internet.recorder import Arrival, Session
from posthouse.internet.scripts import HostScript
from posthouse.internet.world import World

T = TypeVar("T")
_GRACE_S = 30.0


class Internet:
    """`World.default(domains)`, started by `with`. Recipients are unique per test (`name+tag@domain`)."""

    def __init__(self, domains: Sequence[FakeDomain] = DOMAINS) -> None:
        self.world = World.default(domains)
        self._zone = settled(domains)[0]
        self._published: dict[str, str] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake internet")

    def __enter__(self) -> Self:
        self._thread.start()
        self._wait(self.world.start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wait(self.world.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _wait(self, work: Coroutine[Any, Any, T], seconds: float = 60.0) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(seconds)

    def call(self, fn: Callable[[], T]) -> T:
        """`fn()` on the world's loop."""

        async def on_loop() -> T:
            return fn()

        return self._wait(on_loop())

    @property
    def settings(self) -> dict[str, dict[str, Any]]:
        """What a Posthouse needs to live in this internet."""
        return {
            "dns": {"servers": [self.world.dns_server]},
            "delivery": {"port": self.world.port, "private_networks": "allow"},
        }

    def to(self, recipient: str) -> list[Arrival]:
        """The copies for one recipient so far."""
        return self.call(lambda: self.world.recorder.to(recipient))

    def copies(self, recipient: str, count: int = 1, seconds: float = 20.0) -> list[Arrival]:
        """Wait for `count` copies for this recipient. Raises AssertionError with the transcripts."""
        recorder = self.world.recorder
        watch = Watch()
        while True:
            there = recorder.until(lambda: len(recorder.to(recipient)) >= count, seconds)
            try:
                self._wait(there, seconds + _GRACE_S)
                return self.to(recipient)
            except AssertionError:
                if watch.is_over(seconds):
                    raise

    def copy(self, recipient: str, seconds: float = 20.0) -> Arrival:
        """Wait for the copy for this recipient; there is only one."""
        (arrival,) = self.copies(recipient, 1, seconds)
        return arrival

    def arrivals_from(self, hellos: Collection[str]) -> list[Arrival]:
        """All copies that hosts of these names brought."""
        return self.call(lambda: [a for a in self.world.recorder.arrivals if a.hello in hellos])

    def sessions_at(self, host: str) -> list[Session]:
        """The connections to a receiving host or to all hosts of a domain, oldest first."""
        return self.call(lambda: [s for s in self.world.recorder.sessions if s.host.endswith(host)])

    def drop_connections(self, domain: str) -> None:
        """End every open connection to the hosts of a domain."""

        def end() -> None:
            for name, host in self.world.hosts.items():
                if name.endswith(domain):
                    for connection in list(host.connections):
                        connection.end("dropped")

        self.call(end)

    def publish(self, records: str, under: str = "") -> None:
        """Add lines of zone text to the DNS. `under`: in the place of what was published under that word."""
        before = "" if under else self._published.get("", "")
        self._published[under] = f"{before}\n{records}"
        zone = "\n".join([self._zone, *self._published.values()])
        self.call(lambda: self.world.dns.load(zone))

    def fail_for(self, name: str, fault: DnsFault | None) -> None:
        """Let DNS fail for a name (`a.test`, `a.test TXT`, or `.a.test` for all below it); None: no more."""

        def change() -> None:
            if fault is None:
                self.world.dns.faults.pop(name, None)
            else:
                self.world.dns.faults[name] = fault

        self.call(change)

    def publish_policy(self, domain: str, text: str, *, policy_id: str = "1") -> None:
        """An MTA-STS policy, with its record and its host; the policy's age is a week."""
        served = Served(f"version: STSv1\n{text}max_age: 604800\n")
        self.call(lambda: self.world.policies.served.update({domain: served}))
        self.publish(f'_mta-sts.{domain} TXT "v=STSv1; id={policy_id}"\nmta-sts.{domain} A 127.0.0.1')

    def withdraw_policy(self, domain: str) -> None:
        """Neither DNS nor the policy host say anything more about MTA-STS."""
        self.call(lambda: self.world.dns.faults.update({f"_mta-sts.{domain}": DnsFault.SERVFAIL}))
        self.call(lambda: self.world.policies.served.pop(domain))

    def vouch_for(self, *names: str) -> None:
        """DNSSEC proves what is said about these names and suffixes."""
        self.call(lambda: self.world.dns.secure.update(names))

    def stop_host(self, host: str) -> None:
        """Let a host listen no longer."""
        self._wait(self.world.hosts[host].stop())

    def play(self, host: str, script: str | HostScript) -> None:
        self.call(lambda: self.world.play(host, script))

    def violations(self, domain: str) -> list[str]:
        """What clients did against the protocol so far at the hosts of a domain."""
        return self.call(lambda: [text for text in self.world.recorder.violations if f".{domain}" in text])

    def story(self) -> str:
        return self.call(lambda: self.world.recorder.story("fake internet"))
