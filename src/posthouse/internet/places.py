"""The map of the fake internet: domains, their hosts and what each is there to show; and the zone text of it.

Public: `FakeDomain`, `Place`, `DOMAINS`, `settled`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from posthouse.internet.dns import DnsFault
from posthouse.internet.scripts import HOST_SCRIPTS, HostScript


@dataclass(frozen=True, slots=True)
class FakeDomain:
    """`hosts` are (preference, script); `records` is further zone text; `fault` is how DNS fails for it."""

    name: str
    help: str
    hosts: tuple[tuple[int, HostScript], ...] = ()
    records: str = ""
    fault: DnsFault | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A receiving host to be: name, loopback address, script."""

    name: str
    address: str
    script: HostScript


def _domain(name: str, *scripts: str) -> FakeDomain:
    """A domain with one MX per script, in that order of preference, explained by the last one."""
    hosts = tuple((10 * (n + 1), HOST_SCRIPTS[script]) for n, script in enumerate(scripts))
    return FakeDomain(name, HOST_SCRIPTS[scripts[-1]].help, hosts)


_ACCEPT = HOST_SCRIPTS["accept"]

DOMAINS: tuple[FakeDomain, ...] = (
    FakeDomain("good.test", "two equal hosts, take everything", ((10, _ACCEPT), (10, _ACCEPT))),
    FakeDomain(
        "also-good.test",
        "the same hosts as good.test: one site",
        records="also-good.test MX 10 mx1.good.test\nalso-good.test MX 10 mx2.good.test",
    ),
    _domain("slow.test", "slow"),
    _domain("late.test", "late"),
    _domain("defer.test", "defer"),
    _domain("bounce.test", "bounce"),
    _domain("greylist.test", "greylist"),
    _domain("spam.test", "spam"),
    _domain("tls-bad.test", "tls-bad"),
    _domain("tls-wrong-name.test", "tls-wrong-name"),
    _domain("tls-self-signed.test", "tls-self-signed"),
    _domain("tls-old.test", "tls-old"),
    _domain("tls-refused.test", "tls-refused"),
    _domain("tls-garbage.test", "tls-garbage"),
    _domain("tls-hang.test", "tls-hang"),
    _domain("tls-drop.test", "tls-drop"),
    _domain("tls-inject.test", "tls-inject"),
    _domain("notls.test", "no-tls"),
    _domain("no-pipelining.test", "no-pipelining"),
    _domain("no-8bitmime.test", "no-8bitmime"),
    _domain("no-utf8.test", "no-utf8"),
    _domain("no-chunking.test", "no-chunking"),
    _domain("no-bdat.test", "no-bdat"),
    _domain("old.test", "old"),
    _domain("tiny.test", "tiny"),
    _domain("few.test", "few"),
    _domain("single.test", "single"),
    _domain("busy.test", "busy"),
    _domain("closed.test", "closed"),
    _domain("no-mail.test", "no-mail"),
    _domain("silent.test", "silent"),
    _domain("stall.test", "stall"),
    _domain("drop.test", "drop-dot"),
    _domain("midway.test", "midway"),
    _domain("malformed.test", "malformed"),
    _domain("dead.test", "dead"),
    _domain("black-hole.test", "black-hole"),
    FakeDomain(
        "mixed.test",
        "first MX refuses connections, second is too busy, third takes everything",
        ((10, HOST_SCRIPTS["dead"]), (20, HOST_SCRIPTS["busy"]), (30, _ACCEPT)),
    ),
    FakeDomain("null-mx.test", "says that it takes no mail (null MX)", records="null-mx.test MX 0 ."),
    FakeDomain("nxdomain.test", "does not exist"),
    FakeDomain("no-host.test", "its MX has no address", records="no-host.test MX 10 nowhere.no-host.test"),
    FakeDomain("alias.test", "a CNAME to good.test", records="alias.test CNAME good.test"),
    FakeDomain(
        "alias-loop.test",
        "a CNAME to itself by way of another",
        records="alias-loop.test CNAME b.alias-loop.test\nb.alias-loop.test CNAME alias-loop.test",
    ),
    FakeDomain("wild.test", "every name below it is good", records="*.wild.test MX 10 mx1.good.test"),
    FakeDomain("servfail.test", "DNS answers SERVFAIL", fault=DnsFault.SERVFAIL),
    FakeDomain("refused.test", "DNS answers REFUSED", fault=DnsFault.REFUSED),
    FakeDomain("timeout.test", "DNS does not answer", fault=DnsFault.TIMEOUT),
)


def settled(domains: Iterable[FakeDomain]) -> tuple[str, list[Place], dict[str, DnsFault]]:
    """(zone text, hosts with addresses from 127.0.1.1 on, DNS faults) of these domains."""
    zone: list[str] = []
    places: list[Place] = []
    faults: dict[str, DnsFault] = {}
    for domain in domains:
        for number, (preference, script) in enumerate(domain.hosts, start=1):
            name = f"mx{number}.{domain.name}"
            address = f"127.0.{1 + len(places) // 250}.{1 + len(places) % 250}"
            places.append(Place(name, address, script))
            zone += [f"{domain.name} MX {preference} {name}", f"{name} A {address}"]
        if domain.records:
            zone.append(domain.records)
        if domain.fault is not None:
            faults[domain.name] = domain.fault
    return "\n".join(zone), places, faults
