"""Which header text becomes encoded words, and what is left as it is."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import default as modern

import pytest

from posthouse.mail.letter import parse
from posthouse.mail.plain_header import in_plain_words

BODY = "\r\nGrüße\r\n".encode()
# id: field as written, what a reader sees
MENDED = {
    "a subject": ("Subject: Grüße aus Köln", "Grüße aus Köln"),
    "in any case of the name": ("SUBJECT:Grüße", "Grüße"),
    "folded": ("Subject: Grüße\r\n aus Köln", "Grüße aus Köln"),
    "words beside raw text": ("Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?= Köln", "grüße Köln"),
    "a name": ("From: Jürgen <j@shop.test>", "Jürgen <j@shop.test>"),
    "names, quoted and in words": (
        'To: "Müller, Jörg" <a@b.test>, =?utf-8?q?B=C3=B6b?= <c@d.test>, e@f.test',
        '"Müller, Jörg" <a@b.test>, Böb <c@d.test>, e@f.test',
    ),
    "a name with parentheses": ('From: "Jürgen (Köln)" <j@shop.test>', '"Jürgen (Köln)" <j@shop.test>'),
    "a domain": ("Reply-To: <a@bücher.test>", "a@xn--bcher-kva.test"),
}
LEFT = {
    "a local part": "From: <jürgen@shop.test>",
    "an option": 'X-SMTPAPI: {"unique_args":{"a":"ü"}}',
    "a parameter": 'Content-Type: text/plain; name="ü.txt"',
    "a group": "To: Freunde für immer: a@b.test;",
    "a group of nobody": "To: Jürgen <a@b.test>, friends:;",
    "a name in a comment": "From: a@b.test (Jürgen)",
    "a comment beside a name": 'From: "Jürgen" <a@b.test> (Shop)',
    "a comment with a quote": 'From: Jürgen <a@b.test> (5" and 7")',
    "what is no address": "To: ü",
}


@pytest.mark.parametrize(("field", "seen"), MENDED.values(), ids=MENDED)
def test_text_for_people_is_encoded(field: str, seen: str) -> None:
    raw = f"MIME-Version: 1.0\r\n{field}\r\nX-A: b\r\n".encode() + BODY
    made = in_plain_words(parse(raw))
    head, _, body = made.partition(b"\r\n\r\n")
    assert head.isascii() and body == BODY[2:]
    name = field.partition(":")[0]
    assert message_from_bytes(made, policy=modern)[name] == seen
    assert head.startswith(b"MIME-Version: 1.0\r\n") and head.endswith(b"\r\nX-A: b")


@pytest.mark.parametrize("field", LEFT.values(), ids=LEFT)
def test_what_a_program_reads_stays(field: str) -> None:
    raw = f"{field}\r\nX-A: b\r\n".encode() + BODY
    assert in_plain_words(parse(raw)) == raw


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"Subject: x\r\n" + BODY, id="an ASCII header"),
        pytest.param(b"Subject: \xe4\r\n" + BODY, id="another charset"),
        pytest.param("Subject: ü\r\nDKIM-Signature: v=1\r\n".encode() + BODY, id="signed"),
        pytest.param(f"Subject: {'ü' * 40_000}\r\n".encode() + BODY, id="very long"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_what_is_not_touched(raw: bytes) -> None:
    assert in_plain_words(parse(raw)) == raw


def test_a_letter_that_ends_in_its_header_is_closed() -> None:
    assert in_plain_words(parse("Subject: ü".encode())) == b"Subject: =?utf-8?b?w7w=?=\r\n"
