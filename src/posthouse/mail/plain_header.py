"""Header text outside ASCII as encoded words, for letters that need SMTPUTF8 for nothing else.

Go's net/smtp asks for SMTPUTF8 with every letter, and programs write their Subject as it is. Kept so, the
letter could go to no host without that extension (RFC 6531 3.2); a submission server may mend it (RFC 6409
8). What is read is the text that people see; a field that a program reads stays as it is.

Public: in_plain_words.
"""

from __future__ import annotations

import re

from posthouse.mail.addresses import parse_mailboxes
from posthouse.mail.fields import ADDRESS_FIELDS, address_field, text_field
from posthouse.mail.letter import Letter, closed
from posthouse.mail.words import MAX_BYTES, decode_words
from posthouse.model.address import BadAddress

_TEXTS = frozenset({b"subject", b"comments", b"keywords", b"organization", b"thread-topic"})
# Mailboxes and nothing else: `parse_mailboxes` reads over comments and over groups without members.
_is_bare = re.compile(rb'(?:[^"(;]++|"(?:[^"\\]++|\\.)*")*', re.DOTALL).fullmatch


def in_plain_words(letter: Letter) -> bytes:
    """The letter's octets, its header in ASCII as far as it can be; the very same where nothing is to do. A
    letter that its author signed is not touched."""
    raw = letter.raw
    if not letter.is_whole or raw[: letter.header_end].isascii() or letter.count(b"dkim-signature"):
        return raw
    lines = []
    for field in letter.fields:
        octets = raw[field.start : field.end]
        lines.append(octets if octets.isascii() else _plain(field.name, octets, letter.value(field)))
    return closed(b"".join(lines)) + raw[letter.header_end :]


def _plain(name: bytes, octets: bytes, value: bytes) -> bytes:
    title = octets.partition(b":")[0].strip().decode("ascii")
    if len(value) > MAX_BYTES or not _is_utf8(value):
        return octets
    if name in _TEXTS:
        return text_field(title, decode_words(value))
    return _addresses(title, value) or octets if name in ADDRESS_FIELDS else octets


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _addresses(title: str, value: bytes) -> bytes:
    """b"" for what cannot be written so: an address outside ASCII, a comment, a group, an obsolete form."""
    if not _is_bare(value):
        return b""
    try:
        found = parse_mailboxes(value)
    except BadAddress:
        return b""
    if any(each.is_obsolete or each.address.needs_utf8 for each in found):
        return b""
    return address_field(title, [(decode_words(each.name.encode()), each.address) for each in found])
