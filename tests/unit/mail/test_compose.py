"""mail.compose: other texts in a letter, everything else as it was."""

from __future__ import annotations

import pytest

from posthouse.mail.compose import with_texts
from posthouse.mail.entities import fresh_boundary
from posthouse.mail.letter import parse
from posthouse.mail.parts import Node, read_tree, text_parts
from posthouse.mail.transfer import decode


def crlf(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


def shape(node: Node) -> str:
    kind = node.type.replace("multipart/", "").replace("text/", "")
    return f"{kind}({', '.join(map(shape, node.children))})" if node.children else kind


def texts(raw: bytes) -> list[tuple[str, str]]:
    found = []
    for part in text_parts(parse(raw)):
        octets = decode(raw[part.start : part.end], part.transfer)
        assert octets is not None
        found.append((part.kind, octets.decode(part.charset or "utf-8")))
    return found


PLAIN = "Content-Type: text/plain\n\nformer plain"
HTML = "Content-Type: text/html\n\n<p>former html"
IMAGE = "Content-Type: image/png\nContent-ID: <i>\nContent-Transfer-Encoding: base64\n\niVBO\nRw0="
PDF = "Content-Type: application/pdf\nContent-Disposition: attachment; filename=a.pdf\n\n%PDF  x \n"
NOTE = "Content-Type: text/plain\nContent-Disposition: attachment\n\nattached text"
FOOTER = "Content-Type: text/plain\n\n-- \na list's footer"
INVITATION = "Content-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR"


def parted(kind: str, *parts: str) -> str:
    boundary = f"b-{kind}"
    inner = "".join(f"--{boundary}\n{part}\n" for part in parts)
    return f"Content-Type: multipart/{kind};\n boundary={boundary}\n\n{inner}--{boundary}--\n"


CASES = [
    pytest.param(PLAIN, "alternative(plain, html)", id="plain"),
    pytest.param("\nformer, without MIME", "alternative(plain, html)", id="no-mime"),
    pytest.param("", "alternative(plain, html)", id="no-body"),
    pytest.param(parted("alternative", PLAIN, HTML), "alternative(plain, html)", id="alternative"),
    pytest.param(
        parted("mixed", PLAIN, PDF, NOTE),
        "mixed(alternative(plain, html), application/pdf, plain)",
        id="attachments",
    ),
    pytest.param(
        parted("mixed", PDF, HTML), "mixed(alternative(plain, html), application/pdf)", id="attachment-first"
    ),
    pytest.param(
        parted("related", HTML, IMAGE), "alternative(plain, related(html, image/png))", id="related"
    ),
    pytest.param(
        parted("mixed", parted("alternative", PLAIN, parted("related", HTML, IMAGE)), PDF),
        "mixed(alternative(plain, related(html, image/png)), application/pdf)",
        id="everything",
    ),
    pytest.param(
        parted("related", parted("alternative", PLAIN, HTML), IMAGE),
        "alternative(plain, related(html, image/png))",
        id="related-outside",
    ),
    pytest.param(
        parted("alternative", PLAIN, HTML, INVITATION), "alternative(plain, html, calendar)", id="invitation"
    ),
    pytest.param(
        parted("mixed", PLAIN, IMAGE, FOOTER),
        "mixed(alternative(plain, html), image/png, plain)",
        id="text-behind",
    ),
    pytest.param(PDF, "mixed(alternative(plain, html), application/pdf)", id="only-an-attachment"),
    pytest.param(
        parted("signed", FOOTER, "Content-Type: application/pgp-signature\n\nx"),
        "mixed(alternative(plain, html), signed)",
        id="signed",
    ),
]


@pytest.mark.parametrize(("content", "expected"), CASES)
def test_shapes(content: str, expected: str) -> None:
    old = crlf("From: a@example.com\nSubject: =?x?=\n folded\n" + content)
    raw = with_texts(parse(old), "<p>new ä", "new = plain\n")
    letter = parse(raw)
    assert shape(read_tree(letter)) == expected
    assert texts(raw)[:2] == [("plain", "new = plain\r\n"), ("html", "<p>new ä")]
    assert raw.startswith(b"From: a@example.com\r\nSubject: =?x?=\r\n folded\r\n")
    assert letter.count(b"mime-version") == letter.count(b"content-type") == 1
    assert b"former" not in raw
    for kept in (PDF, IMAGE, NOTE, FOOTER, INVITATION):
        assert (crlf(kept) in raw) == (crlf(kept) in old)


def test_only_html() -> None:
    raw = with_texts(
        parse(crlf("A: b\nMIME-Version: 1.0\n" + parted("mixed", parted("related", HTML, IMAGE)))),
        "<b>",
        None,
    )
    assert shape(read_tree(parse(raw))) == "related(html, image/png)"
    assert b'multipart/related; type="text/html";' in raw
    assert raw.count(b"MIME-Version") == 1


def test_only_text_keeps_the_images_as_attachments() -> None:
    raw = with_texts(parse(crlf("A: b\n" + parted("related", HTML, IMAGE))), None, "new")
    assert shape(read_tree(parse(raw))) == "mixed(plain, image/png)"


def test_a_single_text_has_its_fields_where_they_were() -> None:
    raw = with_texts(
        parse(crlf("A: b\nContent-Type: x/y\nContent-Transfer-Encoding: 8bit\nC: d\n\n")), None, "Hi\n"
    )
    assert raw == crlf(
        "A: b\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
        "Content-Transfer-Encoding: quoted-printable\nC: d\n\nHi\n"
    )


def test_no_texts_change_nothing() -> None:
    letter = parse(b"A: b\r\n\r\nx")
    assert with_texts(letter, None, None) == letter.raw


def test_mostly_foreign_letters_become_base64() -> None:
    raw = with_texts(parse(b"A: b\r\n\r\n"), None, "こんにちは\ud800")
    assert b"Content-Transfer-Encoding: base64\r\n" in raw
    assert texts(raw) == [("plain", "こんにちは?")]


def test_too_many_parts_are_attached_as_they_are() -> None:
    old = b"Content-Type: multipart/mixed; boundary=B\r\n" + b"\r\n--B\r\n\r\nx" * 1001 + b"\r\n--B--\r\n"
    raw = with_texts(parse(old), None, "new")
    assert raw.count(b"\r\n--B\r\n\r\nx") == 1001
    assert b"new" in raw


def test_the_same_input_gives_the_same_letter() -> None:
    letter = parse(crlf("A: b\n" + PLAIN))
    assert with_texts(letter, "h", "t") == with_texts(letter, "h", "t")


def test_a_fresh_boundary_does_not_occur() -> None:
    first = fresh_boundary(b"", "seed")
    assert first == fresh_boundary(b"other", "seed")
    assert fresh_boundary(first.encode(), "seed") != first
    assert fresh_boundary(b"", "\ud800").startswith("=_")
