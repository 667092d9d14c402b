"""What the shop of the demonstration writes, and what comes back to it.

Public: form_of, complaint, late_bounce.
"""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime
from html import escape
from urllib.parse import quote

from posthouse.demo.cast import SHOP
from posthouse.demo.plan import Letter

_TEXTS = {
    "order": "thank you for your order {number}. We pack it today and write again when it leaves the house.",
    "parcel": "your parcel {number} has left our house and will be with you within two days.",
    "sign-in": "somebody signed in to your account just now. Was it you? Then there is nothing to do.",
    "password": "you asked for a new password. The link below is good for one hour.",
    "review": "two weeks ago we sent you order {number}. We would like to hear how you like it.",
    "newsletter": "the evenings are long again. Here are five lamps for reading, and one for dreaming.",
}


def form_of(letter: Letter) -> dict[str, str | list[str]]:
    """The fields of a `POST /v3/{domain}/messages`."""
    name, address = letter.customer
    said = _TEXTS[letter.kind.name].format(number=letter.number)
    link = f"https://{SHOP}/{letter.kind.name}/{letter.number}?for={quote(name)}"
    fields: dict[str, str | list[str]] = {
        "from": f"The Lamp Shop <{letter.kind.sender}>",
        "to": f"{name} <{address}>",
        "subject": letter.subject,
        "text": f"Dear {name},\n\n{said}\n\n{link}\n\nThe Lamp Shop\n",
        "html": _html(name, letter.subject, said, link),
        "o:tag": list(letter.kind.tags),
        "o:tracking": "yes",
    }
    if letter.is_test:
        fields["o:testmode"] = "yes"
    return fields


def _html(name: str, subject: str, said: str, link: str) -> str:
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(subject)}</title></head>
<body style="margin:0;background:#f3f0ea;font:16px/1.5 Georgia,serif;color:#2b2723">
<div style="max-width:560px;margin:0 auto;padding:24px;background:#fff">
<h1 style="font-size:22px;margin:0 0 16px;color:#7a4a12">The Lamp Shop</h1>
<h2 style="font-size:18px">{escape(subject)}</h2>
<p>Dear {escape(name)},</p><p>{escape(said)}</p>
<p><a href="{escape(link)}" style="background:#7a4a12;color:#fff;padding:10px 18px">Have a look</a></p>
<p style="font-size:13px;color:#6b645c">The Lamp Shop, 7 Harbour Street. <a href="https://{SHOP}/help">Help</a></p>
</div></body></html>
"""


def complaint(to: str, original: bytes, now: datetime) -> bytes:
    """An ARF report (RFC 5965) to the return path of a letter."""
    head = _header_of(original)
    return f"""\
From: <feedback@northpost.example>
To: <{to}>
Subject: complaint about message
Date: {format_datetime(now)}
Message-ID: <{abs(hash(to))}@northpost.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="arf"

--arf
Content-Type: text/plain

This is an email abuse report.

--arf
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: Northpost/1.0
Version: 1

--arf
Content-Type: text/rfc822-headers

{head}

--arf--
""".replace("\n", "\r\n").encode("utf-8", "replace")


def late_bounce(to: str, recipient: str, original: bytes, now: datetime) -> bytes:
    """A report of failed delivery (RFC 3464) that comes after the letter was taken."""
    return f"""\
From: MAILER-DAEMON@bluemail.example
To: <{to}>
Subject: Undelivered Mail Returned to Sender
Date: {format_datetime(now)}
Message-ID: <{abs(hash(to))}@bluemail.example>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="dsn"

--dsn
Content-Type: text/plain

{recipient} has no account with us any more.

--dsn
Content-Type: message/delivery-status

Reporting-MTA: dns; mx1.bluemail.example

Final-Recipient: rfc822; {recipient}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 This account was closed

--dsn
Content-Type: text/rfc822-headers

{_header_of(original)}

--dsn--
""".replace("\n", "\r\n").encode("utf-8", "replace")


def _header_of(original: bytes) -> str:
    return original.partition(b"\r\n\r\n")[0].decode("utf-8", "replace").replace("\r\n", "\n")
