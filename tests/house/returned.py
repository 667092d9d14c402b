"""Mail as other servers write it when they give a letter back, and a way to hand it to a house.

Public: SETTINGS, bounce, complaint, vacation, give_back.
"""

from __future__ import annotations

from house.house import House
from house.wire import Answer
from posthouse.internet.recorder import Arrival

SETTINGS = {"returns": {"domain": "back.house.test"}}

_BOUNCE = """\
Received: by mx.far.test (Postfix)
	id 3B5A2C01; Fri, 27 Nov 2026 10:00:00 +0000 (UTC)
Date: Fri, 27 Nov 2026 10:00:00 +0000 (UTC)
From: MAILER-DAEMON@mx.far.test (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: {to}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
	boundary="3B5A2C01.1/mx.far.test"
Message-Id: <{number}@mx.far.test>

This is a MIME-encapsulated message.

--3B5A2C01.1/mx.far.test
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mx.far.test.

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients.

<{recipient}>: host store.far.test[192.0.2.9] said: {reply} (in reply to RCPT TO command)

--3B5A2C01.1/mx.far.test
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.far.test
X-Postfix-Queue-ID: 3B5A2C01
Arrival-Date: Fri, 27 Nov 2026 09:59:00 +0000 (UTC)

Final-Recipient: rfc822; {recipient}
Original-Recipient: rfc822;{recipient}
Action: {action}
Status: {status}
Remote-MTA: dns; store.far.test
Diagnostic-Code: smtp; {reply}

--3B5A2C01.1/mx.far.test
Content-Description: Undelivered Message
Content-Type: message/rfc822

{original}

--3B5A2C01.1/mx.far.test--
"""

_COMPLAINT = """\
From: <feedback@far.test>
Date: Fri, 27 Nov 2026 10:00:00 +0000
Subject: complaint about message
To: <{to}>
Message-ID: <{number}@far.test>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report;
	boundary="part_9a"

--part_9a
Content-Type: text/plain; charset="US-ASCII"
Content-Transfer-Encoding: 7bit

This is an email abuse report for a message received from IP 192.0.2.1.

--part_9a
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: SomeGenerator/1.0
Version: 1

--part_9a
Content-Type: message/rfc822
Content-Disposition: inline

{original}

--part_9a--
"""


def _written(text: str, original: str, **values: str) -> bytes:
    lines = text.format(original=original.replace("\r\n", "\n"), number=abs(hash(original)), **values)
    return lines.replace("\n", "\r\n").encode()


def bounce(
    about: Arrival,
    *,
    recipient: str = "",
    status: str = "5.1.1",
    reply: str = "550 5.1.1 No such user here",
    action: str = "failed",
) -> bytes:
    """RFC 3464, as Postfix writes it, about a copy that arrived."""
    return _written(
        _BOUNCE,
        about.content.decode(),
        to=about.sender,
        recipient=recipient or about.recipients[0],
        status=status,
        reply=reply,
        action=action,
    )


def complaint(about: Arrival, *, to: str = "", kind: str = "abuse", shows_path: bool = False) -> bytes:
    """RFC 5965. `shows_path`: the receiving host had written down the Return-Path, and shows it."""
    original = about.content.decode()
    if shows_path:
        original = f"Return-Path: <{about.sender}>\r\n{original}"
    return _written(_COMPLAINT, original, to=to or about.sender, kind=kind)


def vacation(about: Arrival) -> bytes:
    """RFC 3834."""
    return (
        f"From: <{about.recipients[0]}>\r\nTo: <{about.sender}>\r\nSubject: Out of office\r\n"
        "Auto-Submitted: auto-replied\r\n\r\nI am away until Monday.\r\n"
    ).encode()


def give_back(house: House, to: str, content: bytes, *, sender: str = "") -> Answer:
    """Hand it to the house as another server does; the first answer that is a refusal, else the last."""
    with house.wire() as wire:
        wire.say("EHLO mx.far.test")
        for line in (f"MAIL FROM:<{sender}>", f"RCPT TO:<{to}>", "DATA"):
            answer = wire.say(line)
            if answer.code >= 400 or not answer.code:
                return answer
        wire.send(content + b"\r\n.\r\n")
        return wire.read()
