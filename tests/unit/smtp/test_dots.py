"""The end of data, stuffing, and bare line ends, as tables (S1, SRV-30 to SRV-33)."""

from __future__ import annotations

import pytest

from posthouse.smtp.dots import DotReader, dot_stuffed, has_bare_line_end, normalized

BODIES = {
    "empty": (b".\r\n", b"", b""),
    "empty line": (b"\r\n.\r\n", b"\r\n", b""),
    "one line": (b"a\r\n.\r\n", b"a\r\n", b""),
    "commands behind": (b"a\r\n.\r\nQUIT\r\n", b"a\r\n", b"QUIT\r\n"),
    "empty with commands behind": (b".\r\nQUIT\r\n", b"", b"QUIT\r\n"),
    "two ends": (b"a\r\n.\r\n.\r\n", b"a\r\n", b".\r\n"),
    "stuffed first line": (b"..\r\n.\r\n", b".\r\n", b""),
    "stuffed line": (b"a\r\n..b\r\n.\r\n", b"a\r\n.b\r\n", b""),
    "dot with more": (b"a\r\n.b\r\n.\r\n", b"a\r\nb\r\n", b""),
    "only one dot off": (b"...\r\n...\r\n.\r\n", b"..\r\n..\r\n", b""),
    "dots inside": (b"a.\r\nb.c\r\n.\r\n", b"a.\r\nb.c\r\n", b""),
    "bare LF begins no line": (b"a\n.b\r\n.\r\n", b"a\n.b\r\n", b""),
    "LF dot LF": (b"a\n.\nb\r\n.\r\n", b"a\n.\nb\r\n", b""),
    "LF dot CRLF": (b"a\n.\r\nb\r\n.\r\n", b"a\n.\r\nb\r\n", b""),
    "CRLF dot LF": (b"a\r\n.\nb\r\n.\r\n", b"a\r\n\nb\r\n", b""),
    "CR dot CRLF": (b"a\r.\r\nb\r\n.\r\n", b"a\r.\r\nb\r\n", b""),
    "CRLF dot CR": (b"a\r\n.\rb\r\n.\r\n", b"a\r\n\rb\r\n", b""),
    "CRLF dot CR CRLF": (b"a\r\n.\r\r\n.\r\n", b"a\r\n\r\r\n", b""),
    "CRLF NUL dot CRLF": (b"a\r\n\0.\r\n.\r\n", b"a\r\n\0.\r\n", b""),
}


def read(data: bytes, cut: int, limit: int = 1000) -> tuple[DotReader, bytes]:
    reader, buffer = DotReader(limit), bytearray()
    for at in range(0, len(data), cut):
        buffer += data[at : at + cut]
        if not reader.done:
            reader.feed(buffer)
    return reader, bytes(buffer)


@pytest.mark.parametrize(("data", "body", "rest"), BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("cut", [1, 2, 3, 1000])
def test_where_a_body_ends(data: bytes, body: bytes, rest: bytes, cut: int) -> None:
    reader, left = read(data, cut)
    assert reader.done
    assert reader.body() == body
    assert reader.size == len(body)
    assert left == rest


@pytest.mark.parametrize(
    "data", [b"", b".", b".\r", b"a\r\n.\r", b"a\r\n.\n", b"\n.\n", b"\r.\r", b"a\r\n. \r\n"], ids=repr
)
@pytest.mark.parametrize("cut", [1, 1000])
def test_where_it_does_not_end(data: bytes, cut: int) -> None:
    reader, left = read(data, cut)
    assert not reader.done
    assert left == b""


@pytest.mark.parametrize("cut", [1, 7, 10_000])
@pytest.mark.parametrize(
    ("data", "limit", "too_big"),
    [
        (b"12345678\r\n.\r\n", 10, False),
        (b"123456789\r\n.\r\n", 10, True),
        (b"..\r\n" * 100 + b".\r\n", 300, False),
        (b"..\r\n" * 100 + b".\r\n", 299, True),
        (b".\r\n", 0, False),
        (b"x" * 5000 + b"\n.\n" * 100 + b"\r\n.\r\n", 10, True),
    ],
)
def test_the_limit_counts_unstuffed_octets(data: bytes, limit: int, too_big: bool, cut: int) -> None:
    reader, left = read(data, cut, limit)
    assert reader.done
    assert left == b""
    assert reader.too_big is too_big
    assert reader.seen_bytes == len(data)
    assert reader.held_bytes <= limit


@pytest.mark.parametrize("when", [0, 1, 3, 50])
def test_a_discarded_body_still_ends_at_its_end(when: int) -> None:
    data = b"..a\r\n.b\n.\n" * 10 + b"\r\n.\r\nQUIT"
    reader, buffer = DotReader(1000), bytearray(data[:when])
    if when:
        reader.feed(buffer)
    reader.discard()
    for octet in data[when:]:
        buffer.append(octet)
        if not reader.done:
            reader.feed(buffer)
            assert reader.held_bytes <= 5
    assert reader.done
    assert reader.body() == b""
    assert bytes(buffer) == b"QUIT"


STUFFED = {
    "nothing": (b"", b""),
    "no dots": (b"a\r\nb\r\n", b"a\r\nb\r\n"),
    "first": (b".a\r\n", b"..a\r\n"),
    "later": (b"a\r\n.\r\n..b\r\n", b"a\r\n..\r\n...b\r\n"),
    "inside": (b"a.b\r\n", b"a.b\r\n"),
    "first and later": (b".\r\n.\r\n", b"..\r\n..\r\n"),
}


@pytest.mark.parametrize(("body", "stuffed"), STUFFED.values(), ids=STUFFED)
def test_stuffing(body: bytes, stuffed: bytes) -> None:
    assert dot_stuffed(body) == stuffed


def test_a_body_without_leading_dots_is_not_copied() -> None:
    body = b"a\r\nb.\r\n" * 10
    assert dot_stuffed(body) is body


BARE = {
    "none": (b"a\r\nb\r\n", False, b"a\r\nb\r\n"),
    "empty": (b"", False, b""),
    "LF": (b"a\nb\r\n", True, b"a\r\nb\r\n"),
    "CR": (b"a\rb\r\n", True, b"a\r\nb\r\n"),
    "as many of both": (b"a\rb\nc", True, b"a\r\nb\r\nc"),
    "LF CR": (b"a\n\rb", True, b"a\r\n\r\nb"),
    "CR CR LF": (b"a\r\r\nb", True, b"a\r\n\r\nb"),
    "CR LF LF": (b"a\r\n\nb", True, b"a\r\n\r\nb"),
    "CR at the end": (b"a\n\r\n\r", True, b"a\r\n\r\n\r\n"),
}


@pytest.mark.parametrize(("body", "is_bare", "clean"), BARE.values(), ids=BARE)
def test_bare_line_ends(body: bytes, is_bare: bool, clean: bytes) -> None:  # SRV-31
    assert has_bare_line_end(body) is is_bare
    assert normalized(body) == clean
