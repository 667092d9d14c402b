"""The letter that carries a TLS report (RFC 8460 5.3): a sentence for people, the report for programs.

Public: report_letter, file_name.
"""

from __future__ import annotations

import base64
import textwrap

from posthouse.mail.report_text import date_time
from posthouse.model.trust import ReportHead

_DAY_S = 86400


def file_name(head: ReportHead) -> str:
    """RFC 8460 5.1: submitter, policy domain and the time span, so that files sort by themselves."""
    begin = head.day * _DAY_S
    return f"{head.submitter}!{head.domain}!{begin}!{begin + _DAY_S - 1}!{head.report_id}.json.gz"


def report_letter(head: ReportHead, sender: str, recipient: str, now: float, packed: bytes) -> bytes:
    """The whole letter with CRLF line ends, not signed. `packed` is the report under gzip; `sender` and
    `recipient` are addresses in ASCII."""
    boundary = f"=_tls-{head.report_id}"
    name = file_name(head)
    fields = [
        f"From: <{sender}>",
        f"To: <{recipient}>",
        f"Subject: Report Domain: {head.domain}\r\n Submitter: {head.submitter}\r\n"
        f" Report-ID: <{head.report_id}>",
        f"Date: {date_time(now)}",
        f"Message-ID: <{head.report_id}@{head.submitter}>",
        "Auto-Submitted: auto-generated",
        "TLS-Required: No",  # RFC 8460 3: a report is delivered however bad the receiver's TLS is
        f"TLS-Report-Domain: {head.domain}",
        f"TLS-Report-Submitter: {head.submitter}",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type="tlsrpt";\r\n boundary="{boundary}"',
    ]
    lines = [
        *fields,
        "",
        f"--{boundary}",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        *textwrap.wrap(
            f"This is a report about TLS connections from {head.submitter} to the mail hosts of"
            f" {head.domain}, as its _smtp._tls record asks for (RFC 8460). Questions: {head.contact}",
            76,
        ),
        "",
        f"--{boundary}",
        "Content-Type: application/tlsrpt+gzip",
        "Content-Transfer-Encoding: base64",
        f'Content-Disposition: attachment;\r\n filename="{name}"',
        "",
        *textwrap.wrap(base64.b64encode(packed).decode(), 76),
        f"--{boundary}--",
        "",
    ]
    return "\r\n".join(lines).encode("ascii", "replace")
