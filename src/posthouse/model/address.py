"""A mail address: parsed strictly, compared and written correctly.

One `Address` is one string on the wire: what was checked for permission is what is sent (MSG-5, S5).
The local part is kept byte for byte in wire form (quotes included); the domain is lower case, A-label, or
an address literal in brackets. RFC 5321 4.1.2, RFC 6531 3.3, RFC 5891.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

import idna
import msgspec

_ATEXT = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~\-"
_DOT_STRING = re.compile(rf"[{_ATEXT}\u0080-\U0010ffff]+(?:\.[{_ATEXT}\u0080-\U0010ffff]+)*\Z")
_QUOTED_STRING = re.compile(r'"(?:[\x20\x21\x23-\x5b\x5d-\x7e\u0080-\U0010ffff]|\\[\x20-\x7e])*"\Z')
_LDH = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\Z")
_CONTROLS = re.compile("[\x00-\x1f\x7f\x80-\x9f\u2028\u2029\ufeff\ud800-\udfff]")
_SIMPLE = re.compile(rf"([{_ATEXT}]+(?:\.[{_ATEXT}]+)*)@([a-z0-9-]+(?:\.[a-z0-9-]+)*)\Z")


class BadAddress(ValueError):
    """The text is not an address; the message says why, without quoting the input."""


class Address(msgspec.Struct, frozen=True, gc=False):
    """`local` in wire form, `domain` in lower-case A-label form or as literal `[…]`."""

    local: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def needs_utf8(self) -> bool:
        """Only the local part can need SMTPUTF8: the domain is an A-label (RFC 6531 3.2)."""
        return not self.local.isascii()


def parse_address(text: str) -> Address:
    """`local@domain` without angle brackets -> Address.

    Raises BadAddress: empty parts, controls, line breaks, over-long parts (RFC 5321 4.5.3.1: local 64,
    domain 255, path 256 octets), bad quoting, bad IDNA.
    """
    match = _SIMPLE.match(text)
    if match and len(text) <= 254 and match.end(1) <= 64:
        return Address(match[1], _known_domain(match[2]))
    if _CONTROLS.search(text):
        raise BadAddress("control characters are not allowed in an address")
    local, at, domain = text.rpartition("@")
    if not at or not local or not domain:
        raise BadAddress("an address needs a local part, an @ and a domain")
    if not (_DOT_STRING.match(local) or _QUOTED_STRING.match(local)):
        raise BadAddress("the local part is neither a dot-string nor a quoted string")
    if len(local.encode()) > 64:
        raise BadAddress("the local part is longer than 64 octets")
    address = Address(local, ascii_domain(domain))
    if len(str(address).encode()) > 254:
        raise BadAddress("the address is longer than 254 octets")
    return address


def ascii_domain(text: str) -> str:
    """A domain name in any form -> lower-case A-label form; `[192.0.2.1]` and `[IPv6:…]` are normalised.

    Raises BadAddress. A single trailing dot is not accepted (RFC 5321 has no place for it).
    """
    if text.startswith("[") and text.endswith("]"):
        return _literal(text[1:-1])
    domain = text.lower() if text.isascii() else _to_ascii(text)
    if len(domain) > 253:
        raise BadAddress("the domain is longer than 253 octets")
    if not _LDH.match(domain):
        raise BadAddress("the domain is not a host name")
    if domain.rpartition(".")[2].isdigit():
        raise BadAddress("the domain is a bare IP address; write it in square brackets")
    return domain


# HOT: the same few domains stand in nearly all addresses
_known_domain = lru_cache(maxsize=4096)(ascii_domain)


def _to_ascii(text: str) -> str:
    try:
        return idna.encode(text, uts46=True, transitional=False).decode("ascii")
    except (idna.IDNAError, UnicodeError) as error:
        raise BadAddress("the domain is not a valid internationalised name (IDNA 2008)") from error


def _literal(inside: str) -> str:
    try:
        if "%" in inside:  # a scope id may hold any text, and means nothing to another host
            raise ValueError(inside)
        if inside[:5].lower() == "ipv6:":
            return f"[IPv6:{ipaddress.IPv6Address(inside[5:])}]"
        return f"[{ipaddress.IPv4Address(inside)}]"
    except ValueError as error:
        raise BadAddress("the address literal is not an IPv4 or IPv6 address") from error
