"""How much of a visitor is written down.

Public: FULL, MASKED, NONE, kept_address, keeps_agent, keeps_client.
"""

from __future__ import annotations

from ipaddress import IPv4Address, ip_network

from posthouse.rules.ranges import plain_address

FULL, MASKED, NONE = "full", "masked", "none"
_IPV4_PREFIX, _IPV6_PREFIX = 24, 48


def kept_address(address: str, privacy: str) -> str:
    """The client's address as `privacy` allows: whole, cut to its /24 or /48 (the last octets zero), or
    nothing. What is no address is kept only whole."""
    if privacy == FULL:
        return address
    if privacy != MASKED:
        return ""
    try:
        found = plain_address(address)
    except ValueError:
        return ""
    prefix = _IPV4_PREFIX if isinstance(found, IPv4Address) else _IPV6_PREFIX
    return str(ip_network((found, prefix), strict=False).network_address)


def keeps_agent(privacy: str) -> bool:
    """Is the User-Agent field kept?"""
    return privacy == FULL


def keeps_client(privacy: str) -> bool:
    """Are the coarse things kept that were read from it, and the time zone of the address?"""
    return privacy in (FULL, MASKED)
