"""mail.part_text: charsets and encodings of parts that change, and of those that do not."""

from __future__ import annotations

import pytest

from posthouse.mail.letter import parse
from posthouse.mail.part_text import opened, ready_for_values, with_encoding, with_text
from posthouse.mail.parts import text_parts
from posthouse.model.options import Block, RecipientOptions, SendOptions
from unit.mail.copies import FROM, made


def source_of(fields: bytes, body: bytes):  # type: ignore[no-untyped-def]
    raw = FROM + b"MIME-Version: 1.0\r\n" + fields + b"\r\n" + body
    return opened(raw, text_parts(parse(raw))[0])


# (charset, octets, text, is it worked on as UTF-8?)
CHARSETS = {
    "utf-8": ("utf-8", "é日".encode(), "é日", True),
    "latin-1": ("ISO-8859-1", b"\xe9", "é", False),
    "windows": ("windows-1252", b"\x80", "€", False),
    "hole in windows": ("windows-1252", b"\x81", "\udc81", True),
    "japanese": ("iso-2022-jp", b"\x1b$BF|K\\\x1b(B", "日本", True),
    "shift-jis": ("shift_jis", b"\x93\xfa\x83\x5c", "日ソ", True),
    "unknown": ("x-unknown", b"a\xff", "a\udcff", True),
    "dangerous name": ("unicode_escape", b"\\x41", "\\x41", True),
    "undeclared UTF-8": ("", "é".encode(), "é", True),
}


@pytest.mark.parametrize(("charset", "octets", "text", "is_utf8"), CHARSETS.values(), ids=CHARSETS)
def test_texts_are_read(charset: str, octets: bytes, text: str, is_utf8: bool) -> None:
    named = f"; charset={charset}" if charset else ""
    source = source_of(
        f"Content-Type: text/plain{named}\r\nContent-Transfer-Encoding: 8bit\r\n".encode(), octets
    )
    assert source is not None
    assert source.text == text
    assert (source.codec == "utf-8") is is_utf8


def test_what_cannot_be_read_is_left_alone() -> None:
    head = b"Content-Type: text/plain; charset=utf-16\r\nContent-Transfer-Encoding: base64\r\n"
    assert source_of(head, b"YWJj") is None  # half a character
    assert source_of(head, b"a") is None  # half an octet
    copy = made(
        FROM + b"MIME-Version: 1.0\r\n" + head + b"\r\nYWJj\r\n",
        SendOptions(verbatim=("c",), blocks=(Block(text="x"),)),
        RecipientOptions(values=("d",)),
    )
    assert copy.prepared.body == b"YWJj\r\n"


def test_utf16_becomes_utf8_where_it_changes() -> None:
    body = "Hi -a- 日".encode("utf-16")
    head = b"Content-Type: text/plain; charset=utf-16\r\nContent-Transfer-Encoding: base64\r\n"
    import base64

    raw = FROM + b"MIME-Version: 1.0\r\n" + head + b"\r\n" + base64.encodebytes(body).replace(b"\n", b"\r\n")
    copy = made(raw, SendOptions(verbatim=("-a-",)), RecipientOptions(values=("é",)))
    assert copy.plain == "Hi é 日"
    unchanged = made(raw, SendOptions(verbatim=("-b-",)), RecipientOptions(values=("é",)))
    assert unchanged.prepared.body == raw.partition(b"\r\n\r\n")[2]


def test_offsets_in_any_charset() -> None:
    source = source_of(b"Content-Type: text/plain; charset=utf-8\r\n", "aé日😀b".encode())
    assert source is not None
    assert source.offsets([0, 1, 2, 3, 4, 5]) == [0, 1, 3, 6, 10, 11]


def test_an_unchanged_text_is_the_same_source() -> None:
    source = source_of(b"Content-Type: text/plain\r\n", b"abc")
    assert source is not None
    assert with_text(source, "abc") is source
    changed = with_text(source, "é\nb\0")
    assert (changed.octets, changed.charset, changed.transfer) == (
        "é\r\nb".encode(),
        "utf-8",
        "quoted-printable",
    )


def test_octets_of_no_charset_are_not_called_utf8() -> None:
    source = source_of(b"Content-Type: text/plain\r\n", b"a\xff")
    assert source is not None
    assert ready_for_values(source).charset == ""


# (fields, charset, transfer, fields)
DECLARED = {
    "parameters stay": (
        b'Content-Type: text/plain; CHARSET="us-ascii"; format=flowed;\r\n x="a b"\r\n',
        b'Content-Type: text/plain; charset=utf-8;\r\n format=flowed;\r\n x="a b"\r\n',
    ),
    "no fields": (
        b"",
        b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n",
    ),
    "order stays": (
        b"Content-Transfer-Encoding: 7bit\r\nX: y\r\nContent-Type: text/html\r\n",
        b"Content-Transfer-Encoding: quoted-printable\r\nX: y\r\nContent-Type: text/html; charset=utf-8\r\n",
    ),
    "doubles go": (
        b"Content-Type: text/html\r\nContent-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: 7bit\r\n",
        b"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n",
    ),
}


@pytest.mark.parametrize(("fields", "wanted"), DECLARED.values(), ids=DECLARED)
def test_declared_anew(fields: bytes, wanted: bytes) -> None:
    found = with_encoding(parse(fields), "utf-8", "quoted-printable")
    if b"Encoding" in fields or not fields:
        assert found == wanted
    else:
        assert found == wanted + b"Content-Transfer-Encoding: quoted-printable\r\n"


def test_lines_that_would_be_too_long_are_encoded() -> None:
    raw = FROM + b"MIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n" + b"<p>x</p>" * 120
    copy = made(raw, SendOptions(blocks=(Block(html="y" * 200),)))
    assert copy.html == "<p>x</p>" * 120 + "y" * 200
    assert max(map(len, copy.whole.split(b"\r\n"))) <= 998
