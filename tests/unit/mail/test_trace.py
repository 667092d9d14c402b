"""mail.trace: Received, Message-ID and Date fields (SRV-50, RFC 3848), safe against client bytes (S4)."""

from __future__ import annotations

import re

import pytest

from posthouse.mail.letter import parse
from posthouse.mail.trace import (
    date_field,
    date_text,
    message_id,
    message_id_field,
    on_top,
    received_field,
    with_word,
)

AT = 1_700_000_000.5


def received(
    hello: str = "client.example.org",
    client_ip: str = "192.0.2.10",
    protocol: str = "ESMTPSA",
    recipient: str | None = None,
    hides_client: bool = False,
) -> bytes:
    return received_field(
        hello=hello,
        client_ip=client_ip,
        by_host="mail.example.com",
        protocol=protocol,
        id="01HF000000ABCDEFGHJKMNPQRS",
        at=AT,
        recipient=recipient,
        hides_client=hides_client,
    )


def test_received_names_everything_on_folded_lines() -> None:
    assert received(recipient="b@example.net") == (
        b"Received: from client.example.org ([192.0.2.10])\r\n"
        b"\tby mail.example.com with ESMTPSA id 01HF000000ABCDEFGHJKMNPQRS\r\n"
        b"\tfor <b@example.net>;\r\n"
        b"\tTue, 14 Nov 2023 22:13:20 +0000\r\n"
    )


def test_several_recipients_are_not_named() -> None:
    # SRV-50: `for` only with exactly one recipient
    assert b"for" not in received(recipient=None)


def test_client_can_be_hidden() -> None:
    field = received(hides_client=True)
    assert field.startswith(b"Received: from hidden.invalid\r\n\tby mail.example.com")
    assert b"client" not in field and b"192.0.2" not in field


@pytest.mark.parametrize(
    ("hello", "client_ip", "source"),
    [
        ("mx_1.example", "192.0.2.1", "mx_1.example ([192.0.2.1])"),
        ("[192.168.1.2]", "192.0.2.1", "[192.168.1.2] ([192.0.2.1])"),
        ("[IPv6:2001:db8::2]", "2001:db8::1", "[IPv6:2001:db8::2] ([IPv6:2001:db8::1])"),
        ("a.example", "::ffff:192.0.2.1", "a.example ([192.0.2.1])"),
        ("a.example", "fe80::1%eth0", "a.example ([IPv6:fe80::1])"),
        ("a.example", "", "a.example"),
        ("", "", "unknown"),
        ("my pc", "192.0.2.1", "[192.0.2.1] ([192.0.2.1])"),
        ("bücher.example", "192.0.2.1", "[192.0.2.1] ([192.0.2.1])"),
        ("a" * 300, "192.0.2.1", "[192.0.2.1] ([192.0.2.1])"),
        ("x\r\nBcc: all@example.net", "192.0.2.1", "[192.0.2.1] ([192.0.2.1])"),
        ("x\n", "192.0.2.1", "[192.0.2.1] ([192.0.2.1])"),
        ("x\u2028y", "192.0.2.1", "[192.0.2.1] ([192.0.2.1])"),
        ("x\x00", "192.0.2.1", "[192.0.2.1] ([192.0.2.1])"),
        ("(comment) by evil.example; ", "192.0.2.1", "[192.0.2.1] ([192.0.2.1])"),
        ("[192.0.2.1]\r\nX: y", "192.0.2.1", "[192.0.2.1] ([192.0.2.1])"),
        ("[::1\n]", "\r\nX: y", "unknown"),
    ],
)
def test_names_that_are_none_give_way(hello: str, client_ip: str, source: str) -> None:
    # S3, S4: no octet of the client's can begin a line
    field = received(hello, client_ip)
    assert field.split(b"\r\n\t")[0].decode() == f"Received: from {source}"
    assert len(parse(field).fields) == 1


@pytest.mark.parametrize(
    ("recipient", "protocol", "written"),
    [
        ("b@example.net", "ESMTP", True),
        ("jürgen@example.net", "UTF8SMTPSA", True),
        ("jürgen@example.net", "ESMTPSA", False),
        ("b@example.net>\r\nX: y <", "ESMTP", False),
        ("b\u2028@example.net", "UTF8SMTP", False),
        ("", "ESMTP", False),
    ],
)
def test_only_clean_recipients_are_named(recipient: str, protocol: str, written: bool) -> None:
    field = received(recipient=recipient, protocol=protocol)
    assert (f"\r\n\tfor <{recipient}>;".encode() in field) is written
    assert len(parse(field + b"\r\n").fields) == 1


@pytest.mark.parametrize(
    ("is_extended", "is_tls", "is_authenticated", "is_utf8", "word"),
    [
        (False, False, False, False, "SMTP"),
        (True, False, False, False, "ESMTP"),
        (True, True, False, False, "ESMTPS"),
        (True, False, True, False, "ESMTPA"),
        (True, True, True, False, "ESMTPSA"),
        (True, False, False, True, "UTF8SMTP"),
        (True, True, False, True, "UTF8SMTPS"),
        (True, False, True, True, "UTF8SMTPA"),
        (True, True, True, True, "UTF8SMTPSA"),
    ],
)
def test_protocol_words_of_rfc_3848(
    is_extended: bool, is_tls: bool, is_authenticated: bool, is_utf8: bool, word: str
) -> None:
    assert (
        with_word(is_extended=is_extended, is_tls=is_tls, is_authenticated=is_authenticated, is_utf8=is_utf8)
        == word
    )


def test_a_letter_without_header_is_not_drawn_into_our_field() -> None:
    received_at_top = received()
    letter = parse(on_top(received_at_top, b" X: y\r\nFrom: a\r\n"))
    assert [field.name for field in letter.fields] == [b"received"]
    assert letter.body == b" X: y\r\nFrom: a\r\n"
    assert on_top(received_at_top, b"A: 1\r\n") == received_at_top + b"A: 1\r\n"


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (0, "Thu, 01 Jan 1970 00:00:00 +0000"),
        (951_782_399, "Mon, 28 Feb 2000 23:59:59 +0000"),
        (951_782_400.999, "Tue, 29 Feb 2000 00:00:00 +0000"),
        (2_147_483_648, "Tue, 19 Jan 2038 03:14:08 +0000"),
    ],
)
def test_dates_are_rfc_5322_in_utc(at: float, text: str) -> None:
    assert date_text(at) == text
    assert date_field(at) == f"Date: {text}\r\n".encode()


def test_message_id_is_the_same_each_time() -> None:
    assert message_id("01HF", "example.com") == "<01HF@example.com>"
    assert message_id_field("01HF", "example.com") == b"Message-ID: <01HF@example.com>\r\n"
    assert re.fullmatch(r"<[^<>@\s]+@[^<>@\s]+>", message_id("01HF", "example.com"))
