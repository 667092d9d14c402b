"""Addresses in running text.

Public: addresses_in, find_addresses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from posthouse.mail.dsn_fields import clean_address

# The look-behind lets a match begin at the first character of a run only: linear (S11).
_LOCAL = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~.-"
_ADDRESS = re.compile(
    rf"(?<![@{_LOCAL}])([{_LOCAL}]{{1,100}}+|\"[^\"@\n]{{1,64}}\")@((?:[A-Za-z0-9_-]{{1,63}}+\.)+[A-Za-z0-9-]{{2,63}})"
)


def find_addresses(text: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, address) of each in the form of `model.address`."""
    for match in _ADDRESS.finditer(text):
        address = clean_address(match[0].lstrip("'`=/*.|"))
        if address:
            yield match.start(), match.end(), address


def addresses_in(text: str) -> list[str]:
    """All of them once, in order."""
    return list(dict.fromkeys(address for _, _, address in find_addresses(text)))
