"""Any octets: mail.parts, holes and compose keep what lies outside of the holes, and never raise."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from posthouse.mail.canon import relaxed_body, relaxed_lines
from posthouse.mail.compose import with_texts
from posthouse.mail.content_type import parameters, parse_content_type
from posthouse.mail.holes import cut
from posthouse.mail.letter import parse
from posthouse.mail.parts import text_parts
from posthouse.mail.text_links import links
from posthouse.mail.transfer import decode, encode

TEXTS = st.lists(
    st.one_of(
        st.sampled_from(
            [
                b"\r\n",
                b"\r",
                b"\n",
                b" ",
                b"  ",
                b"\t",
                b"=",
                b"=3D",
                b"=\r\n",
                b" \r\n",
                b"=e4",
                b".",
                b"~",
                b"\0",
            ]
        ),
        st.sampled_from([b"word", b"x" * 70, b"x" * 76, b"\xc3\xa4" * 5, b"\xff", b"y" * 1000]),
        st.binary(max_size=6),
    ),
    max_size=20,
).map(b"".join)
TRANSFERS = st.sampled_from(["7bit", "8bit", "quoted-printable", "base64"])
LINE_END = re.compile(rb"\r\n|\r|\n")
BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n|\0")


def cuts(draw: st.DrawFn, length: int) -> list[tuple[int, int]]:
    at = sorted(draw(st.lists(st.integers(0, length), max_size=12)))
    at = at[: len(at) - len(at) % 2]
    return list(zip(at[::2], at[1::2], strict=True))


@st.composite
def holed(draw: st.DrawFn) -> tuple[bytes, bytes, str, list[tuple[int, int]]]:
    """(encoded, decoded, transfer, holes); the encoding is ours or anybody's."""
    transfer = draw(TRANSFERS)
    encoded = draw(TEXTS)
    decoded = decode(encoded, transfer)
    if decoded is None or transfer == "base64":
        decoded = encoded
        encoded = encode(decoded, transfer)
    return encoded, decoded, transfer, cuts(draw, len(decoded))


@given(holed())
def test_the_original_octets_give_the_original_text(
    made: tuple[bytes, bytes, str, list[tuple[int, int]]],
) -> None:
    encoded, decoded, transfer, holes = made
    values = [decoded[start:end] for start, end in holes]
    result = cut(encoded, decoded, transfer, holes, [len(value) for value in values])
    wire, relaxed = result.fill(values)
    body = b"".join(wire)
    assert relaxed_body(b"".join(relaxed)) == relaxed_body(body)
    again = decode(body, result.transfer)
    assert again is not None
    if not any(BARE.search(value) for value in values):  # those are repaired on the way
        assert again == decoded


@given(holed(), st.data())
def test_any_values_leave_whole_lines_and_no_bare_line_ends(
    made: tuple[bytes, bytes, str, list[tuple[int, int]]], data: st.DataObject
) -> None:
    encoded, decoded, transfer, holes = made
    values = [data.draw(TEXTS) for _ in holes]
    result = cut(encoded, decoded, transfer, holes, [100] * len(holes))
    wire, relaxed = result.fill(values)
    body = b"".join(wire)
    assert relaxed_body(b"".join(relaxed)) == relaxed_body(body)
    if not BARE.search(encoded):
        assert not BARE.search(body)
    if result.transfer == "quoted-printable" and all(len(line) <= 76 for line in encoded.split(b"\r\n")):
        assert all(len(line) <= 76 for line in body.split(b"\r\n"))


@given(TEXTS)
@example(b"a\r\n" + b"=" * 80)
def test_encodings_are_reversible(text: bytes) -> None:
    for transfer in ("quoted-printable", "base64"):
        encoded = encode(text, transfer)
        assert decode(encoded, transfer) == text
        assert all(len(line) <= 76 for line in encoded.split(b"\r\n"))
        assert encoded.isascii()


@given(TEXTS, TEXTS)
def test_relaxed_lines_are_relaxed_piece_by_piece(first: bytes, second: bytes) -> None:
    first += b"\r\n"
    assert relaxed_lines(first) + relaxed_lines(second) == relaxed_lines(first + second)
    assert relaxed_body(relaxed_lines(first + second)) == relaxed_body(first + second)


LINES = st.lists(
    st.one_of(
        st.sampled_from(
            [
                b"Content-Type: multipart/mixed; boundary=B",
                b"Content-Type: multipart/alternative; boundary=C",
                b'Content-Type: multipart/related;\r\n boundary="B"; boundary*=C',
                b"Content-Type: text/html; charset=utf-8",
                b"Content-Type: text/plain; charset*0=a; charset*1=b",
                b"Content-Type: multipart/signed; boundary=C",
                b"Content-Transfer-Encoding: base64",
                b"Content-Transfer-Encoding: quoted-printable",
                b"Content-Disposition: attachment",
                b"Content-Disposition: inline; filename*0=x",
                b"",
                b"",
                b"--B",
                b"--B--",
                b"--C",
                b"--C-- ",
                b"--B ",
                b"text",
                b"\xff\r=",
            ]
        ),
        st.binary(max_size=8),
    ),
    max_size=30,
).map(b"\r\n".join)


@given(LINES)
def test_parts_of_any_letter_lie_within_it_in_order(raw: bytes) -> None:
    letter = parse(raw)
    at = letter.body_at
    for part in text_parts(letter):
        assert 0 <= part.head_start <= part.head_end <= part.start <= part.end <= len(raw)
        assert at <= part.start
        at = part.end
        if part.head_start:  # the offsets alone make the same part again
            again = parse(raw[part.head_start : part.end])
            assert again.header_end == part.head_end - part.head_start


@given(LINES, st.text(max_size=30), st.text(max_size=30))
def test_any_letter_takes_new_texts(raw: bytes, html: str, text: str) -> None:
    made = parse(with_texts(parse(raw), html, text))
    parts = text_parts(made)[:2]
    assert [part.kind for part in parts] == ["plain", "html"]
    for part, expected in zip(parts, (text, html), strict=True):
        octets = decode(made.raw[part.start : part.end], part.transfer)
        assert octets == LINE_END.sub(b"\r\n", expected.encode("utf-8", "replace"))
    assert made.count(b"content-type") == 1


@given(
    st.one_of(
        st.binary(max_size=200),
        st.lists(
            st.sampled_from(
                [
                    b"text/plain",
                    b"a/b",
                    b";",
                    b"(",
                    b")",
                    b"\\",
                    b'"',
                    b"=",
                    b"*0*",
                    b"*1",
                    b"charset",
                    b"boundary",
                    b"%41",
                    b"'",
                    b" ",
                ]
            ),
            max_size=25,
        ).map(b"".join),
    )
)
def test_any_content_type(value: bytes) -> None:
    kind, found = parse_content_type(value)
    assert kind.count("/") == 1 or (kind, found) == ("", {})
    assert all("*" not in name for name in found)
    assert parameters(value)[0] == parameters(value)[0].lower()


@given(
    st.lists(
        st.sampled_from(["http://", "https://a.b/", "(", ")", "[", "}", ".", " ", "\n", "x", "<", "ö", "’"])
    ).map("".join)
)
def test_links_of_any_text(text: str) -> None:
    at = 0
    for start, end in links(text):
        assert at <= start < end
        at = end
        assert text[start:end].startswith("http")
        assert text[end - 1] not in ".’"
        assert not set(text[start:end]) & set(" \n<")


@pytest.mark.parametrize("piece", [b" ", b"= ", b"=", b"=3D", b"\t\r\n", b"a \t", b"\r", b"\n", b"\xff"])
def test_S11_transfer_is_linear(piece: bytes) -> None:
    """A quadratic pass would run into the test's time limit."""
    text = piece * (400_000 // len(piece))
    middle = len(text) // 2
    for transfer in ("8bit", "quoted-printable", "base64"):
        encoded = encode(text, transfer) if transfer != "8bit" else text
        values = [text, b"", text[:1]]
        cut(encoded, text, transfer, [(0, 0), (middle, middle), (middle + 1, len(text))], [9, 9, 9]).fill(
            values
        )
        decode(text, transfer)


@pytest.mark.parametrize(
    "piece", [b"--B\r\n", b"--B", b"\r\n", b"--B \r", b"\r\n--B\r\nContent-Type: a\r\n", b"(", b";", b'"']
)
def test_S11_parts_are_linear(piece: bytes) -> None:
    for head in (b"Content-Type: multipart/mixed; boundary=B\r\n\r\n", b"Content-Type: text/plain; charset="):
        raw = head + piece * (800_000 // len(piece))
        text_parts(parse(raw))
        with_texts(parse(raw), "new", None)


@pytest.mark.parametrize(
    "piece", ["http://", "http://a", "http://(", "http://a)", "h", "http://.", "(", ") "]
)
def test_S11_links_are_linear(piece: str) -> None:
    links(piece * (1_000_000 // len(piece)))
