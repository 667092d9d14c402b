"""Return paths: an envelope sender for each delivery, by which mail that comes back names what it is about.

The local part is one letter of kind, the 26 digits of the message's id, 26 digits of a MAC of 128 bits over
kind and delivery (keyed BLAKE2b, RFC 7693 2.9: half the price of HMAC-SHA256 for one short text), and the
delivery's running number: at most 59 octets (RFC 5321 4.5.3.1.1 allows 64). All digits are base 32 as in
`model.clock.Ids`, written in lower case and read in any, because many servers fold local parts. Who does not
know the installation's key can write none (S16).

Public: write_return_path, read_return_path, return_address, BOUNCE, UNSUBSCRIBE.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from hmac import compare_digest

BOUNCE, UNSUBSCRIBE = "b", "u"

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"  # as `model.clock.Ids` writes, in lower case
_PAIRS = [a + b for a in _DIGITS for b in _DIGITS]
_TO_PYTHON = str.maketrans(_DIGITS, "0123456789abcdefghijklmnopqrstuv")
_SHIFTS = range(120, -1, -10)  # 26 digits for the 128 bits
_ID_CHARS, _MAC_CHARS, _MAC_OCTETS = 26, 26, 16
_HEAD = 1 + _ID_CHARS + _MAC_CHARS
_LONGEST_PATH = 254  # octets of a whole address (RFC 5321 4.5.3.1.3, without the brackets)
# As `rules.plan` numbers deliveries: at least four figures.
_DELIVERY = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}\.(?:\d{4}|[1-9]\d{4,8})\Z", re.ASCII)
_LOCAL = re.compile(rf"[{BOUNCE}{UNSUBSCRIBE}][{_DIGITS}]{{{_ID_CHARS + _MAC_CHARS + 1},{_HEAD + 5}}}\Z")


def write_return_path(key: bytes, kind: str, delivery_id: str) -> str:
    """The local part for a delivery; "" for an id of another form. `kind`: BOUNCE or UNSUBSCRIBE. HOT."""
    if not _DELIVERY.match(delivery_id):
        return ""
    said = (kind + delivery_id).encode()
    number = int.from_bytes(blake2b(said, key=key, digest_size=_MAC_OCTETS).digest(), "big")
    mac = "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])
    return f"{kind}{delivery_id[:_ID_CHARS].lower()}{mac}{_base32(int(delivery_id[_ID_CHARS + 1 :]))}"


def read_return_path(key: bytes, local: str) -> tuple[str, str] | None:
    """(kind, delivery id) of a local part that was written with this key; None for any other."""
    folded = local.lower() if local.isascii() else ""
    if not _LOCAL.match(folded):
        return None
    kind, number = folded[0], int(folded[_HEAD:].translate(_TO_PYTHON), 32)
    delivery_id = f"{folded[1 : 1 + _ID_CHARS].upper()}.{number:04d}"
    written = write_return_path(key, kind, delivery_id)
    return (kind, delivery_id) if compare_digest(written, folded) else None


def return_address(key: bytes, kind: str, delivery_id: str, host: str) -> str:
    """The whole address; "" where there can be none: no host, an id of another form, too long a name."""
    local = write_return_path(key, kind, delivery_id) if host else ""
    return f"{local}@{host}" if local and len(local) + 1 + len(host) <= _LONGEST_PATH else ""


def _base32(number: int) -> str:
    if number < 1024:
        return _PAIRS[number].removeprefix("0") or "0"
    return _base32(number >> 10) + _PAIRS[number & 1023]
