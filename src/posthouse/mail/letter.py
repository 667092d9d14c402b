"""A letter in raw bytes: where its header fields begin and end, and where its body starts.

Nothing is decoded and nothing is copied: a field is a name and two offsets. A line ends with CRLF only; the
doors refuse or repair anything else before it comes here, and a stray CR, LF or NUL is carried as it is.

The header ends at the first empty line or, where that is missing, before the first line that is neither a
field nor the continuation of one (RFC 5322 section 4 asks for leniency; whoever sends such a letter on puts
the empty line in, so that every later reader cuts at the same place). White space before the colon is
accepted (4.5.8), a field name is one or more of the printable ASCII characters without colon and space.
A `From ` line of an mbox file is stepped over at the very top, or below one leading Received field (ours).

Public names: Letter, Field, BadLetter, parse, without, unfolded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import msgspec

HEADER_BYTES_MAX = 1 << 20
FIELDS_MAX = 10_000

# One field with all its continuation lines. No input makes it backtrack (S11): the loop ends only where the
# last part matches. The loop itself is not possessive: such groups match wrongly before Python 3.11.5.
_match_field = re.compile(
    rb"([!-9;-~]++)[ \t]*+:"  # name, obsolete white space, colon
    rb"[^\r]*+(?:\r(?!\n(?![ \t]))[^\r]*+)*"  # up to the CRLF that no white space follows
    rb"(?:\r\n|\Z)"
).match
_MBOX_LINE = (b"From ", b">From ")


class BadLetter(ValueError):
    """The header is past our limits (MSG-11); the text says which and quotes nothing of the letter."""


class Field(msgspec.Struct, gc=False):
    """`name` in lower case without white space; `raw[start:end]` is the whole field with its last CRLF
    (which only a letter that ends inside its header may lack)."""

    name: bytes
    start: int
    end: int


@dataclass(slots=True)
class Letter:
    """`fields` in order of appearance. `body_at` is the offset of the first body octet, after the empty line,
    or len(raw) when there is no body. `is_whole`: `raw[:header_end]` is exactly the fields."""

    raw: bytes
    fields: list[Field]
    header_end: int
    body_at: int
    is_whole: bool
    names: list[bytes] = field(init=False, repr=False, compare=False)
    """Those of the fields."""

    def __post_init__(self) -> None:
        self.names = [each.name for each in self.fields]

    @property
    def body(self) -> bytes:
        return self.raw[self.body_at :]

    def value(self, field: Field) -> bytes:
        """The unfolded value: raw octets without line ends and outer white space."""
        return unfolded(self.raw[self.raw.index(b":", field.start) + 1 : field.end])

    def first(self, name: bytes) -> bytes | None:
        """The unfolded value of the topmost field of that (lower-case) name."""
        if name not in self.names:
            return None
        found = self.fields[self.names.index(name)]  # HOT: `value` without its calls
        value = self.raw[self.raw.index(b":", found.start) + 1 : found.end]
        return value.replace(b"\r\n", b"").strip(b" \t")

    def all(self, name: bytes) -> list[bytes]:
        """The unfolded values of all fields of that name, from the top."""
        return [self.value(field) for field in self.fields if field.name == name]

    def count(self, name: bytes) -> int:
        """How many fields of that (lower-case) name."""
        return self.names.count(name)


def parse(raw: bytes, *, most_bytes: int = HEADER_BYTES_MAX, most_fields: int = FIELDS_MAX) -> Letter:
    """Any octets -> Letter. Raises BadLetter when the header is over `most_bytes` or `most_fields`."""
    fields: list[Field] = []
    end = _collect(raw, 0, fields, most_bytes, most_fields)
    is_whole = True
    if len(fields) < 2 and raw.startswith(_MBOX_LINE, end):
        after = _after_mbox_line(raw, end, fields)
        if after:
            is_whole = False
            end = _collect(raw, after, fields, most_bytes, most_fields)
    body_at = end + 2 if raw.startswith(b"\r\n", end) else end
    return Letter(raw, fields, end, body_at, is_whole)


def without(letter: Letter, names: frozenset[bytes]) -> bytes:
    """The header's octets without the fields of those (lower-case) names, ending with CRLF unless empty."""
    raw = letter.raw
    if letter.is_whole and names.isdisjoint([field.name for field in letter.fields]):
        return closed(raw[: letter.header_end])
    return closed(
        b"".join([raw[field.start : field.end] for field in letter.fields if field.name not in names])
    )


def unfolded(value: bytes) -> bytes:
    """A field's value on one line (RFC 5322 2.2.3: only the CRLF goes), outer white space removed."""
    return value.replace(b"\r\n", b"").strip(b" \t")


def closed(text: bytes) -> bytes:
    """`text` with a final CRLF, unless it is empty."""
    return text if not text or text.endswith(b"\r\n") else text + b"\r\n"


def _collect(raw: bytes, at: int, fields: list[Field], most_bytes: int, most_fields: int) -> int:
    """Append the fields that begin at offset `at`; the offset behind the last of them."""
    for _ in range(len(fields), most_fields):
        match = _match_field(raw, at, most_bytes)  # cut there: a header without end must not be read whole
        if match is None:
            break
        end = match.end()
        fields.append(Field(match[1].lower(), at, end))
        at = end
    else:
        if _match_field(raw, at, most_bytes):
            raise BadLetter(f"the header has more than {most_fields} fields")
    if len(raw) > most_bytes and (at >= most_bytes or _match_field(raw, at)):
        raise BadLetter(f"the header is longer than {most_bytes} octets")
    return at


def _after_mbox_line(raw: bytes, at: int, fields: list[Field]) -> int:
    """The offset behind the mbox line at `at`, or 0 if that line is rather the beginning of a body.

    Only a line that a field follows is taken for one: dropping a sentence that begins with `From` would
    lose text.
    """
    if fields and fields[0].name != b"received":
        return 0
    end = raw.find(b"\r\n", at) + 2
    return end if end > 1 and _match_field(raw, end, end + 1000) else 0
