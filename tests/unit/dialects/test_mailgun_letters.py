"""JSON headers as mail programs send them, the variables container, and Mailgun's words."""

from __future__ import annotations

import base64
import json
from email.header import Header as WrittenHeader

import pytest

from posthouse.dialects.dialect import Unwrapped
from posthouse.dialects.mailgun import DIALECT
from posthouse.dialects.mailgun.container import unwrap
from posthouse.dialects.mailgun.json_header import object_of
from posthouse.mail.letter import parse
from posthouse.model.errors import Refused

BIG = {f"user{number}@example.com": {"name": f"Jürgen {number}", "n": number} for number in range(1000)}


def folded(text: str, width: int) -> bytes:
    """As a program that breaks at white space, or a relay that cuts, would send it."""
    return "\r\n ".join(text[at : at + width] for at in range(0, len(text), width)).encode()


def wrapped(text: str, width: int) -> bytes:
    """The recipe of the manuals: break before white space, keeping it."""
    lines, line = [], ""
    for word in text.split(" "):
        if line and len(line) + len(word) > width:
            lines.append(line)
            line = ""
        line += f" {word}"
    return "\r\n".join([*lines, line]).encode()


def encoded(text: str) -> bytes:
    return WrittenHeader(text, "utf-8").encode(linesep="\r\n").encode()


RAW = json.dumps(BIG, ensure_ascii=False)
READINGS: dict[str, bytes] = {
    "one line": RAW.encode(),
    "escapes": json.dumps(BIG).encode(),
    "wrapped at 72 columns": wrapped(RAW, 72),
    "cut at 998 columns": folded(json.dumps(BIG), 998),
    "folded by tabs": json.dumps(BIG).replace(" ", "\r\n\t").encode(),
    "encoded words": encoded(RAW),
    "encoded words over folded JSON": encoded(json.dumps(BIG, ensure_ascii=False, separators=(",", ":"))),
    "line breaks of a container": json.dumps(BIG, indent=1).replace("\n", "\r\n").encode(),
    "lone line feeds of a container": json.dumps(BIG, indent=1).encode(),
    "byte order mark": b"\xef\xbb\xbf" + RAW.encode(),
}


@pytest.mark.parametrize("raw", READINGS.values(), ids=READINGS)
def test_mg_18_json_however_it_arrives(raw: bytes) -> None:
    assert object_of(b" " + raw) == BIG


SMALL: dict[str, tuple[bytes, object]] = {
    "a fold in a string keeps its white space": (b'{"a": "b\r\n c"}', {"a": "b c"}),
    "a tab in a string is white space": (b'{"a": "b\r\n\tc"}', {"a": "b c"}),
    "a cut in a number": (b'{"a": 12\r\n 34}', {"a": 1234}),
    "Latin-1": (b'{"a": "\xfc"}', {"a": "ü"}),
    "an encoded word in a string": (b'{"a": "=?utf-8?q?=C3=BC?="}', {"a": "ü"}),
    "an encoded word with a quotation mark": (b'{"a": "=?utf-8?q?=22=C3=BC=22?="}', {"a": '"ü"'}),
    "a word and its neighbour": (b'{"a": "=?utf-8?q?=C3?=\r\n =?utf-8?q?=BC?="}', {"a": "ü"}),
    "half a character": (b'{"a": "x\\ud83d", "b": "\\ud83d\\ude00", "c": "\\\\ud83d"}',
        {"a": "x\ufffd", "b": "😀", "c": "\\ud83d"}),
    "a large number": (b'{"a": 1' + b"0" * 30 + b"}", {"a": 10**30}),
    "the last of equal keys": (b'{"a": 1, "a": 2}', {"a": 2}),
    "nothing": (b"", None),
    "null": (b"null", None),
    "no object": (b'"a"', None),
    "not a number": (b'{"a": NaN}', None),
    "infinity": (b'{"a": 1e999}', None),
    "an endless number": (b'{"a": ' + b"1" * 5000 + b"}", None),
    "a single quote": (b"{'a': 1}", None),
    "too deep": (b'{"a":' * 40 + b"1" + b"}" * 40, None),
    "far too deep": (b'{"a":' * 100_000, None),
}  # fmt: skip


@pytest.mark.parametrize(("raw", "expected"), SMALL.values(), ids=SMALL)
def test_json_in_a_header(raw: bytes, expected: object) -> None:
    assert object_of(raw) == expected


# -- the container ------------------------------------------------------------

INNER = b"From: a@shop.test\r\nTo: %recipient%\r\nX-Mailgun-Tag: in\r\n\r\nDear %recipient.first%\r\n"
VARIABLES = b'{"bob@example.com": {"first": "Bob"}}'


def container(
    first: bytes = b"Content-Type: application/json\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    + base64.encodebytes(VARIABLES).replace(b"\n", b"\r\n"),
    second: bytes = b"Content-Type: message/rfc822\r\n\r\n" + INNER,
    type: bytes = b"multipart/mailgun-variables",
) -> bytes:
    return (
        b"X-Mailgun-Track: no\r\nX-Mailgun-Recipient-Variables: {}\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: "
        + type
        + b'; boundary="X"\r\n\r\n--X\r\n'
        + first
        + b"\r\n--X\r\n"
        + second
        + b"\r\n--X--\r\n"
    )


def opened(raw: bytes) -> Unwrapped | None:
    return unwrap(parse(raw))


@pytest.mark.parametrize("transfer", ["base64", "7bit", "quoted-printable"])
def test_mg_18_the_container_is_opened(transfer: str) -> None:
    body = {
        "base64": base64.b64encode(VARIABLES),
        "7bit": VARIABLES,
        "quoted-printable": VARIABLES.replace(b"first", b"f=\r\nirst"),
    }[transfer]
    first = f"Content-Type: application/json\r\nContent-Transfer-Encoding: {transfer}\r\n\r\n".encode() + body
    inner = opened(container(first))
    assert inner and inner.content == INNER
    assert [header.name for header in inner.headers] == ["x-mailgun-track", "x-mailgun-recipient-variables"]
    assert object_of(inner.headers[1].raw) == json.loads(VARIABLES)


def test_an_ordinary_letter_is_none() -> None:
    assert opened(INNER) is None
    assert opened(container(type=b"multipart/mixed")) is None
    assert opened(b"Content-Type: text/plain; x=multipart/mailgun-variables\r\n\r\nhello\r\n") is None


BROKEN: dict[str, bytes] = {
    "no parts": b"Content-Type: multipart/mailgun-variables; boundary=Y\r\n\r\nhello\r\n",
    "no boundary": b"Content-Type: multipart/mailgun-variables\r\n\r\nhello\r\n",
    "other parts": container(first=b"Content-Type: text/plain\r\n\r\n{}"),
    "bad base64": container(
        first=b"Content-Type: application/json\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!"
    ),
    "unknown encoding": container(
        first=b"Content-Type: application/json\r\nContent-Transfer-Encoding: x\r\n\r\n{}"
    ),
    "an encoded letter": container(
        second=b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nRnJvbQ=="
    ),
}


@pytest.mark.parametrize("raw", BROKEN.values(), ids=BROKEN)
def test_a_broken_container_is_refused(raw: bytes) -> None:
    with pytest.raises(Refused, match=r"554 5\.6\.0 The multipart/mailgun-variables container is broken"):
        opened(raw)


# -- words ------------------------------------------------------------

WORDS = DIALECT.words


def test_c_08_great_success() -> None:
    assert WORDS.queued("01J").wire == b"250 Great success\r\n"
    assert WORDS.signed_in.wire == b"235 2.7.0 Authentication successful\r\n"
    assert WORDS.sender_ok.wire == b"250 2.1.0 Sender address accepted\r\n"
    assert WORDS.recipient_ok.wire == b"250 2.1.5 Recipient address accepted\r\n"
    assert WORDS.go_on.wire == b"354 Continue\r\n"


@pytest.mark.parametrize(
    "password",
    ["key-3ax6xnjp29jd6fds4gc373sgvjxteol0", f"SG.{'a' * 22}.{'b' * 43}", f"ph_{'x' * 22}.{'y' * 43}"],
)
def test_c_06_an_api_key_is_told_so(password: str) -> None:
    said = str(WORDS.bad_login("app@shop.test", password))
    assert said == "535 5.7.8 Authentication failed: this is an API key; use the SMTP password of this user"


@pytest.mark.parametrize("password", ["", "wrong", "5859f6f2a81c4028b8ad51cd73dea5a2-3af51f2b-046d8a3c"])
def test_c_06_a_wrong_password(password: str) -> None:
    assert str(WORDS.bad_login("app@shop.test", password)) == "535 5.7.8 Authentication failed"


def test_c_12_and_c_13_refusals() -> None:
    sandbox = WORDS.refusals["sandbox"]
    assert (sandbox.code, sandbox.enhanced) == (550, "5.7.1")
    assert sandbox.text.startswith("Sandbox subdomains are for test purposes only.")
    assert (WORDS.refusals["rate-limit"].code, WORDS.refusals["rate-limit"].enhanced) == (452, "4.7.1")
