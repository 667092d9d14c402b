"""Address ranges: from which networks a credential may be used, and whose address a client has.

Public: Network, BadRange, parse_range, compile_ranges, covers, is_within, is_everything, plain_address,
shown_address, client_of.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    collapse_addresses,
    ip_address,
    ip_interface,
    ip_network,
)

Network = IPv4Network | IPv6Network
_CLIENT_PREFIX = 64  # a customer of an IPv6 provider has at least this much and uses it at will


class BadRange(ValueError):
    """Not an address range; the text says why and what to write."""


def parse_range(text: str) -> Network:
    """`192.0.2.0/24`, `2001:db8::/32` or one address. Raises BadRange."""
    text = text.strip()
    try:
        network = ip_network(text)
    except ValueError:
        raise BadRange(_complaint(text)) from None
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped and network.prefixlen >= 96:
        return IPv4Network((network.network_address.ipv4_mapped, network.prefixlen - 96))
    return network


def _complaint(text: str) -> str:
    """Either the host bits are set, or it is no range at all."""
    try:
        meant = ip_interface(text).network
    except ValueError:
        return f"{text!r} is not an address range; write one as 192.0.2.0/24, 2001:db8::/32 or 192.0.2.7"
    return f"{text} is an address within a range; write {meant} for the range, or the address alone"


def compile_ranges(texts: Iterable[str]) -> tuple[Network, ...]:
    """Stored ranges, ready to be compared with. Raises BadRange."""
    return tuple(parse_range(text) for text in texts)


def covers(networks: Iterable[Network], address: str) -> bool:
    """Is the client's address in one of them? What is no address (a local socket) is in none."""
    try:
        client = plain_address(address)
    except ValueError:
        return False
    return any(client in network for network in networks)


def is_within(networks: Iterable[Network], others: Iterable[Network]) -> bool:
    """Is each address of `networks` in one of `others`?"""
    outer = list(others)
    old = list(collapse_addresses(each for each in outer if isinstance(each, IPv4Network)))
    new = list(collapse_addresses(each for each in outer if isinstance(each, IPv6Network)))
    return all(
        any(each.subnet_of(whole) for whole in old)
        if isinstance(each, IPv4Network)
        else any(each.subnet_of(whole) for whole in new)
        for each in networks
    )


def is_everything(network: Network) -> bool:
    """A range that shuts nobody out."""
    return network.prefixlen == 0


def plain_address(text: str) -> IPv4Address | IPv6Address:
    """The address without a zone; an IPv4 address mapped into IPv6 (RFC 4291 2.5.5.2) is that address. Raises
    ValueError."""
    found = ip_address(text.partition("%")[0])
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def shown_address(text: str) -> str:
    """The client's address for people: the plain one; what is none stays as it is."""
    try:
        return str(plain_address(text))
    except ValueError:
        return text


def client_of(address: str) -> str:
    """Under which name a client's wrong sign-ins count: an IPv4 address, or the /64 of an IPv6 address."""
    try:
        found = plain_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv4Address):
        return str(found)
    return str(IPv6Network((found, _CLIENT_PREFIX), strict=False))
