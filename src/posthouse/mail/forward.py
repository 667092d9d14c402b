"""Writes the letter that carries a complaint on to whoever wants to read them: the report as it came.

The report is untrusted and is never opened here. It becomes a part of type message/rfc822, which may not be
encoded (RFC 2046 5.2.1); one with 8-bit octets, bare line ends, long lines or of great size becomes a file.

Public: forwarded_report, MAX_REPORT_BYTES.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence

from posthouse.mail.report_text import date_time, escaped, folded

MAX_REPORT_BYTES = 262_144
_MAX_LINE = 998
_PLAIN = re.compile(rb"(?:[\x01-\x09\x0b\x0c\x0e-\x7f]{0,998}\r\n)*[\x01-\x09\x0b\x0c\x0e-\x7f]{0,998}\Z")


def forwarded_report(
    *, hostname: str, letter_id: str, to: Sequence[str], now: float, recipient: str, about: str, report: bytes
) -> bytes:
    """The whole letter, CRLF line ends; `to` are ASCII. `recipient` complained about the letter `about` (its
    Message-ID). `letter_id` is one of `model.clock.Ids`: it makes the boundary too."""
    boundary = f"=_{letter_id}".encode()
    while boundary in report:  # somebody copied it
        boundary += b"="
    head = [
        f"From: Mail Delivery System <MAILER-DAEMON@{hostname}>",
        "To: " + ",\r\n ".join(f"<{address}>" for address in to),
        "Subject: A recipient complained about your message",
        f"Date: {date_time(now)}",
        f"Message-ID: <{letter_id}@{hostname}>",
        "Auto-Submitted: auto-generated",  # RFC 3834 5: nobody answers by machine
        "MIME-Version: 1.0",
        f'Content-Type: multipart/mixed; boundary="{boundary.decode()}"',
    ]
    text = [
        f"This is the mail system at {hostname}.",
        "",
        "A recipient reported a message of yours as unwanted and gets no more mail from you.",
        "",
        folded(f"    Recipient:   {escaped(recipient, False)}"),
        folded(f"    Message-ID:  {escaped(about, False)}"),
        "",
        "The report follows as it came.",
        "",
    ]
    parts = [b"Content-Type: text/plain; charset=us-ascii\r\n\r\n" + "\r\n".join(text).encode()]
    parts.append(_attached(report[:MAX_REPORT_BYTES], is_whole=len(report) <= MAX_REPORT_BYTES))
    body = b"".join(b"--%b\r\n%b\r\n" % (boundary, part) for part in parts)
    return "\r\n".join([*head, "", ""]).encode() + body + b"--%b--\r\n" % boundary


def _attached(report: bytes, *, is_whole: bool) -> bytes:
    if is_whole and _PLAIN.match(report):
        return b"Content-Type: message/rfc822\r\nContent-Disposition: attachment\r\n\r\n" + report
    fields = (
        b"Content-Type: application/octet-stream\r\n"
        b'Content-Disposition: attachment; filename="report.eml"\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\n"
    )
    return fields + base64.encodebytes(report).replace(b"\n", b"\r\n")
