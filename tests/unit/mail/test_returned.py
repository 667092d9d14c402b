"""What a letter to a return path says."""

from __future__ import annotations

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


def test_a_complaint_tells_its_kind_and_the_letter() -> None:
    returned = read_returned(ARF)
    assert returned.kind is ReturnedKind.COMPLAINT
    assert returned.feedback_type == "abuse"
    assert [each.address for each in returned.recipients] == ["bob@example.net"]
    assert returned.header_id == "<1@example.com>"
