"""mail.fields: one field comes out, whatever goes in (S4); RFC 2047, RFC 5322 2.2.3."""

from __future__ import annotations

import pytest

from posthouse.mail.fields import address_field, is_field_name, one_line, shown_mailbox, text_field
from posthouse.mail.words import decode_words

TEXTS = {
    "plain": ("Hello", b"Subject: Hello\r\n"),
    "empty": ("", b"Subject: \r\n"),
    "S4 CRLF": ("a\r\nBcc: b@c.test", b"Subject: a Bcc: b@c.test\r\n"),
    "S4 all line breaks": ("a\rb\nc\vd\fe\x85f\u2028g\u2029h", b"Subject: a b c d e f g h\r\n"),
    "S4 NUL and controls": ("a\0b\x1bc\x7fd", b"Subject: abcd\r\n"),
    "S4 direction marks": ("a\u202eb\u2066c", b"Subject: abc\r\n"),
    "tab": ("a\tb", b"Subject: a b\r\n"),
    "mostly ASCII": ("Gruesse aus Muenchen, Ü", b"Subject: =?utf-8?q?Gruesse_aus_Muenchen=2C_=C3=9C?=\r\n"),
    "not ASCII": ("日本", b"Subject: =?utf-8?b?5pel5pys?=\r\n"),
    "looks encoded": ("=?x?q?y?=", b"Subject: =?utf-8?b?PT94P3E/eT89?=\r\n"),
}


@pytest.mark.parametrize(("text", "wanted"), TEXTS.values(), ids=TEXTS)
def test_text_field(text: str, wanted: bytes) -> None:
    assert text_field("Subject", text) == wanted


LONG = {
    "words": "word " * 400,
    "one word": "x" * 5000,
    "beyond ASCII": "Straße und mehr " * 50,
    "wide characters": "日本語" * 200,
    "blanks": "a" + " " * 3000 + "b",
    "double blanks": "ab  " * 300,
    "far too long": "y " * 60_000,
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_long_texts_are_folded_and_read_as_they_were(text: str) -> None:
    field = text_field("X-Long-Name", text)
    lines = field.removesuffix(b"\r\n").split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert all(line.startswith(b" ") and line.strip() for line in lines[1:])
    value = field.partition(b":")[2].replace(b"\r\n", b"").strip()
    shown = decode_words(value)
    assert one_line(text).startswith(shown)
    assert len(shown) >= min(len(one_line(text)), 20_000)
    assert all(len(word) <= 75 for line in lines for word in line.split(b" ") if word.startswith(b"=?"))


MAILBOXES = {
    "bare": ([("", "a@b.test")], b"To: a@b.test\r\n"),
    "atoms": ([("Bob B", "a@b.test")], b"To: Bob B <a@b.test>\r\n"),
    "quoted": ([('A, "B" \\ C', "a@b.test")], b'To: "A, \\"B\\" \\\\ C" <a@b.test>\r\n'),
    "dots are quoted": ([("B. Baker", "a@b.test")], b'To: "B. Baker" <a@b.test>\r\n'),
    "double blank is quoted": ([("A  B", "a@b.test")], b'To: "A  B" <a@b.test>\r\n'),
    "encoded": ([("Ärzte, Die", "a@b.test")], b"To: =?utf-8?b?w4RyenRlLCBEaWU=?= <a@b.test>\r\n"),
    "S4 line break": ([("A\r\nBcc: x", "a@b.test")], b'To: "A Bcc: x" <a@b.test>\r\n'),
    "S5 an address as name": ([("x@y.test", "a@b.test")], b'To: "x@y.test" <a@b.test>\r\n'),
    "looks encoded": (
        [("=?utf-8?q?x?=", "a@b.test")],
        b"To: =?utf-8?b?PT91dGYtOD9xP3g/PQ==?= <a@b.test>\r\n",
    ),
    "two": ([("A", "a@b.test"), ("", "c@d.test")], b"To: A <a@b.test>, c@d.test\r\n"),
    "many": (
        [("Somebody With A Name", f"someone.else{n}@example.test") for n in range(3)],
        b"To: Somebody With A Name <someone.else0@example.test>, Somebody With A Name\r\n"
        b" <someone.else1@example.test>, Somebody With A Name\r\n <someone.else2@example.test>\r\n",
    ),
}


@pytest.mark.parametrize(("mailboxes", "wanted"), MAILBOXES.values(), ids=MAILBOXES)
def test_address_field(mailboxes: list[tuple[str, str]], wanted: bytes) -> None:
    assert address_field("To", mailboxes) == wanted


@pytest.mark.parametrize("name", ["x" * 5000, "é" * 2000])
def test_a_very_long_name(name: str) -> None:
    field = address_field("To", [(name, "a@b.test")])
    assert max(map(len, field.split(b"\r\n"))) <= 76
    assert field.endswith(b"<a@b.test>\r\n")


def test_shown_mailbox() -> None:
    assert shown_mailbox("", "a@b.test") == "a@b.test"
    assert shown_mailbox('B\r\n"x"', "a@b.test") == '"B \\"x\\"" <a@b.test>'


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("X-A", True), ("X A", False), ("X:", False), ("", False), ("É", False), ("a\n", False)],
)
def test_field_names(name: str, wanted: bool) -> None:
    assert is_field_name(name) is wanted
