"""What a letter to a return path says."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from posthouse.mail.dsn_fields import address_in
from posthouse.mail.returned import read_returned
from posthouse.model.returned import BounceClass, ReturnedKind, ReturnedRecipient
from posthouse.rules.bounce_verdict import judged

DSN = b"""\
From: MAILER-DAEMON@mx.example.net
To: b+token@bounce.example.com
Subject: Undelivered Mail
Content-Type: multipart/report; report-type=delivery-status; boundary="x"

--x

Sorry.

--x
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; bob@example.net
Original-Recipient: rfc822;robert@example.net
Action: failed
Status: 5.1.1
Remote-MTA: dns; in.example.net
Diagnostic-Code: smtp; 550 5.1.1 <bob@example.net>:
 User unknown

--x
Content-Type: text/rfc822-headers

From: shop@example.com
To: Robert <robert@example.net>
Message-ID: <1@example.com>
Return-Path: <b+token@bounce.example.com>

--x--
"""

ARF = b"""\
From: fbl@example.net
Content-Type: multipart/report; report-type=feedback-report; boundary="x"

--x

A complaint.

--x
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: Example/1
Version: 1
Original-Rcpt-To: <bob@example.net>

--x
Content-Type: message/rfc822

From: shop@example.com
Message-ID: <1@example.com>

Buy.

--x--
"""


def test_a_plain_report_tells_recipient_status_host_and_letter() -> None:
    returned = judged(read_returned(DSN))
    assert returned.kind is ReturnedKind.BOUNCE
    assert returned.recipients == (
        ReturnedRecipient(
            "bob@example.net",
            "robert@example.net",
            550,
            "5.1.1",
            "550 5.1.1 <bob@example.net>: User unknown",
            "in.example.net",
            "bad-mailbox",
            BounceClass.HARD,
        ),
    )
    assert returned.header_id == "<1@example.com>"
    assert returned.about_recipients == ("robert@example.net",)
    assert ("return-path", "<b+token@bounce.example.com>") in returned.about_fields


TEXT = b"""\
From: Mail Delivery System <MAILER-DAEMON@mx.example.net>
To: b+token@bounce.example.com
Subject: Mail delivery failed: returning message to sender

%b

------ This is a copy of the message, including all the headers. ------

From: shop@example.com
To: bob@example.net
Message-ID: <1@example.com>

Buy.
"""


@pytest.mark.parametrize(
    ("body", "address", "code", "enhanced"),
    [
        (b"<bob@example.net>:\nRemote host said: 550 5.1.1 no such user", "bob@example.net", 550, "5.1.1"),
        (
            b"The following address failed:\n\n  bob@example.net\n    Unrouteable address",
            "bob@example.net",
            0,
            "",
        ),
        (b"Your message to bob@example.net was rejected: 554 5.7.1 spam", "bob@example.net", 554, "5.7.1"),
        (b"From: shop@example.com\nYour mail could not be delivered.", "bob@example.net", 0, ""),
    ],
    ids=["qmail", "exim", "running text", "only the quoted letter names him"],
)
def test_texts_tell_who_failed(body: bytes, address: str, code: int, enhanced: str) -> None:
    returned = read_returned(TEXT % body)
    assert returned.kind is ReturnedKind.BOUNCE
    assert [(each.address, each.code, each.enhanced) for each in returned.recipients] == [
        (address, code, enhanced)
    ]
    assert returned.header_id == "<1@example.com>"


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"Auto-Submitted: auto-replied\nSubject: Hello", ReturnedKind.AUTO_REPLY),
        ("Subject: Abwesenheitsnotiz: Frühling".encode(), ReturnedKind.AUTO_REPLY),
        ("Subject: 自動返信".encode(), ReturnedKind.AUTO_REPLY),
        (b"X-Autoreply: yes\nSubject: Hello", ReturnedKind.AUTO_REPLY),
        (b"From: Boxbe <x@boxbe.com>\nSubject: Hello", ReturnedKind.CHALLENGE),
        (b"Subject: Hello\nFrom: bob@example.net", ReturnedKind.OTHER),
        (
            b"From: MAILER-DAEMON@x.example\nSubject: Warning: could not send message for past 4 hours",
            ReturnedKind.DELAY,
        ),
    ],
)
def test_answers_and_warnings_are_no_failures(head: bytes, kind: ReturnedKind) -> None:
    assert read_returned(head + b"\n\nHello.\n").kind is kind


@pytest.mark.parametrize(
    ("action", "status", "kind"),
    [
        (b"failed", b"4.4.7", ReturnedKind.BOUNCE),
        (b"delayed", b"4.4.7", ReturnedKind.DELAY),
        (b"delivered", b"2.0.0", ReturnedKind.SUCCESS),
        (b"relayed", b"2.0.0", ReturnedKind.SUCCESS),
        (b"FAILED (user)", b"5.1.1", ReturnedKind.BOUNCE),
    ],
)
def test_the_action_decides_what_it_is(action: bytes, status: bytes, kind: ReturnedKind) -> None:
    letter = DSN.replace(b"failed", action).replace(b"5.1.1", status)
    assert read_returned(letter).kind is kind


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: raw.replace(b"\n", b"\r\n"),
        lambda raw: raw.replace(b"message/delivery-status", b"text/plain"),
        lambda raw: raw.replace(b"message/delivery-status", b"Message/Delivery-STATUS"),
        lambda raw: raw.replace(b'; boundary="x"', b""),
        lambda raw: raw.replace(b"mx.example.net\n\nFinal", b"mx.example.net\nFinal"),
        lambda raw: raw.replace(b"rfc822; bob@", b"RFC822 ; <bob@").replace(
            b"net\nOrig", b"net> (gone)\nOrig"
        ),
        lambda raw: (
            b"Subject: Fwd\nContent-Type: multipart/mixed; boundary=y\n\n--y\n"
            b"Content-Type: message/rfc822\n\n" + raw + b"\n--y--\n"
        ),
    ],
    ids=["CRLF", "as text", "letter case", "no boundary", "no empty line", "comment", "forwarded"],
)
def test_a_damaged_report_is_read_all_the_same(damage: Callable[[bytes], bytes]) -> None:
    (recipient,) = judged(read_returned(damage(DSN))).recipients
    assert (recipient.address, recipient.enhanced) == ("bob@example.net", "5.1.1")
    assert recipient.bounce_class is BounceClass.HARD


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("rfc822; bob@example.net", "bob@example.net"),
        ("bob@example.net", "bob@example.net"),
        ("RFC822;<Bob@Example.Net>", "Bob@example.net"),
        ("utf-8; \\x{4E00}@example.net", "\u4e00@example.net"),
        ("rfc822; bob+2Bnews@example.net", "bob+2Bnews@example.net"),
        ("LOCAL; bob", ""),
        ("", ""),
    ],
)
def test_addresses_of_recipient_fields(value: str, address: str) -> None:
    assert address_in(value) == address


def test_a_complaint_tells_its_kind_and_the_letter() -> None:
    returned = read_returned(ARF)
    assert returned.kind is ReturnedKind.COMPLAINT
    assert returned.feedback_type == "abuse"
    assert [each.address for each in returned.recipients] == ["bob@example.net"]
    assert returned.header_id == "<1@example.com>"


@pytest.mark.parametrize("name", [b"X-Long", b"Content-Type"])
def test_a_field_of_a_hundred_thousand_lines_stays_linear(name: bytes) -> None:
    # S11: whoever can reach the port can send one
    raw = b"From: daemon@example.net\r\n" + name + b": a\r\n" + b" b\r\n" * 100_000 + b"\r\nhello\r\n"
    begun = time.process_time()
    read_returned(raw)
    assert time.process_time() - begun < 1.0
