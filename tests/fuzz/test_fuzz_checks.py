"""Any octets give findings, never an error; the time is linear in what is looked at."""

from __future__ import annotations

import gc
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.mail.checks import Finding, Seen, Standing, check_letter
from posthouse.mail.checks.html_seen import LOOKED_AT

PIECES = st.sampled_from(
    [
        b"From: ", b"a@x.example", b"\r\n", b"\r\n\r\n", b"Subject: ", b"List-Unsubscribe: <", b">",
        b"Content-Type: text/html\r\n", b"Content-Type: multipart/mixed; boundary=b\r\n",
        b"--b\r\n", b"--b--", b"Content-Transfer-Encoding: base64\r\n", b"DKIM-Signature: d=x.example;",
        b"Reply-To: ", b"charset=utf-16", b"<a href=", b'"https://[', b"'javascript:", b"//", b"localhost",
        b"</a>", b"<img src=", b"cid:", b"data:", b"<div style='display:none'>", b"</div>", b"{{",
        b"}}", b"%recipient.", b"*|A|*", b"&#x110000;", b"\0", b"\xff\xfe", "İ".encode(),
        "\u202e".encode(), b"x" * 1000, b"filename=\"a.exe\"",
    ]
)  # fmt: skip
STANDING = Standing(
    "x.example",
    "x.example",
    {"dkim": Seen(False, "publish it.")},
    "https://email.x.example",
    goes_to_many=True,
)


def judged(raw: bytes) -> list[Finding]:
    found = check_letter(raw, STANDING)
    assert found and all(each.text and len(each.text) <= 600 and "\n" not in each.text for each in found)
    return found


@given(st.binary(max_size=2000))
def test_any_octets_give_findings(raw: bytes) -> None:
    judged(raw)


@given(st.lists(PIECES, max_size=60))
def test_pieces_of_letters_give_findings(pieces: list[bytes]) -> None:
    judged(b"".join(pieces))


HTML = b"From: a@x.example\r\nContent-Type: text/html\r\n\r\n"


@pytest.mark.parametrize(
    "piece",
    [
        b'<a href="x">', b"<a href=https://x.example>x.example</a>", b"<img src=x>",
        b"<div hidden>", b"<", b"<a ", b"<p style='", b"{{", b"[[x", b"%recipient.", b"x@y.",
        b"&amp", b"<script>", b"<!--", b"\r\n", b"<a x='",
    ],
)  # fmt: skip
def test_time_is_linear(piece: bytes) -> None:
    """Ten times as much takes not much more than ten times as long."""

    def took(octets: int) -> float:
        gc.collect()
        gc.disable()  # what other tests left on the heap would be looked through again and again
        try:
            begin = time.process_time()
            judged(HTML + piece * (octets // len(piece)))
            return time.process_time() - begin
        finally:
            gc.enable()

    assert took(LOOKED_AT // 2) < 20 * took(LOOKED_AT // 20) + 0.5
    assert took(4 * LOOKED_AT) < 30.0
