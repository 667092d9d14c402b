"""Does DNS show a key's record, or a claim's? Plain blocking look-ups for the command line.

Public: Server, texts_at, refuse_unpublished.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from posthouse.mail.dkim import published_key
from posthouse.model.account import Domain, DomainKey
from posthouse.model.errors import Refused, TryLater

_LOOK_UP_S = 5.0

Texts = Callable[[str], Sequence[str]]


class Server(Protocol):
    """A name server's address; `config.Endpoint` is one."""

    @property
    def host(self) -> str: ...

    @property
    def port(self) -> int: ...


def texts_at(name: str, servers: Sequence[Server]) -> list[str]:
    """The TXT records of a name, their strings joined (RFC 6376 3.6.2.2). Raises TryLater when DNS gives no
    answer."""
    import dns.exception
    import dns.resolver

    resolver = dns.resolver.Resolver(configure=not servers)
    if servers:
        resolver.nameservers = [server.host for server in servers]
        resolver.nameserver_ports = {server.host: server.port for server in servers}
    try:
        answer = resolver.resolve(f"{name}.", "TXT", lifetime=_LOOK_UP_S)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except dns.exception.DNSException as error:
        raise TryLater(451, "4.4.3", f"DNS gives no answer for {name}; try again", reason="dns") from error
    return [b"".join(data.strings).decode("utf-8", "replace") for data in answer]


def refuse_unpublished(domain: Domain, keys: Iterable[DomainKey], texts: Texts) -> None:
    """Raise Refused unless DNS shows each key's own record, and no other at its name; TryLater when it does
    not answer."""
    for key in keys:
        name = f"{key.selector}._domainkey.{domain.name}"
        found = texts(name)
        if len(found) == 1 and published_key(found[0]) == key.public:
            continue
        if not found:
            what = "DNS has nothing"
        elif len(found) > 1:  # RFC 6376 3.6.2.2: which one a verifier takes is undefined
            what = f"DNS has {len(found)} records"
        else:
            what = "DNS has another record"
        text = f"{what} at {name}: mail signed with this key would not verify. Publish its record first"
        raise Refused(550, "5.7.0", text, reason="not-published")
