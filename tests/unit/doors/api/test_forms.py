"""doors.api.forms and multipart: what a form means, and which ones are refused."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlencode

import pytest

from posthouse.doors.api.answers import Problem
from posthouse.doors.api.bodies import parse_form
from posthouse.doors.api.forms import MOST_FIELDS, Form, Upload, parse_urlencoded
from posthouse.doors.api.multipart import parse_multipart

KIND = "multipart/form-data; boundary=b"


def part(disposition: str | bytes = 'form-data; name="a"', content: bytes = b"x", more: str = "") -> bytes:
    if isinstance(disposition, str):
        disposition = disposition.encode()
    return b"--b\r\nContent-Disposition: " + disposition + f"\r\n{more}\r\n".encode() + content + b"\r\n"


def read(*parts: bytes) -> Form:
    return parse_form(b"".join(parts) + b"--b--\r\n", KIND)


def refusal(body: bytes, kind: str = KIND) -> Problem:
    with pytest.raises(Problem) as caught:
        parse_form(body, kind)
    return caught.value


# urlencoded


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"", []),
        (b"a=1&b=2", [("a", "1"), ("b", "2")]),
        (b"a=1&a=2", [("a", "1"), ("a", "2")]),
        (b"a", [("a", "")]),
        (b"a=&=b&&", [("a", ""), ("", "b")]),
        (b"a=b=c%3Dd", [("a", "b=c=d")]),
        (b"a=%3D%0D%0A=x", [("a", "=\r\n=x")]),
        (b"a+b=c+d%2Be", [("a b", "c d+e")]),
        (b"o%3Atag=%e2%82%AC", [("o:tag", "€")]),
        ("a=ü".encode(), [("a", "ü")]),
        (b"a=line\nline", [("a", "line\nline")]),
        (b"a=_x =\nb", [("a", "_x =\nb")]),
        (b"__proto__=1", [("__proto__", "1")]),
    ],
)
def test_an_urlencoded_form(body: bytes, fields: list[tuple[str, str]]) -> None:
    assert parse_urlencoded(body).fields == fields
    assert parse_form(body, "application/x-www-form-urlencoded; charset=utf-8").fields == fields


@pytest.mark.parametrize(
    "body",
    [
        b"a=%",
        b"a=%4",
        b"a=%zz",
        b"a=%%41",
        b"a=%\n1",
        b"a=%\r\n12",
        b"a=%ff",
        b"a=\xff",
        b"a=%00",
        b"a=%ed%a0%80",
        b"a=1&" * MOST_FIELDS,
    ],
    ids=lambda body: repr(body[:20]),
)
def test_an_urlencoded_form_that_is_none(body: bytes) -> None:
    refused = refusal(body, "application/x-www-form-urlencoded")
    assert (refused.status, refused.reason) == (400, "bad-form")


def test_every_octet_survives_an_urlencoded_form() -> None:
    text = "".join(map(chr, [*range(1, 0x250), 0x20AC, 0x1F600])) + "=%3D=\r\n=0A%\r=\n"
    assert parse_urlencoded(urlencode({text: text}).encode()).fields == [(text, text)]


@pytest.mark.parametrize("kind", ["application/json", "multipart/mixed; boundary=b", "text/plain"])
def test_what_is_no_form(kind: str) -> None:
    assert refusal(b"--b--", kind).status == 415


# multipart: fields and files


def test_fields_and_files_in_their_order() -> None:
    form = read(
        part('form-data; name="to"', b"a@b.test"),
        part('form-data; name="to"', "ü@b.test".encode()),
        part(
            'form-data; name="attachment"; filename="a.txt"',
            b"\r\n--b \x00\xff\r\n",
            "Content-Type: Text/X\r\n",
        ),
        part('form-data; name="attachment"; filename=""', b""),
        part('form-data; name="raw"', b"\xff", "Content-Type: application/octet-stream\r\n"),
        part('form-data; name="v:x"', b"{}", "Content-Type: application/json\r\n"),
    )
    assert form.fields == [("to", "a@b.test"), ("to", "ü@b.test"), ("v:x", "{}")]
    assert form.files == [
        Upload("attachment", "a.txt", "text/x", b"\r\n--b \x00\xff\r\n"),
        Upload("attachment", "", "", b""),
        Upload("raw", "", "application/octet-stream", b"\xff"),
    ]
    assert form.get("to") == "ü@b.test" and form.all("to") == ["a@b.test", "ü@b.test"] and "to" in form


@pytest.mark.parametrize(
    ("written", "name", "filename"),
    [
        ('name="a"; filename="b.txt"', "a", "b.txt"),
        ("name=a; filename=b.txt", "a", "b.txt"),
        ('NAME="a"; FileName="b.txt"', "a", "b.txt"),
        ('filename="b.txt" ;  name="a"', "a", "b.txt"),
        (r'name="a"; filename="say \"hi\".txt"', "a", 'say "hi".txt'),
        (r'name="a"; filename="C:\docs\x.txt"', "a", r"C:\docs\x.txt"),
        (r'name="a"; filename="a\\b"', "a", r"a\b"),
        ('name="a"; filename="say %22hi%22%0D%0A.txt"', "a", 'say "hi"\r\n.txt'),
        ('name="a"; filename="100%25.txt"', "a", "100%25.txt"),
        ('name="a%22b"; filename="x"', 'a"b', "x"),
        ('name="a"; filename="ünï.txt"', "a", "ünï.txt"),
        ("name=\"a\"; filename*=UTF-8''na%C3%AFve.txt", "a", "naïve.txt"),
        ('name="a"; filename="x"; filename*=utf-8\'en\'%e2%82%ac', "a", "€"),
        ("name=\"a\"; filename*=iso-8859-1''%E9", "a", "é"),
        ('name="a"; filename="a;b=c"', "a", "a;b=c"),
        ('name="a"; filename="../../etc/passwd"', "a", "../../etc/passwd"),
        ('name=""; filename="x"', "", "x"),
    ],
)
def test_names_as_programs_write_them(written: str, name: str, filename: str) -> None:
    (file,) = read(part(f"form-data; {written}")).files
    assert (file.name, file.filename) == (name, filename)


@pytest.mark.parametrize(
    ("charset", "octets"),
    [("utf-8", b"\xc3\xbc"), ("UTF-8", b"\xc3\xbc"), ("iso-8859-1", b"\xfc"), ("windows-1252", b"\xfc")],
)
def test_a_field_says_its_charset(charset: str, octets: bytes) -> None:
    form = read(part(content=octets, more=f"Content-Type: text/plain; charset={charset}\r\n"))
    assert form.fields == [("a", "ü")]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"--b--", []),
        (b"--b--\r\nan epilogue", []),
        (b"a preamble\r\n" + part() + b"--b--", [("a", "x")]),
        (part() + b"--b-- \t\r\n--b\r\nnothing", [("a", "x")]),
        (part().replace(b"--b\r\n", b"--b \t\r\n") + b"--b--", [("a", "x")]),
        (part(content=b"--b\r\n--bc\r\n -\r\n--b") + b"--b--", None),
        (part(content=b"a--b\r\n--bc\r\n --b--\r\n-") + b"--b--", [("a", "a--b\r\n--bc\r\n --b--\r\n-")]),
        (part(content=b"") + b"--b--", [("a", "")]),
        (part(content=b"\r\n") + b"--b--", [("a", "\r\n")]),
        (part('form-data;\r\n name="a"') + b"--b--", [("a", "x")]),
        (part(more="X-Odd: 1\r\nContent-Transfer-Encoding: 8bit\r\n") + b"--b--", [("a", "x")]),
    ],
)
def test_where_a_part_begins_and_ends(body: bytes, fields: list[tuple[str, str]] | None) -> None:
    if fields is None:
        assert refusal(body).reason == "bad-form"
    else:
        assert parse_form(body, KIND).fields == fields


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "ends before"),
        (b"--b\r\n", "ends before"),
        (part(), "ends before"),
        (part() + b"--b", "ends before"),
        (part() + b"--c--", "ends before"),
        (part().replace(b"\r\n", b"\n") + b"--b--", "ends before"),
        (b"--b\r\n\r\nx\r\n--b--", "no header"),
        (b"--b\r\nX: y\r\n\r\nx\r\n--b--", "no Content-Disposition"),
        (b"--b\r\nContent-Disposition: form-data; name=a\r\n--b--", "no header"),
        (b"--b\r\n--b--", "no header"),
        (part("attachment; name=a") + b"--b--", "no Content-Disposition"),
        (part("form-data") + b"--b--", "no Content-Disposition"),
        (part('form-data; filename="x"') + b"--b--", "no Content-Disposition"),
        (part('form-data; name="a"; name="b"') + b"--b--", "twice"),
        (part('form-data; name="a" trash') + b"--b--", "no Content-Disposition"),
        (part('form-data; name="a"b"') + b"--b--", "no Content-Disposition"),
        (part('form-data; name="a') + b"--b--", "no Content-Disposition"),
        (part(b'form-data; name="\xff"') + b"--b--", "name of a field is not in UTF-8"),
        (part(b'form-data; name="a"; filename="\xff"') + b"--b--", "file name is not in UTF-8"),
        (part('form-data; name="a"; filename*="x"') + b"--b--", "not of the form"),
        (part("form-data; name=\"a\"; filename*=utf-7''x") + b"--b--", "not of the form"),
        (part("form-data; name=\"a\"; filename*=utf-8''%00") + b"--b--", "U+0000"),
        (part(content=b"\xff") + b"--b--", "field a is not in UTF-8"),
        (part(content=b"a\0b") + b"--b--", "U+0000"),
        (part(more="Content-Type: text/plain; charset=utf-7\r\n") + b"--b--", "charset"),
        (part(more="Content-Transfer-Encoding: base64\r\n") + b"--b--", "Content-Transfer-Encoding"),
        (part(more='Content-Disposition: form-data; name="b"\r\n') + b"--b--", "two content-disposition"),
        (part(more="no colon\r\n") + b"--b--", "a line in its header"),
        (part(more="X: a\nb: c\r\n") + b"--b--", "a line in its header"),
        (part(more="X: 1\r\n" * 60) + b"--b--", "more than 50 lines"),
        (part(more=f"X: {'x' * 9000}\r\n") + b"--b--", "no header"),
        (part() * (MOST_FIELDS + 2) + b"--b--", "more than 10000 parts"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_multipart_form_that_is_none(body: bytes, why: str) -> None:
    refused = refusal(body)
    assert (refused.status, refused.reason) == (400, "bad-form") and why in refused.text


@pytest.mark.parametrize("boundary", ["", '""', "x" * 71, '"a\\"b"', '"ends with a blank "', "b; boundary=c"])
def test_a_boundary_that_is_none(boundary: str) -> None:
    refused = refusal(b"--b--", f"multipart/form-data; boundary={boundary}")
    assert refused.status == 400 and "boundary" in refused.text


def test_a_quoted_boundary() -> None:
    body = part().replace(b"--b\r\n", b"--a (b)\r\n") + b"--a (b)--"
    assert parse_form(body, 'Multipart/Form-Data; Boundary="a (b)"').fields == [("a", "x")]


@pytest.mark.parametrize(
    "body",
    [
        b"--b" * 400_000,
        b"\r\n--b " + b" " * 1_000_000,
        b"\r\n--b \t" * 200_000,
        part('form-data; name="' + "\\" * 4000),
        part("form-data" + "; x=y" * 1500),
        part(content=b"\r\n" * 500_000) + b"--b--",
    ],
    ids=range(6),
)
def test_S12_a_form_that_was_made_to_be_slow_is_not(body: bytes) -> None:
    begun = time.process_time()
    try:
        parse_multipart(body, "b")
    except Problem as refused:
        assert refused.reason == "bad-form"
    assert time.process_time() - begun < 2


@pytest.mark.parametrize("name", ["requests", "aiohttp"])
def test_forms_of_real_libraries(name: str) -> None:
    fields = [("to", "a@b.test"), ("subject", 'Grüße "x"'), ("o:tag", "1"), ("o:tag", "2")]
    files = [("attachment", 'a "b" ü.txt', b"\r\n--b\r\n\xff", "text/plain")]
    body, kind = _written(name, fields, files)
    form = parse_form(body, kind)
    assert form.fields == fields
    (file,) = form.files
    assert (file.name, file.filename, file.type) == ("attachment", 'a "b" ü.txt', "text/plain")
    assert file.content == b"\r\n--b\r\n\xff"


def _written(name: str, fields: Any, files: Any) -> tuple[bytes, str]:
    module = pytest.importorskip(name)
    if name == "requests":
        given = [(field, (filename, content, kind)) for field, filename, content, kind in files]
        request = module.Request("POST", "http://x.test/", data=fields, files=given).prepare()
        return request.body, request.headers["Content-Type"]
    writer = module.FormData(quote_fields=False)
    for key, value in fields:
        writer.add_field(key, value, content_type="text/plain; charset=utf-8")
    for field, filename, content, kind in files:
        writer.add_field(field, content, filename=filename.replace('"', "%22"), content_type=kind)
    payload = writer()
    return _payload_octets(payload), payload.headers["Content-Type"]


def _payload_octets(payload: Any) -> bytes:
    import asyncio

    class Sink:
        def __init__(self) -> None:
            self.octets = b""

        async def write(self, data: bytes) -> None:
            self.octets += data

    sink = Sink()
    asyncio.run(payload.write(sink))
    return sink.octets
