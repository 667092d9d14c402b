"""A letter as people look at it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.mail.seen_letter import FIELDS_MAX, TEXT_MAX, VALUE_MAX, links_of, see_letter

BOTH = (
    b"Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\nX-Odd : a\r\n b\r\n"
    b"Content-Type: multipart/alternative; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\nGr\xfc\xdfe\r\n"
    b"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Hallo</p>\r\n--b--\r\n"
)
SIGNED = (
    b"Content-Type: multipart/signed; boundary=s; protocol=application/pgp-signature\r\n\r\n--s\r\n"
    + BOTH.partition(b" b\r\n")[2]
    + b"\r\n--s\r\nContent-Type: application/pgp-signature; name=s.asc\r\n\r\nsignature\r\n--s--\r\n"
)


def test_fields_and_texts_are_readable() -> None:
    letter = see_letter(BOTH)
    assert [(name, words.text) for name, words in letter.fields()][:2] == [
        ("Subject", "Grüße"),
        ("X-Odd", "a b"),
    ]
    assert (letter.plain, letter.html) == ("Grüße", "<p>Hallo</p>")
    assert letter.text().text == "Grüße" and "<p>Hallo</p>" in letter.page().page


def test_a_signed_letter_is_opened_for_looking() -> None:
    letter = see_letter(SIGNED)
    assert letter.plain == "Grüße"
    assert [leaf.type for leaf in letter.leaves] == ["text/plain", "text/html", "application/pgp-signature"]


def test_the_text_of_a_letter_without_one_is_its_html_as_text() -> None:
    letter = see_letter(b"Content-Type: text/html\r\n\r\n<p>One<p>Two")
    assert letter.text().text == "One\n\nTwo\n"


@pytest.mark.parametrize("charset", ["x-unknown", "idna", "utf-16", "unicode_escape", "zlib", ""])
def test_any_charset_is_read_as_far_as_it_goes(charset: str) -> None:
    raw = f"Content-Type: text/plain; charset={charset}\r\n\r\n".encode() + b"ab\xff\xfe"
    assert see_letter(raw).text().text


def test_what_is_too_long_is_cut_and_says_so() -> None:
    raw = (
        b"X: "
        + b"v" * (VALUE_MAX + 7)
        + b"\r\n"
        + b"A: b\r\n" * (FIELDS_MAX + 5)
        + b"\r\n"
        + b"x" * (TEXT_MAX + 9)
    )
    letter = see_letter(raw)
    assert letter.fields()[0][1].left_out == 7 and len(letter.fields()) == FIELDS_MAX
    assert (len(letter.text().text), letter.text().left_out) == (TEXT_MAX, 9)


def test_links_are_told_once_each() -> None:
    assert links_of('<a href="https://a.test/?x=1&amp;y=2">a</a><a href=" b ">b</a><a href=b>c</a>') == [
        "https://a.test/?x=1&y=2", "b",
    ]  # fmt: skip


@given(st.binary(max_size=300))
def test_any_octets_are_looked_at(octets: bytes) -> None:
    for raw in (octets, BOTH[:120] + octets, BOTH.replace(b"<p>Hallo</p>", octets)):
        letter = see_letter(raw)
        letter.fields(), letter.text(), letter.page(is_dark=True)
