"""What people type where an address of this machine is wanted, and whether it can serve as one.

People paste ranges, sockets and names; each mistake gets a sentence that says what to give instead.

Public: parse_address, prove_local, name_of.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from contextlib import closing

from posthouse.model.errors import Refused

_LONGEST = 60  # of somebody's words in our sentence
_WITH_PORT = re.compile(r"\[(?P<v6>[^\]]+)\](?::\d*)?|(?P<v4>[0-9.]+):\d*")


def parse_address(text: str, *, allows_loopback: bool = False) -> str:
    """An address literal in its usual form that a machine can send from. Raises Refused.

    Private addresses are taken: behind an address translator they are what a socket is bound to.
    """
    address = _literal(text.strip())
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        raise _refused(f"{_shown(text.strip())} is an IPv4 address in IPv6 form: give {address.ipv4_mapped}")
    if address.is_unspecified or address.is_multicast or int(address) == 2**32 - 1:
        raise _refused(f"{address} is not the address of one machine")
    if address.is_link_local:
        raise _refused(f"{address} is a link-local address: it reaches no receiving host")
    if address.is_loopback and not allows_loopback:
        raise _refused(
            f"{address} is a loopback address: it reaches no other machine "
            '(for trials: delivery.private_networks = "allow")'
        )
    return str(address)


def _literal(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    shown = _shown(text)
    if "/" in text:
        raise _refused(f"{shown} is a range: give its addresses one by one")
    if "%" in text:
        alone = text.partition("%")[0]
        raise _refused(f"{shown} has a zone id, which reaches one link only: give {_shown(alone)} alone")
    try:
        return ipaddress.ip_address(text)
    except ValueError as error:
        if with_port := _WITH_PORT.fullmatch(text):
            alone = with_port["v6"] or with_port["v4"]
            raise _refused(f"{shown} is more than an address: give {_shown(alone)} alone") from error
        if re.search("[g-z]", text, re.IGNORECASE) and "." in text and text.isascii():
            raise _refused(f"{shown} is a name, not an IPv4 or IPv6 address") from error
        raise _refused(f"{shown or 'Nothing'} is not an IPv4 or IPv6 address") from error


def prove_local(address: str) -> None:
    """Open a socket with it, as sending does. Raises Refused where this machine does not have it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with closing(socket.socket(family, socket.SOCK_STREAM)) as trial:
            trial.bind((address, 0))
    except OSError as error:
        raise Refused(
            501, "5.5.4", f"{address} is not an address of this machine: {error.strerror}", reason="not-here"
        ) from error


def name_of(text: str) -> str:
    """The name under which an address is kept, whatever its notation; other text as it is, made printable."""
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        return _shown(text.strip())


def _shown(text: str) -> str:
    """Somebody's words inside a sentence."""
    cut = text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
    return cut if cut.isprintable() else ascii(cut)


def _refused(text: str) -> Refused:
    return Refused(501, "5.5.4", text, reason="bad-address")
