"""The parts of a stored letter as people and programs look at them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.mail.leaves import leaves_of
from posthouse.mail.letter import BadLetter

MIXED = (
    b"Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
    b"Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe\r\n"
    b"--b\r\nContent-Type: image/png; name=a.png\r\nContent-ID: <logo>\r\nContent-Disposition: inline\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\nAAEC\r\n"
    b"--b\r\nContent-Type: application/pdf\r\n"
    b"Content-Disposition: attachment; filename*=utf-8''%C3%9Cber.pdf\r\n\r\nPDF\r\n"
    b"--b--\r\n"
)


def test_each_part_has_its_name_and_its_octets() -> None:
    text, picture, file = leaves_of(MIXED)
    assert (text.type, text.text, text.is_inline) == ("text/plain", "Grüße", True)
    assert (picture.name, picture.content_id, picture.content) == ("a.png", "logo", b"\0\1\2")
    assert (file.name, file.is_inline, file.content, file.text) == ("Über.pdf", False, b"PDF", None)


@pytest.mark.parametrize(
    ("letter", "content"),
    [
        (b"Subject: x\r\n\r\nplain\r\n", b"plain\r\n"),
        (b"Content-Transfer-Encoding: base64\r\n\r\nAAE", b"\0\1"),
        (b"Content-Transfer-Encoding: base64\r\n\r\n*", b""),
        (b"Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\nx", b"x"),
        (b"Content-Type: multipart/mixed\r\n\r\nx", b"x"),
        (b"", b""),
    ],
    ids=["plain", "base64 without its end", "no base64", "two types", "no boundary", "nothing"],
)
def test_what_cannot_be_taken_apart_is_one_part(letter: bytes, content: bytes) -> None:
    (leaf,) = leaves_of(letter)
    assert leaf.content == content


@given(st.binary(max_size=400))
def test_any_octets_are_read(octets: bytes) -> None:
    for raw in (octets, MIXED[:80] + octets, MIXED.replace(b"AAEC", octets)):
        try:
            leaves = leaves_of(raw)
        except BadLetter:
            continue
        assert leaves and all(leaf.text is None or isinstance(leaf.text, str) for leaf in leaves)
