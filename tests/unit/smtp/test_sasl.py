"""PLAIN and LOGIN, message by message (AUT-4, AUT-5, AUT-7)."""

from __future__ import annotations

from base64 import b64encode

import pytest

from posthouse.smtp.grammar import SyntaxRefused
from posthouse.smtp.replies import Reply
from posthouse.smtp.sasl import Login, LoginExchange, PlainExchange

PLAIN = {
    "usual": (b"\0ann\0secret", Login("ann", "secret")),
    "own authzid": (b"ann\0ann\0secret", Login("ann", "secret")),
    "UTF-8": ("\0jürgen\0pässword".encode(), Login("jürgen", "pässword")),
    "empty password": (b"\0ann\0", Login("ann", "")),
    "empty user": (b"\0\0x", Login("", "x")),
    "255 octets each": (b"\0" + b"u" * 255 + b"\0" + b"p" * 255, Login("u" * 255, "p" * 255)),
    "spaces in the password": (b"\0ann\0 a b ", Login("ann", " a b ")),
    "another's authzid": (b"bob\0ann\0secret", 535),
    "one NUL": (b"ann\0secret", 501),
    "three NULs": (b"\0ann\0sec\0ret", 501),
    "no NUL": (b"", 501),
    "no UTF-8": (b"\0\xff\0x", 501),
    "CR LF in the name": (b"\0a\r\nb\0x", 501),
    "C1 control in the name": ("\0a\u0085b\0x".encode(), 501),
}


@pytest.mark.parametrize(("message", "expected"), PLAIN.values(), ids=PLAIN)
def test_plain(message: bytes, expected: Login | int) -> None:
    line = b64encode(message)
    for ask in (lambda: PlainExchange().begin(line or b"="), lambda: PlainExchange().step(line)):
        if isinstance(expected, Login):
            assert ask() == expected
        else:
            with pytest.raises(SyntaxRefused) as refused:
                ask()
            assert refused.value.reply.code == expected


BAD_BASE64 = [
    b"AGFubgBzZWNyZX",
    b"AGFubgBzZWNyZXQ",
    b"AGFu bgB4eA==",
    b"AGFu-gB4eA==",
    b"====",
    b"AA==AA==",
    b"\xff",
    b"A",
]


@pytest.mark.parametrize("line", BAD_BASE64, ids=repr)
def test_bad_base64_is_501(line: bytes) -> None:
    for exchange in (PlainExchange(), LoginExchange()):
        with pytest.raises(SyntaxRefused) as refused:
            exchange.begin(line)
        assert (refused.value.reply.code, refused.value.reply.enhanced) == (501, "5.5.2")


def test_plain_without_initial_response_prompts() -> None:
    prompt = PlainExchange().begin(None)
    assert isinstance(prompt, Reply)
    assert prompt.wire == b"334 \r\n"


def test_login_prompts_twice() -> None:
    exchange = LoginExchange()
    first, second = exchange.begin(None), exchange.step(b64encode(b"ann"))
    assert isinstance(first, Reply)
    assert first.wire == b"334 VXNlcm5hbWU6\r\n"
    assert isinstance(second, Reply)
    assert second.wire == b"334 UGFzc3dvcmQ6\r\n"
    assert exchange.step(b64encode(b"secret")) == Login("ann", "secret")


@pytest.mark.parametrize(
    ("user", "password", "login"),
    [
        (b"ann", b"secret", Login("ann", "secret")),
        (b"", b"", Login("", "")),
        (b"apikey\n", b"SG.key\n", Login("apikey", "SG.key")),  # C-16: echo leaves a line end
        (b"ann", b"secret\r\n", Login("ann", "secret")),
        (b"ann", b" two words ", Login("ann", " two words ")),
    ],
)
def test_login(user: bytes, password: bytes, login: Login) -> None:
    exchange = LoginExchange()
    exchange.begin(b64encode(user) or b"=")
    assert exchange.step(b64encode(password)) == login


@pytest.mark.parametrize(
    ("user", "password"), [(b"a\0b", None), (b"a\nb", None), (b"ann", b"x\0y"), (b"\xff", None)]
)
def test_login_refuses_controls(user: bytes, password: bytes | None) -> None:
    exchange = LoginExchange()
    with pytest.raises(SyntaxRefused):
        exchange.begin(b64encode(user))
        assert password is not None
        exchange.step(b64encode(password))


def test_a_login_does_not_show_its_password() -> None:  # S22
    assert "secret" not in repr(Login("ann", "secret"))
