"""Writes delivery status notifications: RFC 3464 in multipart/report (RFC 6522), RFC 6533 for UTF-8.

Three parts: a text for people, the fields for programs, and the header (or, where RET=FULL asked for it and
the delivery failed, the whole) of the message it is about. The form follows the sender's address: an ASCII
sender may live behind a host without SMTPUTF8, so everything is written in seven bits for them (the one
exception is a returned 8-bit body, which may not be re-encoded); a UTF-8 sender gets the UTF-8 forms.

The other side's words are untrusted: they are cut, and everything but printable characters is escaped, so
no reply can add a field, a part or an escape sequence. Nothing here raises for odd input.

Public: StatusReport, status_report.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

from posthouse.mail import report_text as words
from posthouse.mail.report_text import date_time, escaped, folded, plain_text
from posthouse.model.message import Delivery, Message, Outcome

MAX_RETURNED_BYTES = 262_144
MAX_HEAD_BYTES = 65_536
_MAX_LINE = 998
_MOST_PARAGRAPHS = 50
_MOST_NAMED, _MOST_LISTED = 10, 1000  # recipients in the text for people, and in the fields for programs

_STATUS = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}\Z")
_CLASS = {"failed": "5", "delayed": "4", "delivered": "2", "relayed": "2"}
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?\Z|\[[0-9A-Fa-f:.IPv]{2,60}\]\Z")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,500}>\Z")
_NOT_ID = re.compile("[^A-Za-z0-9.-]")
_LINE_END = re.compile(rb"\r\n|\r|\n")
_NEXT_FIELD = re.compile(rb"\r\n(?![ \t])")
_HIDDEN = re.compile(rb"(bcc|resent-bcc)[ \t]*:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class StatusReport:
    """What a notice tells about one delivery. `action`: failed, delayed, delivered or relayed (RFC 3464
    2.3.3). `notice_id` becomes the Message-ID before the @; `mx` is "" where no host of the other side
    decided; `content` is the message it is about, as stored. `others`: deliveries that had the same fate;
    `explanation`: our own words for the author, paragraphs with LF between."""

    action: str
    hostname: str
    notice_id: str
    now: float
    message: Message
    delivery: Delivery
    outcome: Outcome
    mx: str
    content: bytes
    others: tuple[Delivery, ...] = ()
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class _Part:
    media_type: str
    encoding: str
    body: bytes


def status_report(report: StatusReport) -> bytes:
    """The complete notice: header, empty line, body; CRLF line ends, not signed, not dot-stuffed.

    It is to be sent from the null sender to `report.message.sender` (RFC 3461 6.1), with SMTPUTF8 exactly
    when that address is not ASCII.
    """
    is_utf8 = not report.message.sender.isascii()
    parts = [_for_people(report, is_utf8), _for_programs(report, is_utf8), _returned(report, is_utf8)]
    boundary = _boundary(report.notice_id, parts)
    lines = [*_head(report, boundary, parts), b"", words.PREAMBLE]
    for part in parts:
        lines += [
            b"--" + boundary,
            b"Content-Type: " + part.media_type.encode(),
            b"Content-Transfer-Encoding: " + part.encoding.encode(),
            b"",
            part.body,
        ]
    lines += [b"--" + boundary + b"--", b""]
    return b"\r\n".join(lines)


def _head(report: StatusReport, boundary: bytes, parts: list[_Part]) -> list[bytes]:
    hostname = _host(report.hostname)
    kind = words.SUBJECTS.get(report.action, words.SUBJECTS["failed"])
    fields = [
        f"From: Mail Delivery System <MAILER-DAEMON@{hostname}>",
        f"To: <{_address(report.message.sender)}>",
        f"Subject: {kind}",
        f"Date: {date_time(report.now)}",
        f"Message-ID: <{_NOT_ID.sub('', report.notice_id)[:64]}@{hostname}>",
        "Auto-Submitted: auto-replied",  # RFC 3834 5: a reply caused by a message
        "MIME-Version: 1.0",
    ]
    about = report.message.header_id
    if _MESSAGE_ID.match(about):
        fields += [f"In-Reply-To: {about}", f"References: {about}"]
    fields.append(
        f'Content-Type: multipart/report; report-type=delivery-status;\r\n boundary="{boundary.decode()}"'
    )
    if any(part.encoding == "8bit" for part in parts):  # RFC 2045 6.4: the outer says it too
        fields.append("Content-Transfer-Encoding: 8bit")
    return [field.encode("utf-8", "replace") for field in fields]


def _for_people(report: StatusReport, is_utf8: bool) -> _Part:
    named = [report.delivery, *report.others[: _MOST_NAMED - 1]]
    recipients = ", ".join([escaped(each.recipient, is_utf8) for each in named])
    if len(report.others) >= _MOST_NAMED:
        recipients += f" and {len(report.others) - _MOST_NAMED + 1} more"
    text = plain_text(
        report.action,
        hostname=_host(report.hostname),
        recipient=recipients,
        reply=escaped(_reply(report), is_utf8),
        mx=escaped(report.mx, False),
        about=escaped(report.message.header_id, is_utf8),
        accepted_at=report.message.accepted_at,
        expires_at=report.delivery.expires_at,
        explanation=[escaped(line, is_utf8) for line in report.explanation.split("\n")[:_MOST_PARAGRAPHS]],
    )
    charset = "us-ascii" if text.isascii() else "utf-8"
    encoding = "7bit" if text.isascii() else "8bit"
    return _Part(f"text/plain; charset={charset}", encoding, text.encode("utf-8", "replace"))


def _for_programs(report: StatusReport, is_utf8: bool) -> _Part:
    """RFC 3464 2.2 and 2.3: the fields about the message, an empty line, those about the recipient."""
    message, delivery = report.message, report.delivery
    fields = [f"Reporting-MTA: dns; {_host(report.hostname)}"]
    if message.envid:
        # RFC 3461 6.3 (a): decoded, the field is no xtext
        fields.append(f"Original-Envelope-Id: {escaped(_from_xtext(message.envid), False)}")
    fields.append(f"Arrival-Date: {date_time(message.accepted_at)}")
    for each in (delivery, *report.others[: _MOST_LISTED - 1]):
        fields += ["", *_recipient_fields(report, each, is_utf8)]
    text = "".join(folded(field) + "\r\n" for field in fields)
    if text.isascii():
        return _Part("message/delivery-status", "7bit", text.encode())
    return _Part("message/global-delivery-status", "8bit", text.encode("utf-8", "replace"))


def _recipient_fields(report: StatusReport, delivery: Delivery, is_utf8: bool) -> list[str]:
    """RFC 3464 2.3: one group of fields."""
    fields: list[str] = []
    if delivery.orcpt:
        fields.append(f"Original-Recipient: {_original_recipient(delivery.orcpt, is_utf8)}")
    fields += [
        f"Final-Recipient: {_typed_address(delivery.recipient, is_utf8)}",
        f"Action: {report.action if report.action in _CLASS else 'failed'}",
        f"Status: {_status(report)}",
    ]
    if report.mx:
        fields.append(f"Remote-MTA: dns; {_host(report.mx)}")
    if report.outcome.code or report.outcome.text:
        kind = "smtp" if report.mx else "x-posthouse"
        fields.append(f"Diagnostic-Code: {kind}; {escaped(_reply(report), is_utf8)}")
    fields.append(f"Last-Attempt-Date: {date_time(report.now)}")
    if report.action == "delayed":
        fields.append(f"Will-Retry-Until: {date_time(delivery.expires_at)}")
    return fields


def _status(report: StatusReport) -> str:
    """RFC 3464 2.3.4: always there, and of the action's class (a failure may carry class 4: 4.4.7)."""
    wanted = _CLASS.get(report.action, "5")
    given = report.outcome.enhanced
    fits = given[:1] == wanted or (wanted == "5" and given[:1] == "4")
    return given if fits and _STATUS.match(given) else f"{wanted}.0.0"


def _reply(report: StatusReport) -> str:
    outcome = report.outcome
    text = outcome.text.lstrip()
    if outcome.enhanced and not text.startswith(outcome.enhanced):
        text = f"{outcome.enhanced} {text}"
    return f"{outcome.code} {text}" if outcome.code else text


def _typed_address(address: str, is_utf8: bool) -> str:
    if address.isascii():
        return f"rfc822; {escaped(address, False)}"
    return f"utf-8; {escaped(address, True) if is_utf8 else _unitext(address)}"


def _original_recipient(orcpt: str, is_utf8: bool) -> str:
    """ORCPT as given (`type;value`) -> the field's value, decoded as far as this notice's form allows."""
    kind, _, value = orcpt.partition(";")
    kind = escaped(kind, False)
    if kind.lower() != "utf-8":
        return f"{kind}; {escaped(_from_xtext(value), False)}"
    # RFC 6533 3: unitext in seven bits, the address itself in a UTF-8 notice
    address = _from_unitext(value)
    return f"utf-8; {escaped(address, True) if is_utf8 else _unitext(address)}"


def _from_xtext(value: str) -> str:
    """RFC 3461 4: `+2B` is a plus sign."""
    return re.sub(r"\+([0-9A-F]{2})", lambda match: chr(int(match[1], 16)), value)


def _from_unitext(value: str) -> str:
    """RFC 6533 3: `\\x{E9}` is one character; what is no character stays as it is."""

    def char(match: re.Match[str]) -> str:
        point = int(match[1], 16)
        return chr(point) if point <= 0x10FFFF and not 0xD800 <= point <= 0xDFFF else match[0]

    return re.sub(r"\\x\{([0-9A-Fa-f]{2,6})\}", char, value)


def _unitext(address: str) -> str:
    """RFC 6533 3, utf-8-addr-xtext: printable ASCII but for space, backslash, plus and equals."""
    return "".join(
        char if "!" <= char <= "~" and char not in "\\+=" else f"\\x{{{ord(char):02X}}}"
        for char in address[:320]
    )


def _returned(report: StatusReport, is_utf8: bool) -> _Part:
    """The message or its header (DSN-3): all of it for a failure with RET=FULL and of modest size."""
    content = _LINE_END.sub(b"\r\n", report.content[: MAX_RETURNED_BYTES + 1]).replace(b"\0", b"?")
    head, separator, body = content.partition(b"\r\n\r\n")
    head = _shown_head(head)
    is_global = not head.isascii() and _is_utf8(head)
    wants_all = report.action == "failed" and report.message.ret == "FULL" and bool(separator)
    if wants_all and len(report.content) <= MAX_RETURNED_BYTES and _has_short_lines(content):
        whole = head + separator + body
        if is_global:
            return _encoded("message/global", whole, keep=is_utf8)
        # RFC 2046 5.2.1: message/rfc822 is never encoded
        return _Part("message/rfc822", "7bit" if whole.isascii() else "8bit", whole)
    kind = "message/global-headers" if is_global else "text/rfc822-headers"
    return _encoded(kind, head + b"\r\n", keep=head.isascii() or is_utf8)


def _encoded(media_type: str, body: bytes, *, keep: bool) -> _Part:
    """As it is where it may be kept and its lines are short enough, else in base64 (RFC 6533 4.5)."""
    if keep and _has_short_lines(body):
        return _Part(media_type, "7bit" if body.isascii() else "8bit", body)
    lines = base64.encodebytes(body).replace(b"\n", b"\r\n")
    return _Part(media_type, "base64", lines)


def _shown_head(head: bytes) -> bytes:
    """The header without hidden recipients, cut at a field's end when it is very long."""
    if len(head) > MAX_HEAD_BYTES:
        head = head[:MAX_HEAD_BYTES].rpartition(b"\r\n")[0]
    fields = _NEXT_FIELD.split(head)
    return b"\r\n".join(field for field in fields if not _HIDDEN.match(field))


def _has_short_lines(content: bytes) -> bool:
    return all(len(line) <= _MAX_LINE for line in content.split(b"\r\n"))


def _is_utf8(octets: bytes) -> bool:
    try:
        octets.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _boundary(seed: str, parts: list[_Part]) -> bytes:
    """At most 70 characters, and in none of the parts (RFC 2046 5.1.1)."""
    stem = "=_" + _NOT_ID.sub("", seed)[:40]
    number = 0
    while True:
        boundary = f"{stem}.{number}".encode()
        if not any(boundary in part.body for part in parts):
            return boundary
        number += 1


def _host(name: str) -> str:
    return name if _HOST.match(name) else "unknown.invalid"


def _address(sender: str) -> str:
    """Intake has parsed it; asserted again where it is written (MX-16)."""
    return re.sub("[\x00-\x1f\x7f-\x9f<>\u2028\u2029\ud800-\udfff]", "", sender)[:320]
