"""Files and other finished parts of a letter that is being made: type, name, Content-ID and encoding.

A letter in a letter is not encoded (RFC 2046 5.2.1); one that does not fit on SMTP's lines travels as a file.

Public: Part, attachment, embedded, alternative. Raises: Refused (`bad-part`).
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import quote

import msgspec

from posthouse.mail.content_type import parse_content_type
from posthouse.mail.entities import Entity, fits_lines, is_plain, text_entity
from posthouse.mail.fields import one_line
from posthouse.mail.parameters import with_parameters
from posthouse.mail.transfer import encode
from posthouse.model.errors import Refused

LONGEST_NAME = 500
_ANY = "application/octet-stream"
_WORD = r"[!#$%&'*+.^_`{|}~0-9A-Za-z-]+"
_VALUE = rf'(?:{_WORD}|"(?:[^"\\\x00-\x1f\x7f]|\\[ -~])*")'
_is_type = re.compile(rf"{_WORD}/{_WORD}(?: *; *{_WORD}={_VALUE})*(?: *;)? *\Z").match
_has_control = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]").search
_is_content_id = re.compile(r"[ -;=?-~]{1,900}\Z").match
_line_ends = re.compile(rb"\r\n|\r|\n").sub

Parameters = tuple[tuple[str, str], ...]


class Part(msgspec.Struct, frozen=True):
    """A file, or an alternative of the body. `type`: `type/subtype`, with parameters or without. `name`: the
    file name, "" for none. `content_id` with brackets or without. `is_inline`: the HTML shows it."""

    content: bytes
    type: str = _ANY
    name: str = ""
    content_id: str = ""
    is_inline: bool = False


def attachment(part: Part) -> Entity:
    """`part` as a file to keep."""
    return _file(part, "attachment")


def embedded(part: Part) -> Entity:
    """`part` as something that is shown in its place."""
    return _file(part, "inline")


def alternative(part: Part) -> Entity:
    """`part` as another form of the body; UTF-8 text is written as text."""
    type, parameters = _type_of(part)
    given = dict(parameters)
    if part.name:
        given["name"] = _name_of(part)
    more = _content_id(part)
    if type.startswith("text/") and given.get("charset", "utf-8").lower() in ("utf-8", "us-ascii"):
        try:
            made = text_entity(type, part.content.decode(), may_be_raw=True)
        except UnicodeDecodeError:
            pass
        else:
            transfer = made.fields.partition(b"\r\n")[2]
            return Entity(_type_field(type, given | {"charset": "utf-8"}) + transfer + more, made.body)
    return _encoded(part.content, _type_field(type, given), more)


def _file(part: Part, disposition: str) -> Entity:
    type, parameters = _type_of(part)
    name = _name_of(part)
    content = part.content
    if type.startswith("message/"):
        content = _line_ends(b"\r\n", content)
        if is_plain(content):
            return _letter(type, parameters, disposition, part, content, "7bit")
        if type == "message/rfc822" and fits_lines(content):
            return _letter(type, parameters, disposition, part, content, "8bit")
        # RFC 2046 5.2.1: no encoding is allowed there
        content, type, parameters, name = part.content, _ANY, (), name or "message.eml"
    more = _disposition(disposition, name) + _content_id(part)
    return _encoded(content, _type_field(type, dict(parameters)), more)


def _letter(
    type: str, parameters: Parameters, disposition: str, part: Part, content: bytes, transfer: str
) -> Entity:
    fields = (
        _type_field(type, dict(parameters))
        + f"Content-Transfer-Encoding: {transfer}\r\n".encode()
        + _disposition(disposition, _name_of(part))
        + _content_id(part)
    )
    return Entity(fields, (content,), transfer == "8bit")


def _encoded(content: bytes, type_field: bytes, more: bytes) -> Entity:
    fields = type_field + b"Content-Transfer-Encoding: base64\r\n" + more
    return Entity(fields, (encode(content, "base64"),))


def _type_field(type: str, parameters: dict[str, str]) -> bytes:
    return with_parameters(f"Content-Type: {type}", parameters.items())


def _disposition(word: str, name: str) -> bytes:
    return with_parameters(f"Content-Disposition: {word}", [("filename", name)] if name else [])


def _content_id(part: Part) -> bytes:
    """RFC 2392: the same text as in `cid:…`, so beyond ASCII it is written as in an address."""
    id = part.content_id.strip(" \t")
    if id.startswith("<") and id.endswith(">"):
        id = id[1:-1]
    if not id:
        return b""
    if not id.isascii() and not _has_control(id):
        id = "".join(char if char.isascii() else quote(char) for char in id)
    if not _is_content_id(id):
        raise _bad("A Content-ID must be up to 900 characters without line breaks, `<` and `>`")
    return f"Content-ID: <{id}>\r\n".encode()


def _name_of(part: Part) -> str:
    name = part.name
    if len(name) > LONGEST_NAME:
        raise _bad(f"A file name is longer than {LONGEST_NAME} characters")
    if _has_control(name):
        raise _bad("A file name must not hold line breaks or other control characters")
    return one_line(name)


def _type_of(part: Part) -> tuple[str, Parameters]:
    """The type in lower case and its parameters. Raises Refused."""
    found = _read_type(part.type.strip(" ") or _ANY)
    if found is None:
        raise _bad(
            "A content type must read `type/subtype`, in ASCII, with `; name=value` behind it or nothing"
        )
    if found[0].startswith("multipart/"):
        # RFC 2045 6.4: its boundary and its parts are not ours to vouch for
        raise _bad(f"A file cannot be of the type {found[0][:100]}")
    return found


@lru_cache(maxsize=256)
def _read_type(value: str) -> tuple[str, Parameters] | None:
    if len(value) > 1000 or not value.isascii() or not _is_type(value):
        return None
    type, parameters = parse_content_type(value.encode())
    return (type, tuple(parameters.items())) if type else None


def _bad(text: str) -> Refused:
    return Refused(550, "5.6.0", text, reason="bad-part")
