"""multipart/form-data (RFC 7578), read from the octets of a whole body.

Nothing is guessed: a form that two programs could read in two ways is refused with what is wrong with it.
Each content is copied once.

Public: parse_multipart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from posthouse.doors.api.forms import MOST_FIELDS, Form, Upload, bad_form, text_of
from posthouse.mail.content_type import parse_content_type

_MOST_HEAD_BYTES = 8192
_MOST_HEAD_LINES = 50
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]\Z")  # RFC 2046 5.1.1
_match_padding = re.compile(rb"[ \t]*+\r\n").match
_match_disposition = re.compile(rb"\s*form-data\s*(?=;|\Z)", re.IGNORECASE).match
_match_parameter = re.compile(
    rb';\s*([!#$%&\'+.^_`|~0-9A-Za-z-]+\*?)\s*=\s*(?:"((?:[^"\\]|\\.)*+)"|([^\s;"]+))\s*'
).match
_unescape = re.compile(rb'\\(["\\])').sub
_escapes = re.compile(rb"%(?:22|0[DdAa])").sub
_PLAIN = {"": "utf-8", "utf-8": "utf-8", "us-ascii": "ascii", "iso-8859-1": "latin-1"}
_CHARSETS = {**_PLAIN, "utf8": "utf-8", "iso-8859-15": "iso-8859-15", "windows-1252": "cp1252"}
_AS_IT_IS = (b"", b"7bit", b"8bit", b"binary")


def parse_multipart(body: bytes, boundary: str) -> Form:
    """Raises Problem (400, `bad-form`)."""
    if not _BOUNDARY.match(boundary):
        raise bad_form("its Content-Type names no valid boundary")
    form = Form()
    begin = -1
    for number, (end, following) in enumerate(_delimiters(body, boundary.encode())):
        if number > MOST_FIELDS:
            raise bad_form(f"it has more than {MOST_FIELDS} parts")
        if begin >= 0:  # what stands before the first boundary means nothing (RFC 2046 5.1.1)
            _take(form, body, begin, end - 2)
        begin = following
    return form


def _delimiters(body: bytes, boundary: bytes) -> Iterator[tuple[int, int]]:
    """(where the line with a boundary begins, where the next part begins), -1 for the latter behind the last
    part. A line that only begins like a boundary is content."""
    mark = b"--" + boundary
    at = body.find(mark)
    while at >= 0:
        end = at + len(mark)
        if at == 0 or body[at - 2 : at] == b"\r\n":
            if body.startswith(b"--", end):
                yield at, -1
                return
            if padding := _match_padding(body, end):
                yield at, padding.end()
        at = body.find(mark, end)
    raise bad_form("it ends before its last boundary")


def _take(form: Form, body: bytes, begin: int, end: int) -> None:
    """One part, between its boundaries without the line ends that belong to these."""
    head_end = body.find(b"\r\n\r\n", begin, min(end, begin + _MOST_HEAD_BYTES))
    if head_end < 0:
        raise bad_form(
            f"a part has no header of at most {_MOST_HEAD_BYTES} bytes with an empty line behind it"
        )
    disposition, content_type, encoding = _head(body[begin:head_end])
    name, filename = _names(disposition)
    if encoding.strip().lower() not in _AS_IT_IS:  # RFC 7578 4.7: senders should not
        raise bad_form(f"the part {_shown(name)} has a Content-Transfer-Encoding; send it as it is")
    content = body[head_end + 4 : end]
    kind, parameters = parse_content_type(content_type) if content_type else ("", {})
    if filename is not None or not _is_text(kind):
        form.files.append(Upload(name, filename or "", kind, content))
        return
    charset = _CHARSETS.get(parameters.get("charset", "").lower())
    if charset is None:
        raise bad_form(f"the field {_shown(name)} has a charset that is not known here; use UTF-8")
    form.fields.append((name, text_of(content, f"the field {_shown(name)}", charset)))


def _is_text(kind: str) -> bool:
    return kind.startswith("text/") or kind in ("", "application/json")


def _head(octets: bytes) -> tuple[bytes, bytes, bytes]:
    """(Content-Disposition, Content-Type, Content-Transfer-Encoding) of a part."""
    found = {b"content-disposition": b"", b"content-type": b"", b"content-transfer-encoding": b""}
    lines = octets.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ").split(b"\r\n")
    if len(lines) > _MOST_HEAD_LINES:
        raise bad_form(f"a part has more than {_MOST_HEAD_LINES} lines in its header")
    for line in lines:
        name, colon, value = line.partition(b":")
        name = name.lower()
        if not colon or b"\n" in line or b"\r" in line or b"\0" in line:
            raise bad_form("a part has a line in its header that is none")
        if name in found:
            if found[name]:
                raise bad_form(f"a part has two {name.decode()} fields")
            found[name] = value.strip()
    disposition, content_type, encoding = found.values()
    return disposition, content_type, encoding


def _names(disposition: bytes) -> tuple[str, str | None]:
    """The field's name and the file's, None for no file."""
    match = _match_disposition(disposition)
    found: dict[bytes, bytes] = {}
    while match is not None and match.end() < len(disposition):
        match = _match_parameter(disposition, match.end())
        if match is not None:
            name, quoted, word = match.groups()
            if found.setdefault(name.lower(), value := quoted if word is None else word) is not value:
                raise bad_form("a part names something twice in its Content-Disposition")
    if match is None or b"name" not in found:
        raise bad_form('a part has no Content-Disposition of the form: form-data; name="field"')
    name_text = text_of(_plain(found[b"name"]), "the name of a field")
    if extended := found.get(b"filename*"):
        return name_text, _extended(extended)
    filename = found.get(b"filename")
    return name_text, None if filename is None else text_of(_plain(filename), "a file name")


def _plain(value: bytes) -> bytes:
    """Programs write a quotation mark as `\\"` or as `%22`, and line ends as `%0D%0A` (RFC 7578 2 and HTML's
    "multipart form data"). Other percent signs stand for themselves, as do other backslashes."""
    if b"\\" in value:
        value = _unescape(rb"\1", value)
    return _escapes(lambda found: unquote_to_bytes(found[0]), value) if b"%" in value else value


def _extended(value: bytes) -> str:
    """`UTF-8''na%C3%AFve.txt` (RFC 8187). RFC 7578 4.2 forbids it in forms, but old libraries write it."""
    charset, _, rest = value.partition(b"'")
    _, quote, octets = rest.partition(b"'")
    known = _CHARSETS.get(charset.decode("latin-1").lower())
    if not quote or not known or not charset:
        raise bad_form("a file name is not of the form UTF-8''name")
    return text_of(unquote_to_bytes(octets), "a file name", known)


def _shown(name: str) -> str:
    return name[:100]
