"""Send calls with files, and finished letters (`messages.mime`)."""

from __future__ import annotations

from typing import Any

import pytest

from unit.doors.api.calling import DOMAIN, Api, Reply

SEND = f"/v3/{DOMAIN}/messages"
MIME = f"/v3/{DOMAIN}/messages.mime"
LEAST = {"from": f"Shop <shop@{DOMAIN}>", "to": "bob@example.net", "subject": "Hello", "text": "Hi"}
LETTER = f"From: shop@{DOMAIN}\r\nTo: bob@example.net\r\nSubject: MIME\r\n\r\nbody\r\n".encode()


async def send(api: Api, path: str = SEND, **more: Any) -> Reply:
    return await api.call("POST", path, basic=api.full, **more)


def with_fields(**fields: Any) -> dict[str, Any]:
    return {**LEAST, **fields}


MIME_REFUSED: dict[str, tuple[dict[str, Any], list[tuple[str, str, bytes, str]], str]] = {
    "no to": ({}, [("message", "m.mime", LETTER, "message/rfc822")], "to parameter is missing"),
    "no message": ({"to": "b@example.net"}, [], "message parameter is missing"),
    "message is text": (
        {"to": "b@example.net", "message": "Subject: x"},
        [],
        "'message' parameter is not a file",
    ),
    "no From": (
        {"to": "b@example.net"},
        [("message", "m", b"Subject: x\r\n\r\nx", "")],
        "The message has no From field",
    ),
    "bad to": (
        {"to": "b"},
        [("message", "m", LETTER, "")],
        "to parameter is not a valid address. please check documentation",
    ),
}


@pytest.mark.parametrize(("form", "files", "message"), MIME_REFUSED.values(), ids=MIME_REFUSED)
async def test_what_is_wrong_with_a_finished_letter(
    api: Api, form: dict[str, Any], files: list[tuple[str, str, bytes, str]], message: str
) -> None:
    reply = await send(api, MIME, form=form, files=files, multipart=True)
    assert (reply.status, reply.json()) == (400, {"message": message})
    assert api.accepted() == []


async def test_alternatives_inline_images_and_attachments(api: Api) -> None:
    files = [
        ("attachment", "bill.pdf", b"%PDF", "application/pdf"),
        ("attachment[1]", "Größe & Co.txt", b"text", "text/plain"),
        ("attachment", "", b"no name", "application/octet-stream"),
        ("inline", "logo.png", b"\x89PNG", ""),
    ]
    form = with_fields(html='<img src="cid:logo.png">', **{"amp-html": "<html amp4email></html>"})
    assert (await send(api, form=form, files=files)).status == 200
    mail = api.accepted_one().mail
    kinds = [part.get_content_type() for part in mail.walk() if not part.is_multipart()]
    assert kinds == [
        "text/plain",
        "text/x-amp-html",
        "text/html",
        "image/png",
        "application/pdf",
        "text/plain",
        "application/octet-stream",
    ]
    names = [part.get_filename() for part in mail.walk() if part.get_filename()]
    assert names == ["logo.png", "bill.pdf", "Größe & Co.txt", "attachment"]
    (inline,) = [part for part in mail.walk() if part["Content-ID"]]
    assert (inline["Content-ID"], inline.get_content_disposition()) == ("<logo.png>", "inline")
    assert inline.get_content() == b"\x89PNG"


FILE_NAMES = [
    'a"b.txt',
    "a\\b.txt",
    "C:\\x\\bill.pdf",
    "../../etc/passwd",
    "a;b=c.txt",
    "ü" * 300,
    "%0d%0aBcc: x",
]


@pytest.mark.parametrize("name", FILE_NAMES)
async def test_S4_odd_file_names_stay_file_names(api: Api, name: str) -> None:
    written = name.replace("\\", "\\\\").replace('"', '\\"')
    reply = await send(api, form=LEAST, files=[("attachment", written, b"x", "text/plain")])
    assert reply.status in (200, 400)
    if reply.status == 200:
        mail = api.accepted_one().mail
        (part,) = list(mail.iter_attachments())
        assert part.get_content().strip() == "x"
        assert "/" not in (part.get_filename() or "") and mail["Bcc"] is None


# finished letters


async def test_a_finished_letter_goes_as_it_is(api: Api) -> None:
    letter = (
        b"From: shop@shop.test\nTo: undisclosed@shop.test\nBcc: x@example.net\n"
        b"Message-ID: <own@shop.test>\n\nbody\n"
    )
    form = {"to": ["bob@example.net", "ann@example.net"], "o:tag": "t1", "v:a": "1", "o:testmode": "yes"}
    reply = await send(api, MIME, form=form, files=[("message", "mime.eml", letter, "message/rfc822")])
    assert reply.json() == {"id": "<own@shop.test>", "message": "Queued. Thank you."}
    shown = api.accepted_one()
    assert shown.recipients == ["bob@example.net", "ann@example.net"]
    assert shown.mail["To"] == "undisclosed@shop.test"
    assert shown.mail["X-Mailgun-Tag"] == "t1"
    assert shown.options.tags == ("t1",)
    assert shown.options.metadata == {"a": "1"}
    assert shown.options.test_mode == "drop"
    assert shown.content.count(b"\n") == shown.content.count(b"\r\n")


async def test_a_parameter_beats_the_header_in_a_finished_letter(api: Api) -> None:
    letter = b"X-Mailgun-Track-Clicks: yes\r\nX-Mailgun-Tag: inner\r\n" + LETTER
    form = {"to": "bob@example.net", "o:tracking-clicks": "no", "o:tag": "outer"}
    assert (await send(api, MIME, form=form, files=[("message", "m", letter, "")])).status == 200
    options = api.accepted_one().options
    assert options.track_clicks == "off"
    assert options.tags == ("inner", "outer")
