"""mail.holes and mail.program: encodings with holes."""

from __future__ import annotations

import pytest

from posthouse.mail.canon import relaxed_body
from posthouse.mail.holes import cut
from posthouse.mail.transfer import decode, encode


def filled(
    encoded: bytes, transfer: str, holes: list[tuple[int, int]], values: list[bytes], longest: int = 50
) -> tuple[str, bytes]:
    """(transfer, wire) after checking that the relaxed pieces are those of the wire."""
    decoded = decode(encoded, transfer)
    assert decoded is not None
    made = cut(encoded, decoded, transfer, holes, [longest] * len(holes))
    wire, relaxed = made.fill(values)
    body = b"".join(wire)
    assert relaxed_body(b"".join(relaxed)) == relaxed_body(body)
    return made.transfer, body


def test_without_holes_nothing_changes() -> None:
    made = cut(b"as  it=\r\nis ", b"as  itis", "quoted-printable", [], [])
    assert made.chunks == [b"as  it=\r\nis "]
    assert made.fill([]) == ([b"as  it=\r\nis "], [b"as it=\r\nis"])


@pytest.mark.parametrize(
    ("encoded", "holes", "values", "expected"),
    [
        pytest.param(
            b"Hi =C3=A4 NAME, =3D\r\nbye\r\n",
            [(6, 10)],
            [b"Bob"],
            b"Hi =C3=A4 =\r\nBob=\r\n, =3D\r\nbye\r\n",
            id="within-a-line",
        ),
        pytest.param(b"NAME\r\n", [(0, 4)], [b"B=b"], b"B=3Db=\r\n\r\n", id="a-whole-line"),
        pytest.param(b"a\r\nX\r\n", [(3, 4)], [b""], b"a\r\n\r\n", id="empty-value"),
        pytest.param(b"abc=\r\ndef", [(3, 3)], [b"-"], b"abc=\r\n-=\r\ndef", id="insertion-at-a-soft-break"),
        pytest.param(b"ab=\r\nNA=\r\nME", [(2, 6)], [b"-"], b"ab=\r\n-=\r\n", id="tag-over-soft-breaks"),
        pytest.param(
            b"a\r\nX", [(3, 4)], [b"1\n2 \r3"], b"a\r\n1\r\n2=20\r\n3=\r\n", id="value-with-line-breaks"
        ),
        pytest.param(b"aXb", [(1, 2)], [b"1\r\n"], b"a=\r\n1\r\nb", id="value-ending-with-a-line-break"),
        pytest.param(b"XY", [(0, 1), (1, 2)], [b"1", b"2"], b"1=\r\n2=\r\n", id="neighbours"),
        pytest.param(b"aX", [(1, 2)], ["ä\0~".encode()], b"a=\r\n=C3=A4~=\r\n", id="non-ascii-and-nul"),
        pytest.param(b"aX \r\nb", [(1, 2)], [b"v"], b"a=\r\nv=\r\n\r\nb", id="padding-behind-the-tag"),
        pytest.param(
            b"x" * 76 + b"\r\ny", [(76, 76)], [b"v"], b"x" * 75 + b"=\r\nx=\r\nv=\r\n\r\ny", id="a-full-line"
        ),
        pytest.param(
            b"x" * 73 + b"=3D\r\ny",
            [(74, 74)],
            [b"v"],
            b"x" * 73 + b"=\r\n=3D=\r\nv=\r\n\r\ny",
            id="a-full-line-with-escape",
        ),
    ],
)
def test_quoted_printable(
    encoded: bytes, holes: list[tuple[int, int]], values: list[bytes], expected: bytes
) -> None:
    assert filled(encoded, "quoted-printable", holes, values) == ("quoted-printable", expected)


@pytest.mark.parametrize("length", [74, 75, 76, 77, 150, 151, 1000])
def test_quoted_lines_end_at_column_76(length: int) -> None:
    _, wire = filled(b"X", "quoted-printable", [(0, 1)], [b"v" * length])
    assert max(map(len, wire.split(b"\r\n"))) <= 76
    assert decode(wire, "quoted-printable") == b"v" * length


@pytest.mark.parametrize(
    ("encoded", "holes", "values", "expected"),
    [
        pytest.param(b"Hi NAME,\r\n", [(3, 7)], [b"B\xc3\xb6b"], b"Hi B\xc3\xb6b,\r\n", id="within-a-line"),
        pytest.param(
            b"A\r\nXY \r\nZ\r\n", [(3, 4), (4, 5)], [b"1", b"2"], b"A\r\n12 \r\nZ\r\n", id="two-in-a-line"
        ),
        pytest.param(b"A\r\nX\r\nY\r\n", [(3, 4), (6, 7)], [b"1", b"2"], b"A\r\n1\r\n2\r\n", id="two-lines"),
        pytest.param(b"A\r\nX", [(3, 4), (4, 4), (4, 4)], [b"1", b"2", b" "], b"A\r\n12 ", id="at-the-end"),
        pytest.param(b"A\r\n", [(3, 3), (3, 3)], [b"1", b"2"], b"A\r\n12", id="behind-the-last-line"),
        pytest.param(b"aXb", [(1, 2)], [b"1\n2\r\0"], b"a1\r\n2\r\nb", id="line-breaks-and-nul"),
        pytest.param(b"a\r\nb", [(2, 3)], [b"-"], b"a-b", id="a-tag-of-half-a-line-end"),
        pytest.param(b"a\r\nb", [(1, 2), (2, 3)], [b"-", b"+"], b"a-+b", id="two-halves-of-a-line-end"),
        pytest.param(b"a\r\nb", [(2, 2)], [b"-"], b"a-\r\nb", id="an-insertion-within-a-line-end"),
    ],
)
def test_S4_8bit(encoded: bytes, holes: list[tuple[int, int]], values: list[bytes], expected: bytes) -> None:
    assert filled(encoded, "8bit", holes, values) == ("8bit", expected)


def test_7bit_turns_to_quoted_printable_for_values_that_may_not_be_ascii() -> None:
    assert filled(b"a=X\r\n", "7bit", [(2, 3)], [b"\xc3\xb6"]) == (
        "quoted-printable",
        b"a=3D=\r\n=C3=B6=\r\n\r\n",
    )


def test_7bit_stays_for_links() -> None:
    made = cut(b"a=X\r\n", b"a=X\r\n", "7bit", [(2, 3)], [20], is_ascii=True)
    assert (made.transfer, b"".join(made.fill([b"https://x"])[0])) == ("7bit", b"a=https://x\r\n")


@pytest.mark.parametrize(("longest", "transfer"), [(988, "8bit"), (989, "quoted-printable")])
def test_MSG1_a_line_that_may_pass_998_octets_is_encoded(longest: int, transfer: str) -> None:
    assert filled(b"0123456789X\r\n", "8bit", [(10, 11)], [b"v"], longest)[0] == transfer


@pytest.mark.parametrize(
    "value",
    [b"v" * 2500, b"word " * 500, "ä".encode() * 1500, b"\x80" * 2500],
    ids=["no-blank", "blanks", "utf-8", "only-continuations"],
)
def test_MSG1_a_value_longer_than_foretold_is_broken(value: bytes) -> None:
    _, wire = filled(b"aX\r\nb\r\n", "8bit", [(1, 2)], [value])
    lines = wire.split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert b"".join(lines) == b"a" + value + b"b"
    if value[0] == 0xC3:
        assert all(line.decode() for line in lines[:-1])


@pytest.mark.parametrize("first", [b"", b"1", b"12", b"123", b"1" * 200])
@pytest.mark.parametrize("second", [b"", b"4", b"56"])
@pytest.mark.parametrize("text", [b"", b"a", b"ab", b"abc", b"abcd" * 60])
def test_base64_in_every_phase(first: bytes, second: bytes, text: bytes) -> None:
    decoded = text + b"X" + text + b"Y" + text
    holes = [(len(text), len(text) + 1), (2 * len(text) + 1, 2 * len(text) + 2)]
    transfer, wire = filled(encode(decoded, "base64"), "base64", holes, [first, second])
    assert transfer == "base64"
    assert decode(wire, "base64") == text + first + text + second + text
    assert max(map(len, wire.split(b"\r\n"))) <= 76
