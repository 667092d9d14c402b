"""Header fields written strictly: whatever text comes in, one field comes out (S4).

Line breaks become a space and other control characters go, before anything else is done. What is not plain
ASCII travels in encoded words (RFC 2047), UTF-8, whole characters, at most 75 columns each. Lines are folded
at blanks towards 76 columns and never pass 998 (RFC 5322 2.1.1). Address fields are written from parsed
mailboxes, so a display name cannot become an address.

Public: text_field, address_field, shown_mailbox, one_line, is_field_name, ADDRESS_FIELDS.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence

from posthouse.model.address import Address

ADDRESS_FIELDS = frozenset(
    {
        b"from",
        b"sender",
        b"reply-to",
        b"to",
        b"cc",
        b"resent-from",
        b"resent-sender",
        b"resent-to",
        b"resent-cc",
        b"resent-reply-to",
        b"disposition-notification-to",
    }
)
MAX_CHARS = 100_000  # of a value; more is cut

_LINE = 76  # RFC 2047 2, for lines with encoded words; RFC 5322 2.1.1 would have 78
_LONG_WORD = 700  # octets without a blank that may stand on one line with a field's name
_WIDE_GAP = " " * 50  # a line cannot be folded within it
_WORD_ROOM = 75 - len("=?utf-8?q??=")  # RFC 2047 2
_is_field_name = re.compile(r"[!-9;-~]{1,200}\Z").match
_BREAKS = re.compile("[\r\n\v\f\x85\u2028\u2029]+")
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]++"
_is_phrase = re.compile(rf"{_ATOM}(?: {_ATOM})*\Z").match
_NOT_Q = re.compile(rb"[^A-Za-z0-9!*+/-]")  # RFC 2047 5 (3): what a phrase may hold is allowed everywhere
_Q_CODES = [b"=%02X" % octet for octet in range(256)]
_Q_CODES[0x20] = b"_"


def text_field(name: str, text: str) -> bytes:
    """`Name: text` with CRLF; an empty text gives `Name:` and a blank."""
    text = one_line(text)
    if text.isascii() and "=?" not in text:
        if len(name) + len(text) + 2 <= _LINE:
            return f"{name}: {text}\r\n".encode()
        words = text.split(" ")
        if max(map(len, words)) <= _LONG_WORD and _WIDE_GAP not in text:
            return _folded(f"{name}:", words)
    return _folded(f"{name}:", _encoded_words(text, len(name) + 2))


def address_field(name: str, mailboxes: Sequence[tuple[str, Address | str]]) -> bytes:
    """`Name: "A, B" <a@b.example>, …` with CRLF; each mailbox is (display name, address in wire form)."""
    words: list[str] = []
    for number, (shown, address) in enumerate(mailboxes, 1):
        words += _mailbox_words(shown, str(address), 0 if words else len(name) + 2)
        if number < len(mailboxes):
            words[-1] += ","
    line = f"{name}: {' '.join(words)}\r\n"
    return line.encode() if len(line) <= _LINE + 2 else _folded(f"{name}:", words)


def shown_mailbox(name: str, address: str) -> str:
    """`"Bob" <bob@b.example>` as people read it; just the address without a name."""
    return f"{_quoted(one_line(name))} <{address}>" if name else address


def one_line(text: str) -> str:
    """`text` without line breaks (a space each run), controls, direction marks and lone surrogates."""
    if text.isascii() and text.isprintable():
        return text[:MAX_CHARS].strip()
    return _CONTROLS.sub("", _BREAKS.sub(" ", text[:MAX_CHARS])).replace("\t", " ").strip()


def is_field_name(name: str) -> bool:
    """RFC 5322 3.6.8, at most 200 characters."""
    return bool(_is_field_name(name))


def _mailbox_words(name: str, address: str, taken: int) -> list[str]:
    """The words of one mailbox; between them a line may be folded. `taken` columns are before the first."""
    name = one_line(name)
    if not name:
        return [address]
    if not name.isascii() or "=?" in name or len(name) > _LONG_WORD:
        return [*_encoded_words(name, taken), f"<{address}>"]
    return [name if _is_phrase(name) else _quoted(name), f"<{address}>"]


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _folded(opening: str, words: Sequence[str]) -> bytes:
    """`words` behind `opening`, a line break before each word that would pass the column."""
    lines: list[str] = []
    line = opening
    for number, word in enumerate(words):
        # an empty word (two blanks in a row) must not begin a line: that line could be all blank (2.2.3)
        if word and number and len(line) + 1 + len(word) > _LINE:
            lines.append(line)
            line = ""
        line += " " + word
    lines.append(line)
    return ("\r\n".join(lines) + "\r\n").encode()


def _encoded_words(text: str, taken: int) -> list[str]:
    """`text` as encoded words in the shorter of the two encodings; the first leaves `taken` columns free."""
    octets = text.encode("utf-8", "replace")
    escaped = len(_NOT_Q.findall(octets)) - octets.count(b" ")
    is_q = escaped * 6 < len(octets)
    room = max(12, _WORD_ROOM - taken)
    if 0 < (len(octets) + 2 * escaped if is_q else -(-len(octets) // 3) * 4) <= room:
        return [_word(octets, is_q)]
    words: list[str] = []
    run, used = b"", 0
    for char in text:
        char_octets = char.encode("utf-8", "replace")
        cost = len(_q(char_octets)) if is_q else len(char_octets)
        if run and (used + cost if is_q else -(-(used + cost) // 3) * 4) > room:
            words.append(_word(run, is_q))
            run, used, room = b"", 0, _WORD_ROOM
        run += char_octets
        used += cost
    if run:
        words.append(_word(run, is_q))
    return words


def _word(octets: bytes, is_q: bool) -> str:
    encoded = _q(octets) if is_q else b64encode(octets)
    return f"=?utf-8?{'q' if is_q else 'b'}?{encoded.decode()}?="


def _q(octets: bytes) -> bytes:
    return _NOT_Q.sub(lambda match: _Q_CODES[match[0][0]], octets)
