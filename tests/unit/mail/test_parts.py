"""mail.parts and mail.content_type: which texts of a letter may be changed, and where they stand."""

from __future__ import annotations

import pytest

from posthouse.mail.content_type import parameters, parse_content_type
from posthouse.mail.letter import parse
from posthouse.mail.parts import PARTS_MAX, TextPart, text_parts, top_type


def crlf(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


def found(raw: bytes) -> list[tuple[str, str, str, bytes]]:
    """(kind, charset, transfer, encoded body) of each text part."""
    return [
        (part.kind, part.charset, part.transfer, raw[part.start : part.end])
        for part in text_parts(parse(raw))
    ]


def single(fields: str, body: bytes = b"Hello\r\n") -> bytes:
    return crlf(f"Subject: x\n{fields}\n") + body


def parted(kind: str, *parts: str) -> str:
    inner = "".join(f"--B\n{part}\n" for part in parts)
    return f"Content-Type: multipart/{kind}; boundary=B\n\n{inner}--B--\n"


PLAIN = "Content-Type: text/plain\n\nplain"
HTML = "Content-Type: text/html; charset=UTF-8\nContent-Transfer-Encoding: quoted-printable\n\n<p>"


@pytest.mark.parametrize(
    ("fields", "body", "expected"),
    [
        pytest.param("", b"Hi\r\n", ("plain", "", "7bit"), id="no-mime"),
        pytest.param("", b"H\xc3\xa4\r\n", ("plain", "", "8bit"), id="no-mime-with-8-bit-octets"),
        pytest.param(
            "Content-Type: text/HTML; CharSet=ISO-8859-1\n", b"x", ("html", "iso-8859-1", "7bit"), id="html"
        ),
        pytest.param("Content-Type: text/calendar\n", b"x", ("other", "", "7bit"), id="other-text"),
        pytest.param(
            "Content-Type: text/plain\nContent-Transfer-Encoding: BASE64 (really)\n",
            b"eA==",
            ("plain", "", "base64"),
            id="base64-with-a-comment",
        ),
        pytest.param(
            "Content-Type: text/plain\nContent-Transfer-Encoding: binary\n",
            b"x",
            ("plain", "", "8bit"),
            id="binary",
        ),
        pytest.param(
            "Content-Type: text/plain\nContent-Disposition: inline\n",
            b"x",
            ("plain", "", "7bit"),
            id="inline",
        ),
        pytest.param(
            'Content-Type: text/plain;\n charset="utf-8";\n format=flowed\n',
            b"x",
            ("plain", "utf-8", "7bit"),
            id="folded-parameters",
        ),
        pytest.param(
            "Content-Type: text/plain; charset*=us-ascii'en'UTF-8\n",
            b"x",
            ("plain", "utf-8", "7bit"),
            id="rfc-2231",
        ),
    ],
)
def test_a_single_text(fields: str, body: bytes, expected: tuple[str, str, str]) -> None:
    assert found(single(fields, body)) == [(*expected, body)]


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param("Content-Type: application/pdf\n", id="no-text"),
        pytest.param("Content-Type: application/pkcs7-mime\n", id="s-mime"),
        pytest.param("Content-Type: message/rfc822\n", id="a-letter-inside"),
        pytest.param("Content-Type: text/plain\nContent-Type: text/html\n", id="two-content-types"),
        pytest.param(
            "Content-Type: text/plain\nContent-Type: text/plain\n", id="the-same-content-type-twice"
        ),
        pytest.param("Content-Type: text\n", id="no-subtype"),
        pytest.param('Content-Type: text/plain; charset="utf-8\n', id="open-quotation"),
        pytest.param("Content-Type: text/plain; charset=utf-8; charset=latin1\n", id="two-charsets"),
        pytest.param(
            "Content-Type: text/plain\nContent-Transfer-Encoding: x-uuencode\n", id="unknown-encoding"
        ),
        pytest.param(
            "Content-Transfer-Encoding: base64\nContent-Transfer-Encoding: 7bit\n",
            id="contradicting-encodings",
        ),
        pytest.param("Content-Type: text/plain\nContent-Disposition: attachment\n", id="attachment"),
        pytest.param("Content-Type: text/plain\nContent-Disposition: inline; filename=a\n", id="inline-file"),
        pytest.param(
            "Content-Type: text/plain\nContent-Disposition: inline; filename*0*=utf-8''a\n",
            id="inline-file-rfc-2231",
        ),
        pytest.param("Content-Type: text/plain\nContent-Disposition: x-new\n", id="unknown-disposition"),
        pytest.param("Content-Type: multipart/mixed\n", id="no-boundary"),
        pytest.param("Content-Type: multipart/mixed; boundary=B; boundary=C\n", id="two-boundaries"),
        pytest.param(f"Content-Type: multipart/mixed; boundary={'b' * 201}\n", id="endless-boundary"),
    ],
)
def test_MSG9_left_alone(fields: str) -> None:
    assert found(single(fields, b"--B\r\n\r\nHello\r\n--B--\r\n")) == []


def test_the_offsets_cut_out_head_and_body() -> None:
    raw = crlf("Subject: x\n" + parted("alternative", PLAIN, HTML))
    plain, html = text_parts(parse(raw))
    assert raw[plain.head_start : plain.head_end] == b"Content-Type: text/plain\r\n"
    assert raw[plain.start : plain.end] == b"plain"  # the boundary's CRLF is not the text's
    assert raw[html.head_start : html.head_end].startswith(b"Content-Type: text/html")
    assert raw[html.head_start : html.head_end].endswith(b"quoted-printable\r\n")
    assert raw[html.start : html.end] == b"<p>"


def test_the_head_of_a_single_text_is_the_letters() -> None:
    raw = single("Content-Type: text/html\n", b"<p>")
    assert text_parts(parse(raw)) == [
        TextPart(0, raw.index(b"\r\n\r\n") + 2, len(raw) - 3, len(raw), "html", "", "7bit")
    ]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        pytest.param(parted("alternative", PLAIN, HTML), ["plain", "html"], id="alternative"),
        pytest.param(parted("x-unknown", PLAIN, HTML), ["plain", "html"], id="unknown-multipart"),
        pytest.param(
            parted("mixed", PLAIN, "Content-Type: image/png\n\nx", HTML), ["plain", "html"], id="mixed"
        ),
        pytest.param(parted("mixed", "\nno header", HTML), ["plain", "html"], id="part-without-header"),
        pytest.param(
            parted("mixed", PLAIN + "\n--Bx\n--B-\n--B --\nmore"), ["plain"], id="lines-like-the-boundary"
        ),
        pytest.param(parted("mixed", PLAIN).replace("--B--", ""), ["plain"], id="no-closing-line"),
        pytest.param(parted("mixed", PLAIN).replace("--B\n", "--B \t\n"), ["plain"], id="padded-boundary"),
        pytest.param(parted("mixed", PLAIN) + "--B\n\nepilogue\n", ["plain"], id="epilogue"),
        pytest.param(parted("mixed", PLAIN).replace("\n\n", "\n\npreamble\n", 1), ["plain"], id="preamble"),
        pytest.param(parted("mixed", "", "", PLAIN), ["plain"], id="empty-parts"),
        pytest.param(parted("signed", PLAIN, HTML), [], id="signed"),
        pytest.param(parted("encrypted", PLAIN), [], id="encrypted"),
        pytest.param(parted("report", PLAIN), [], id="report"),
        pytest.param(parted("digest", PLAIN), [], id="digest"),
        pytest.param(
            parted("mixed", PLAIN, parted("signed", HTML).replace("B", "C")), ["plain"], id="signed-inside"
        ),
        pytest.param(parted("mixed", "Content-Type: message/rfc822\n\n" + PLAIN), [], id="letter-inside"),
        pytest.param(parted("mixed", "this is no field\n" + HTML, PLAIN), ["plain"], id="broken-head"),
        pytest.param(parted("mixed", "Content-Type: text/plain\nno empty line\n"), [], id="no-empty-line"),
        pytest.param(
            parted("mixed", PLAIN).replace("\n\n", "\nContent-Transfer-Encoding: base64\n\n", 1),
            [],
            id="encoded-multipart",
        ),
        pytest.param(
            parted(
                "mixed", PLAIN, "Content-Disposition: attachment\n" + parted("mixed", HTML).replace("B", "C")
            ),
            ["plain"],
            id="attached-multipart",
        ),
    ],
)
def test_MSG8_trees(text: str, kinds: list[str]) -> None:
    assert [kind for kind, *_ in found(crlf("Subject: x\n" + text))] == kinds


def test_an_inner_multipart_ends_with_its_outer_one() -> None:
    inner = "Content-Type: multipart/alternative; boundary=C\n\n--C\n\nfirst\n--C\n" + HTML
    raw = crlf(parted("mixed", inner, PLAIN))
    assert [body for *_, body in found(raw)] == [b"first", b"<p>", b"plain"]


def test_MSG7_a_boundary_in_rfc_2231_pieces() -> None:
    raw = crlf(
        'Content-Type: multipart/mixed; boundary*0="=_a"; boundary*1*=%20b\n\n--=_a b\n\nx\n--=_a b--\n'
    )
    assert found(raw) == [("plain", "", "7bit", b"x")]


@pytest.mark.parametrize(("levels", "count"), [(19, 1), (20, 0), (10_000, 0)])
def test_S12_at_most_twenty_levels(levels: int, count: int) -> None:
    head = b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n"
    raw = b"".join([head % (level, level) for level in range(levels)]) + b"\r\nx"
    assert len(found(raw)) == count


@pytest.mark.parametrize(("parts", "count"), [(PARTS_MAX, PARTS_MAX), (PARTS_MAX + 1, 0)])
def test_S12_at_most_a_thousand_parts(parts: int, count: int) -> None:
    raw = b"Content-Type: multipart/mixed; boundary=B\r\n" + b"\r\n--B\r\n\r\nx" * parts + b"\r\n--B--"
    assert len(found(raw)) == count


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"text/plain", ("text/plain", {})),
        (b" (a (nested) comment) TEXT / Html (b) ; (c) Charset (d) = (e) utf-8 (f)", ("text/html", {})),
        (b"text/html ;; ; charset=utf-8;", ("text/html", {"charset": "utf-8"})),
        (b"text/html charset=utf-8", ("text/html", {"charset": "utf-8"})),
        (b"a/b; boundary=----=_Part_1.2", ("a/b", {"boundary": "----=_Part_1.2"})),
        (b'a/b; x="a \\"b\\" \\\\ ;c"; y=z', ("a/b", {"x": 'a "b" \\ ;c', "y": "z"})),
        (b"a/b; x=1; x=2", ("a/b", {"x": "1"})),
        (b"a/b; charset=UTF-8; charset=utf-8", ("a/b", {"charset": "UTF-8"})),
        (b"a/b; name*0*=utf-8''%C3; name*1*=%A4; name*3=no", ("a/b", {"name": "ä"})),
        (b"a/b; name*x=1; name*9999=1", ("a/b", {})),
        (b"a/b; boundary=a; boundary*=''b", ("", {})),
        (b"a/b; =x; y", ("a/b", {})),
        (b"a/b; x= (open", ("a/b", {})),
        (b"", ("", {})),
        (b"/b", ("", {})),
        (b"a/b" + b" " * 70_000, ("", {})),
        (b"a/b" + b"; x=1" * 300, ("", {})),
        (b"a/b; x=\xff", ("a/b", {"x": "\xff"})),
    ],
)
def test_MSG7_content_types(value: bytes, expected: tuple[str, dict[str, str]]) -> None:
    assert parse_content_type(value) == expected


def test_dispositions() -> None:
    assert parameters(b"Attachment; FileName*0=a; size=3") == ("attachment", frozenset({"filename", "size"}))
    assert parameters(b'inline; filename="open') == ("", frozenset())
    assert parameters(b"") == ("", frozenset())


def test_the_type_of_the_letter() -> None:
    assert top_type(parse(b"A: b\r\n\r\n")) == ("text/plain", {})
    assert top_type(parse(b"Content-Type: a/b; c=d\r\n\r\n")) == ("a/b", {"c": "d"})
