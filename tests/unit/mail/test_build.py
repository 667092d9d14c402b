"""mail.build: the letter that an API call means, and nothing that its texts could smuggle in (S3, S4)."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Callable
from email.message import EmailMessage

import pytest
from msgspec.structs import replace

from posthouse.mail.addresses import Mailbox, parse_mailboxes
from posthouse.mail.build import Draft, Part, build
from posthouse.mail.letter import parse
from posthouse.mail.parts import Node, read_tree, text_parts
from posthouse.mail.words import decode_words
from posthouse.model.address import parse_address
from posthouse.model.errors import Refused

AUTHOR = parse_mailboxes(b"Ann <ann@a.test>")
BOB = parse_mailboxes(b"bob@b.test")
DRAFT = Draft(AUTHOR, BOB, subject="Hello")
IMAGE = Part(b"\x89PNG", "image/png", "logo.png", "logo", True)
PDF = Part(b"%PDF", "application/pdf", "a.pdf")
INVITATION = Part(b"BEGIN:VCALENDAR\r\n", "text/calendar; method=REQUEST")


def shape(node: Node) -> str:
    kind = node.type.replace("multipart/", "").replace("text/", "").replace("application/", "")
    return f"{kind}({', '.join(map(shape, node.children))})" if node.children else kind


def read(raw: bytes) -> EmailMessage:
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    for part in message.walk():
        assert not part.defects, (part.defects, raw)
    return message


SHAPES = {
    "nothing": (DRAFT, "plain"),
    "text": (replace(DRAFT, text="x"), "plain"),
    "HTML": (replace(DRAFT, html="<p>"), "html"),
    "both": (replace(DRAFT, text="x", html="<p>"), "alternative(plain, html)"),
    "AMP stands before HTML": (
        replace(DRAFT, text="x", html="<p>", amp="<html amp4email>"),
        "alternative(plain, x-amp-html, html)",
    ),
    "an invitation comes last": (
        replace(DRAFT, text="x", html="<p>", alternatives=[INVITATION]),
        "alternative(plain, html, calendar)",
    ),
    "inline": (replace(DRAFT, html="<p>", parts=[IMAGE]), "related(html, image/png)"),
    "inline without a Content-ID": (
        replace(DRAFT, html="<p>", parts=[replace(IMAGE, content_id="")]),
        "mixed(html, image/png)",
    ),
    "inline without HTML": (replace(DRAFT, text="x", parts=[IMAGE]), "mixed(plain, image/png)"),
    "file": (replace(DRAFT, text="x", parts=[PDF]), "mixed(plain, pdf)"),
    "only a file": (replace(DRAFT, parts=[PDF]), "pdf"),
    "only files": (replace(DRAFT, parts=[PDF, IMAGE]), "mixed(pdf, image/png)"),
    "everything": (
        replace(DRAFT, text="x", html="<p>", amp="<a>", alternatives=[INVITATION], parts=[PDF, IMAGE]),
        "mixed(alternative(plain, x-amp-html, related(html, image/png), calendar), pdf)",
    ),
}


@pytest.mark.parametrize(("draft", "wanted"), SHAPES.values(), ids=SHAPES)
def test_the_levels_of_a_letter(draft: Draft, wanted: str) -> None:
    raw = build(draft)
    read(raw)
    assert shape(read_tree(parse(raw))) == wanted


def test_a_letter_to_the_octet() -> None:
    draft = replace(DRAFT, text="Hi\n", html="<p>é</p>", date=1700000000.0, message_id="1@a.test")
    raw = build(replace(draft, cc=BOB, reply_to=BOB, fields=[("X-Tag", "a"), ("x-tag", "b")]))
    boundary = raw.partition(b'boundary="')[2].partition(b'"')[0].decode()
    assert raw.decode() == (
        "From: Ann <ann@a.test>\n"
        "To: bob@b.test\n"
        "Cc: bob@b.test\n"
        "Reply-To: bob@b.test\n"
        "Subject: Hello\n"
        "Date: Tue, 14 Nov 2023 22:13:20 +0000\n"
        "Message-ID: <1@a.test>\n"
        "X-Tag: a\n"
        "x-tag: b\n"
        "MIME-Version: 1.0\n"
        f'Content-Type: multipart/alternative;\n boundary="{boundary}"\n'
        "\n"
        f"--{boundary}\n"
        "Content-Type: text/plain; charset=utf-8\n"
        "Content-Transfer-Encoding: 7bit\n"
        "\n"
        "Hi\n"
        "\n"
        f"--{boundary}\n"
        "Content-Type: text/html; charset=utf-8\n"
        "Content-Transfer-Encoding: base64\n"
        "\n"
        "PHA+w6k8L3A+\n"
        "\n"
        f"--{boundary}--\n"
    ).replace("\n", "\r\n")


TEXTS = {
    "empty": ("", "7bit"),
    "ASCII": ("a\nb\r\nc\rd", "7bit"),
    "998 octets": ("x" * 998 + "\n" + "y" * 998, "7bit"),
    "999 octets": ("a\n" + "x" * 999, "quoted-printable"),
    "NUL": ("a\0b", "quoted-printable"),
    "some umlauts": ("Viele Grüße aus unserem Laden", "quoted-printable"),
    "Cyrillic": ("Привет", "base64"),
    "a dot": (".\n..\n", "7bit"),
}


@pytest.mark.parametrize(("text", "transfer"), TEXTS.values(), ids=TEXTS)
def test_texts_come_back_with_crlf(text: str, transfer: str) -> None:
    raw = build(replace(DRAFT, text=text, html=text))
    wanted = "\r\n".join(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    for part in read(raw).iter_parts():
        assert part["Content-Transfer-Encoding"] == transfer
        assert part.get_payload(decode=True) == wanted.encode()
    assert [part.transfer for part in text_parts(parse(raw))] == [transfer] * 2


NAMES = {
    "token": "a.pdf",
    "blank": "my file.pdf",
    "quotes": 'a "b" \\ c.pdf',
    "semicolon": "a; filename=b.exe",
    "beyond ASCII": "Grüße %41'*.pdf",
    "long": "x" * 190 + ".pdf",
    "very long": "x" * 400 + ".pdf",
    "long beyond ASCII": "日本" * 200 + ".pdf",
    "looks encoded": "=?utf-8?q?a?=.pdf",
    "a path": "../etc/passwd",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_file_names_come_back(name: str) -> None:
    raw = build(replace(DRAFT, text="x", parts=[replace(PDF, name=name)]))
    (part,) = read(raw).iter_attachments()
    assert part.get_content_disposition() == "attachment"
    # Python reads encoded words in file names, as many mail programs do
    assert part.get_filename() == ("a.pdf" if name.startswith("=?") else name)
    assert part.get_content() == b"%PDF"


CONTENT_IDS = {
    "bare": ("a@b", "<a@b>"),
    "brackets": ("<a@b>", "<a@b>"),
    "a file name": ("my logo.png", "<my logo.png>"),
    "beyond ASCII": ("grüße.png", "<gr%C3%BC%C3%9Fe.png>"),
}


@pytest.mark.parametrize(("id", "wanted"), CONTENT_IDS.values(), ids=CONTENT_IDS)
def test_content_ids(id: str, wanted: str) -> None:
    raw = build(replace(DRAFT, html="<p>", parts=[replace(IMAGE, content_id=id)]))
    assert f"Content-ID: {wanted}\r\n".encode() in raw
    image = list(read(raw).iter_parts())[1]
    assert image.get_content_disposition() == "inline"
    assert image.get_filename() == "logo.png"


LETTERS = {
    "ASCII": (b"Subject: a\n\nhi\n", "message/rfc822", "message/rfc822", "7bit"),
    "UTF-8": ("Subject: a\n\nGrüße\n".encode(), "message/rfc822", "message/rfc822", "8bit"),
    "lines too long": (
        b"Subject: a\n\n" + b"x" * 999,
        "message/rfc822",
        "application/octet-stream",
        "base64",
    ),
    "NUL": (b"Subject: a\n\n\0", "message/rfc822", "application/octet-stream", "base64"),
    "a report": (b"Status: 5.0.0\n", "message/delivery-status", "message/delivery-status", "7bit"),
    "a report beyond ASCII": (b"\xff", "message/delivery-status", "application/octet-stream", "base64"),
}


@pytest.mark.parametrize(("content", "type", "wanted", "transfer"), LETTERS.values(), ids=LETTERS)
def test_letters_in_letters_are_not_encoded(content: bytes, type: str, wanted: str, transfer: str) -> None:
    raw = build(replace(DRAFT, text="x", parts=[Part(content, type)]))
    part = read_tree(parse(raw)).children[1]
    assert (part.type, part.transfer) == (wanted, transfer)
    if transfer == "8bit":
        # RFC 2045 6.4: the multipart around it says so too
        assert parse(raw).first(b"content-transfer-encoding") == b"8bit"
    if transfer != "base64":
        assert raw[part.start : part.end] == content.replace(b"\n", b"\r\n")


TYPES = {
    "parameters are kept": (
        'text/csv; charset="iso-8859-1"; header=present',
        "text/csv; charset=iso-8859-1; header=present",
    ),
    "case": ("Image/PNG", "image/png"),
    "empty": ("", "application/octet-stream"),
    "a semicolon at the end": ("text/plain;", "text/plain"),
}


@pytest.mark.parametrize(("type", "wanted"), TYPES.values(), ids=TYPES)
def test_content_types(type: str, wanted: str) -> None:
    raw = build(replace(DRAFT, parts=[Part(b"x", type)]))
    assert f"Content-Type: {wanted}\r\n".encode() in raw


def test_an_alternative_in_another_character_set_keeps_its_octets() -> None:
    part = Part("Grüße".encode("latin-1"), "text/enriched; charset=iso-8859-1")
    raw = build(replace(DRAFT, text="x", alternatives=[part, replace(part, type="text/enriched")]))
    found = list(read(raw).iter_parts())[1:]
    assert [each.get_payload(decode=True) for each in found] == [part.content] * 2


def test_several_authors_have_a_sender() -> None:
    authors = parse_mailboxes(b"Ann <ann@a.test>, ben@a.test")
    raw = build(replace(DRAFT, author=authors))
    assert raw.startswith(b"From: Ann <ann@a.test>, ben@a.test\r\nSender: Ann <ann@a.test>\r\n")
    assert build(replace(DRAFT, author=authors, fields=[("Sender", "ben@a.test")])).count(b"Sender:") == 1


def test_encoded_words_mean_what_they_say() -> None:
    mailbox = Mailbox("=?utf-8?q?J=C3=B6rg?=", parse_address("j@a.test"))
    message = read(build(replace(DRAFT, author=[mailbox], subject="=?utf-8?b?w6Q=?=")))
    assert message["Subject"] == "ä"
    assert message["From"].addresses[0].display_name == "Jörg"


def test_address_fields_of_the_caller_are_written_anew() -> None:
    raw = build(replace(DRAFT, fields=[("Disposition-Notification-To", '"A, B" <a@b.test>')]))
    assert b'Disposition-Notification-To: "A, B" <a@b.test>\r\n' in raw


def test_long_headers_are_folded() -> None:
    people = parse_mailboxes(b", ".join([b"Somebody Else <somebody%d@b.test>" % n for n in range(200)]))
    raw = build(
        replace(DRAFT, to=people, subject="Grüße und mehr " * 40, fields=[("X-Words", "word " * 300)])
    )
    header = raw.partition(b"\r\n\r\n")[0]
    assert max(map(len, header.split(b"\r\n"))) <= 78
    assert len(read(raw)["To"].addresses) == 200


BREAKS = ["\r\nBcc: x@y.test", "\r", "\n", "\0", "\x85", "\u2028", "\u2029", "\ud800", "\v", "\f"]
PLACES: dict[str, Callable[[str], Draft]] = {
    "subject": lambda text: replace(DRAFT, subject=f"a{text}b"),
    "From's name": lambda text: replace(DRAFT, author=[Mailbox(f"a{text}b", AUTHOR[0].address)]),
    "To's name": lambda text: replace(DRAFT, to=[Mailbox(f"a{text}b", AUTHOR[0].address)]),
    "Reply-To's name": lambda text: replace(DRAFT, reply_to=[Mailbox(f"a{text}b", AUTHOR[0].address)]),
    "field name": lambda text: replace(DRAFT, fields=[(f"X{text}Y", "a")]),
    "field value": lambda text: replace(DRAFT, fields=[("X-Y", f"a{text}b")]),
    "address field": lambda text: replace(DRAFT, fields=[("Sender", f"a{text}b <a@b.test>")]),
    "Message-ID": lambda text: replace(DRAFT, message_id=f"<a{text}b@c.test>"),
    "Message-ID field": lambda text: replace(DRAFT, fields=[("Message-ID", f"<a{text}b@c.test>")]),
    "file name": lambda text: replace(DRAFT, parts=[replace(PDF, name=f"a{text}b")]),
    "Content-ID": lambda text: replace(DRAFT, html="", parts=[replace(IMAGE, content_id=f"a{text}b")]),
    "content type": lambda text: replace(DRAFT, parts=[replace(PDF, type=f"text/plain{text}")]),
    "parameter": lambda text: replace(DRAFT, parts=[replace(PDF, type=f'text/plain; a="{text}"')]),
    "alternative's type": lambda text: replace(DRAFT, alternatives=[Part(b"", f"text/a{text}")]),
    "alternative's name": lambda text: replace(DRAFT, alternatives=[Part(b"", "text/a", f"a{text}b")]),
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("text", BREAKS, ids=ascii)
def test_S4_line_breaks_are_refused(place: Callable[[str], Draft], text: str) -> None:
    with pytest.raises(Refused) as caught:
        build(place(text))
    assert caught.value.reason in ("bad-field", "bad-part")
    assert text not in caught.value.text


REFUSALS = {
    "no author": (replace(DRAFT, author=[]), "no-from"),
    "From given as a field": (replace(DRAFT, fields=[("FROM", "x@y.test")]), "bad-field"),
    "To given twice": (replace(DRAFT, fields=[("to", "x@y.test")]), "bad-field"),
    "Subject given twice": (replace(DRAFT, fields=[("Subject", "x")]), "bad-field"),
    "Sender given twice": (replace(DRAFT, fields=[("Sender", "a@b.c"), ("SENDER", "a@b.c")]), "bad-field"),
    "a blind copy": (replace(DRAFT, fields=[("Bcc", "x@y.test")]), "bad-field"),
    "MIME-Version": (replace(DRAFT, fields=[("MIME-Version", "2.0")]), "bad-field"),
    "a body field": (replace(DRAFT, fields=[("Content-Type", "text/html")]), "bad-field"),
    "a name with a colon": (replace(DRAFT, fields=[("X:Y", "a")]), "bad-field"),
    "a name beyond ASCII": (replace(DRAFT, fields=[("X-Ü", "a")]), "bad-field"),
    "an empty name": (replace(DRAFT, fields=[("", "a")]), "bad-field"),
    "a sender who is none": (replace(DRAFT, fields=[("Sender", "nobody")]), "bad-address"),
    "too many fields": (replace(DRAFT, fields=[("X-A", "")] * 1001), "bad-field"),
    "too much header": (replace(DRAFT, fields=[("X-A", "a " * 50_000)] * 12), "bad-field"),
    "a text without end": (replace(DRAFT, subject="x" * 100_001), "bad-field"),
    "too many files": (replace(DRAFT, parts=[PDF] * 501), "bad-part"),
    "no type": (replace(DRAFT, parts=[Part(b"", "pdf")]), "bad-part"),
    "a multipart": (replace(DRAFT, parts=[Part(b"", "multipart/mixed; boundary=x")]), "bad-part"),
    "a type beyond ASCII": (replace(DRAFT, parts=[Part(b"", "text/plain; a=ü")]), "bad-part"),
    "a long file name": (replace(DRAFT, parts=[replace(PDF, name="x" * 501)]), "bad-part"),
    "a control in a file name": (replace(DRAFT, parts=[replace(PDF, name="a\x1b")]), "bad-part"),
    "brackets in a Content-ID": (replace(DRAFT, parts=[replace(IMAGE, content_id="a><b")]), "bad-part"),
    "a long Content-ID": (replace(DRAFT, parts=[replace(IMAGE, content_id="a" * 901)]), "bad-part"),
}


@pytest.mark.parametrize(("draft", "reason"), REFUSALS.values(), ids=REFUSALS)
def test_what_cannot_be_written_is_refused(draft: Draft, reason: str) -> None:
    with pytest.raises(Refused) as caught:
        build(draft)
    assert caught.value.reason == reason
    assert caught.value.text.isascii()


def test_a_boundary_in_a_text_cannot_cut_the_letter() -> None:
    raw = build(replace(DRAFT, text="x", html="<p>"))
    boundary = raw.partition(b'boundary="')[2].partition(b'"')[0].decode()
    text = f"a\r\n--{boundary}\r\nContent-Type: text/html\r\n\r\n<p>evil\r\n--{boundary}--\r\n"
    again = build(replace(DRAFT, text=text, html="<p>"))
    assert shape(read_tree(parse(again))) == "alternative(plain, html)"
    assert decode_words(parse(again).first(b"subject") or b"") == "Hello"
