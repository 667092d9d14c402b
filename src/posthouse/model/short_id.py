"""A message's id in 22 characters: what some services' customers are used to see.

Our ids are 26 characters of Crockford base 32 whose first is 0 to 7, that is 128 bits; the short form is the
same number in base64url (RFC 4648 section 5) without padding. Each form gives back the other.

Public: short_id, long_id.
"""

from __future__ import annotations

import base64
import re

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TO_PYTHON = str.maketrans(_ALPHABET, "0123456789abcdefghijklmnopqrstuv")  # the digits of int(text, 32)
_LONG = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}\Z")
_SHORT = re.compile(r"[A-Za-z0-9_-]{21}[AQgw]\Z")  # the last one carries two bits only


def short_id(id: str) -> str:
    """26 characters -> 22. Raises ValueError for anything that is no id of ours."""
    if not _LONG.match(id):
        raise ValueError("not an id: 26 characters of Crockford base 32 are needed")
    number = int(id.translate(_TO_PYTHON), 32)
    return base64.urlsafe_b64encode(number.to_bytes(16, "big"))[:22].decode("ascii")


def long_id(short: str) -> str:
    """The reverse. Raises ValueError."""
    if not _SHORT.match(short):
        raise ValueError("not a short id: 22 characters of base64url are needed")
    number = int.from_bytes(base64.urlsafe_b64decode(short + "=="), "big")
    return "".join([_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5)])
