"""Forms: the fields and files of a call, and how those of an urlencoded one are read.

Public: Form, Upload, parse_urlencoded, text_of, bad_form, MOST_FIELDS.
"""

from __future__ import annotations

import re
from binascii import a2b_qp
from dataclasses import dataclass, field

from posthouse.doors.api.answers import Problem

MOST_FIELDS = 10_000
_is_list = re.compile(r"\[\d{0,6}\]")
_QUOTED_PRINTABLE = bytes.maketrans(b"%+", b"= ")


@dataclass(frozen=True, slots=True)
class Upload:
    """A part of a form that has a file name, or a type that is no text. `type` in lower case without
    parameters, "" when the client named none."""

    name: str
    filename: str
    type: str
    content: bytes


@dataclass(slots=True)
class Form:
    """Fields and files in the order in which they came; a name may occur several times."""

    fields: list[tuple[str, str]] = field(default_factory=list)
    files: list[Upload] = field(default_factory=list)

    def get(self, name: str, default: str = "") -> str:
        """The last value of a field."""
        return next((value for key, value in reversed(self.fields) if key == name), default)

    def all(self, name: str) -> list[str]:
        """All values of a field, also of `name[]` and `name[0]`, as PHP and others write lists."""
        # HOT: hardly a name is a list's
        return [
            value
            for key, value in self.fields
            if key == name
            or (key.endswith("]") and _is_list.fullmatch(key, len(name)) and key.startswith(name))
        ]

    def __contains__(self, name: str) -> bool:
        return any(key == name for key, _ in self.fields)


def bad_form(why: str) -> Problem:
    return Problem(400, "bad-form", f"The form cannot be read: {why}")


def parse_urlencoded(body: bytes) -> Form:
    """As WHATWG URL 5.1 says, but strict: what is not UTF-8 is refused. Raises Problem (400, `bad-form`)."""
    if body.count(b"&") >= MOST_FIELDS:
        raise bad_form(f"it has more than {MOST_FIELDS} fields")
    pairs = []
    for pair in body.split(b"&"):
        if pair:
            name, _, value = pair.partition(b"=")
            pairs.append((_decoded(name), _decoded(value)))
    return Form(pairs)


def _decoded(octets: bytes) -> str:
    """Percent sequences and UTF-8. A letter has thousands of these sequences, so they are decoded in C: with
    another sign in front they are those of quoted-printable."""
    if b"%" in octets:
        plain = a2b_qp(octets.replace(b"=", b"=3D").translate(_QUOTED_PRINTABLE))
        # each sequence is two octets shorter now, or it was none; a line end behind `=` has a meaning there
        if len(plain) != len(octets) - 2 * octets.count(b"%") or _breaks_sequence(octets):
            raise bad_form("a % is not followed by two hex digits")
        octets = plain
    elif b"+" in octets:
        octets = octets.replace(b"+", b" ")
    return text_of(octets, "a field")


def _breaks_sequence(octets: bytes) -> bool:
    if b"\n" not in octets and b"\r" not in octets:  # as in nearly all forms, and quickly told
        return False
    return b"%\n" in octets or b"%\r" in octets


def text_of(octets: bytes, what: str, charset: str = "utf-8") -> str:
    """Raises Problem for what is not text; no store takes the character U+0000."""
    try:
        text = octets.decode(charset)
    except UnicodeDecodeError as error:
        raise bad_form(f"{what} is not in {charset.upper()}") from error
    if "\0" in text:
        raise bad_form(f"{what} has the character U+0000")
    return text
