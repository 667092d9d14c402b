"""Command lines, paths and parameters as tables."""

from __future__ import annotations

import time

import pytest

from posthouse.model.address import Address
from posthouse.smtp.grammar import (
    Command,
    MailParams,
    RcptParams,
    SyntaxRefused,
    parse_command,
    parse_mail,
    parse_mail_params,
    parse_path,
    parse_rcpt,
    parse_rcpt_params,
)

COMMANDS = {
    b"NOOP": Command("NOOP", ""),
    b"noop  a b ": Command("NOOP", "a b"),
    b"Mail From:<A@b>": Command("MAIL", "From:<A@b>"),  # SRV-3: the argument keeps its case
    b"": Command("", ""),
    b" NOOP": Command("", "NOOP"),
    "VRFY ü".encode(): Command("VRFY", "ü"),
    b"EHLO b\xfcro": Command("EHLO", "büro"),
    b"helo b\xfcro": Command("HELO", "büro"),
}


@pytest.mark.parametrize(("line", "command"), COMMANDS.items(), ids=repr)
def test_commands(line: bytes, command: Command) -> None:
    assert parse_command(line) == command


@pytest.mark.parametrize(
    "line", [b"NOOP\rx", b"NOOP\nx", b"NO\0OP", b"EHLO a\nb", b"VRFY \xff", b"\xff"], ids=repr
)
def test_lines_that_are_refused_whole(line: bytes) -> None:  # SRV-2
    with pytest.raises(SyntaxRefused) as refused:
        parse_command(line)
    assert (refused.value.reply.code, refused.value.reply.enhanced) == (500, "5.5.2")


SENDERS = {
    "FROM:<a@b.example>": (Address("a", "b.example"), MailParams()),
    "from:<A@B.Example>": (Address("A", "b.example"), MailParams()),
    "FROM: <a@b.example>": (Address("a", "b.example"), MailParams()),
    "FROM:<>": (None, MailParams()),
    "FROM:<> RET=FULL": (None, MailParams(ret="FULL")),
    'FROM:<"a b"@b.example> SIZE=3': (Address('"a b"', "b.example"), MailParams(size=3)),
    'FROM:<"a> SIZE=1"@b.example>': (Address('"a> SIZE=1"', "b.example"), MailParams()),
    'FROM:<"a\\"b"@b.example>': (Address('"a\\"b"', "b.example"), MailParams()),
    "FROM:<@x.example,@y.example:a@b.example>": (Address("a", "b.example"), MailParams()),
    "FROM:<a@[192.0.2.1]>": (Address("a", "[192.0.2.1]"), MailParams()),
    "FROM:<ü@bücher.example> SMTPUTF8": (Address("ü", "xn--bcher-kva.example"), MailParams(is_utf8=True)),
    "FROM:<a@b.example>  SIZE=1   BODY=7BIT": (Address("a", "b.example"), MailParams(size=1, body="7BIT")),
}


@pytest.mark.parametrize(("text", "expected"), SENDERS.items(), ids=SENDERS)
def test_senders(text: str, expected: tuple[Address | None, MailParams]) -> None:
    assert parse_mail(text) == expected


BAD_SENDERS = {
    "": (501, "5.5.4"),
    "a@b.example": (501, "5.5.4"),
    "TO:<a@b.example>": (501, "5.5.4"),
    "FROM :<a@b.example>": (501, "5.5.4"),
    "FROM:a@b.example": (501, "5.1.7"),
    "FROM:  <a@b.example>": (501, "5.1.7"),
    "FROM:<a@b.example": (501, "5.1.7"),
    "FROM:a@b.example>": (501, "5.1.7"),
    "FROM:<<a@b.example>>": (501, "5.1.7"),
    "FROM:<a@b.example>x": (501, "5.1.7"),
    "FROM:<a @b.example>": (501, "5.1.7"),
    'FROM:<"a@b.example>': (501, "5.1.7"),
    "FROM:<postmaster>": (501, "5.1.7"),
    "FROM:<@b.example>": (501, "5.1.7"),
    "FROM:<@x:>": (501, "5.1.7"),
    "FROM:<@x,y:a@b.example>": (501, "5.1.7"),
    "FROM:<@-x-:a@b.example>": (501, "5.1.7"),
    "FROM:<ü@b.example>": (553, "5.6.7"),
    "FROM:<a@bücher.example> BODY=8BITMIME": (553, "5.6.7"),
    "FROM:<a@b.example> FOO": (555, "5.5.4"),
    "FROM:<a@b.example> NOTIFY=NEVER": (555, "5.5.4"),
}


@pytest.mark.parametrize(("text", "expected"), BAD_SENDERS.items(), ids=BAD_SENDERS)
def test_bad_senders(text: str, expected: tuple[int, str]) -> None:
    with pytest.raises(SyntaxRefused) as refused:
        parse_mail(text)
    reply = refused.value.reply
    assert (reply.code, reply.enhanced) == expected
    assert "annot parse from address" in str(reply) or expected != (501, "5.1.7")  # C-10
    assert "example" not in str(reply)  # SRV-35: nothing of the input is echoed


RECIPIENTS = {
    "TO:<a@b.example>": (Address("a", "b.example"), RcptParams()),
    "to: <a@b.example> notify=delay": (Address("a", "b.example"), RcptParams(notify="DELAY")),
    "TO:<PostMaster>": (Address("postmaster", "mx.example"), RcptParams()),
    "TO:<postmaster> NOTIFY=NEVER": (Address("postmaster", "mx.example"), RcptParams(notify="NEVER")),
    "TO:<@r.example:a@b.example>": (Address("a", "b.example"), RcptParams()),
}


@pytest.mark.parametrize(("text", "expected"), RECIPIENTS.items(), ids=RECIPIENTS)
def test_recipients(text: str, expected: tuple[Address, RcptParams]) -> None:
    assert parse_rcpt(text, "mx.example", is_utf8=False) == expected


@pytest.mark.parametrize("text", ["TO:<>", "TO:<a>", "TO:a@b.example", "TO:<a@b@c.example>", "TO:<abuse>"])
def test_bad_recipients(text: str) -> None:
    with pytest.raises(SyntaxRefused, match=r"501 5\.1\.3 Cannot parse to address: "):  # SRV-13, C-10
        parse_rcpt(text, "mx.example", is_utf8=False)


def test_utf8_recipient_follows_what_mail_said() -> None:  # EXT-8
    assert parse_rcpt("TO:<ü@b.example>", "mx.example", is_utf8=True)[0] == Address("ü", "b.example")
    with pytest.raises(SyntaxRefused, match=r"553 5\.6\.7"):
        parse_rcpt("TO:<ü@b.example>", "mx.example", is_utf8=False)


def test_a_path_by_itself() -> None:
    assert parse_path("a@b.example", is_utf8=False, enhanced="5.1.3", which="to") == Address("a", "b.example")


MAIL_PARAMS = {
    "SIZE=0": MailParams(),
    "SIZE=99999999999999999999": MailParams(size=99999999999999999999),
    "body=8bitmime": MailParams(body="8BITMIME"),
    "SMTPUTF8 BODY=7BIT": MailParams(is_utf8=True, body="7BIT"),
    "RET=hdrs ENVID=a+2Bb": MailParams(ret="HDRS", envid="a+2Bb"),
    "AUTH=<>": MailParams(auth="<>"),
    "AUTH=a+40b": MailParams(auth="a+40b"),
    "ENVID=" + "x" * 100: MailParams(envid="x" * 100),
}


@pytest.mark.parametrize(("text", "expected"), MAIL_PARAMS.items(), ids=MAIL_PARAMS)
def test_mail_parameters(text: str, expected: MailParams) -> None:
    assert parse_mail_params(text) == expected


BAD_MAIL_PARAMS = [
    "SIZE",
    "SIZE=",
    "SIZE=x",
    "SIZE=-1",
    "SIZE=1.5",
    "SIZE=" + "1" * 21,
    "SIZE=１",
    "SIZE=1 SIZE=1",
    "BODY=BINARYMIME",
    "BODY",
    "BODY=",
    "SMTPUTF8=1",
    "RET=ALL",
    "RET",
    "ENVID",
    "ENVID=+",
    "ENVID=+2",
    "ENVID=+zz",
    "ENVID=+2b",
    "ENVID=+00",
    "ENVID=+0A",
    "ENVID=+7F",
    "ENVID=a=b",
    "ENVID=" + "x" * 101,
    "AUTH",
    "AUTH=+zz",
    "=",
    "-X=1",
    "ENVID=ü",
]


@pytest.mark.parametrize("text", BAD_MAIL_PARAMS)
def test_bad_mail_parameters(text: str) -> None:  # EXT-3, EXT-4, DSN-1, SRV-10
    with pytest.raises(SyntaxRefused, match=r"501 5\.5\.4"):
        parse_mail_params(text)


RCPT_PARAMS = {
    "NOTIFY=never": RcptParams(notify="NEVER"),
    "NOTIFY=success,DELAY,FAILURE": RcptParams(notify="SUCCESS,DELAY,FAILURE"),
    "NOTIFY=DELAY,DELAY": RcptParams(notify="DELAY"),
    "ORCPT=rfc822;a+2Bb@c.example": RcptParams(orcpt="rfc822;a+2Bb@c.example"),
    "ORCPT=utf-8;a\\x{FC}@c.example": RcptParams(orcpt="utf-8;a\\x{FC}@c.example"),
    "ORCPT=x-local;y NOTIFY=FAILURE": RcptParams(notify="FAILURE", orcpt="x-local;y"),
}


@pytest.mark.parametrize(("text", "expected"), RCPT_PARAMS.items(), ids=RCPT_PARAMS)
def test_rcpt_parameters(text: str, expected: RcptParams) -> None:
    assert parse_rcpt_params(text) == expected


BAD_RCPT_PARAMS = [
    "NOTIFY",
    "NOTIFY=",
    "NOTIFY=NEVER,FAILURE",
    "NOTIFY=,",
    "NOTIFY=OFTEN",
    "NOTIFY=DELAY NOTIFY=DELAY",
    "ORCPT",
    "ORCPT=",
    "ORCPT=rfc822",
    "ORCPT=rfc822;",
    "ORCPT=;x",
    "ORCPT=rfc 822;x",
    "ORCPT=rfc822;+0D+0A",
    "ORCPT=rfc822;a=b",
    "ORCPT=rfc822;" + "x" * 494,
    "ORCPT=utf-8;ü@c.example",
    "ORCPT=rfc822;ü@c.example",
]


@pytest.mark.parametrize("text", BAD_RCPT_PARAMS)
def test_bad_rcpt_parameters(text: str) -> None:  # DSN-1
    with pytest.raises(SyntaxRefused, match=r"5\.5\.4"):
        parse_rcpt_params(text)


def test_utf8_orcpt_in_an_utf8_transaction() -> None:  # RFC 6533 3
    assert parse_rcpt_params("ORCPT=utf-8;ü@c.example", is_utf8=True).orcpt == "utf-8;ü@c.example"


GROWING = {
    "brackets": "FROM:<" + "<" * 500_000,
    "quotes": 'FROM:<"' + '\\"' * 250_000,
    "quoted and not": "FROM:<" + '"a"b' * 125_000,
    "route": "FROM:<" + "@a," * 170_000,
    "colons": "FROM:<@" + "a:" * 250_000 + ">",
    "dots": "FROM:<" + "a." * 250_000 + "@b>",
    "parameters": "FROM:<a@b.example> " + "A=1 " * 125_000,
    "xtext": "FROM:<a@b.example> ENVID=" + "+2B" * 160_000 + "+",
    "spaces": "FROM:<a@b.example>" + " " * 500_000 + "=",
}


@pytest.mark.parametrize("text", GROWING.values(), ids=GROWING)
def test_half_a_megabyte_is_judged_in_linear_time(text: str) -> None:  # S11
    began = time.process_time()
    with pytest.raises(SyntaxRefused):
        parse_mail(text)
    assert time.process_time() - began < 1
