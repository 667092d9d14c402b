"""Delivery status notifications, read back by the standard library's parser (DSN-3, DSN-4, DSN-5)."""

from __future__ import annotations

import dataclasses
import email
import email.policy
from email.message import Message as Parsed

import pytest

from posthouse.mail.report_text import date_time, escaped, folded
from posthouse.mail.reports import MAX_RETURNED_BYTES, StatusReport, status_report
from posthouse.model.message import Delivery, DeliveryState, Message, Outcome, Verdict

NOW = 1_700_000_000.0
CONTENT = (
    b"Received: from x\r\nFrom: ann@shop.test\r\nBcc: hidden@x.test,\r\n other@x.test\r\nSubject: Hi\r\n"
    b"\r\nBody\r\n"
)
MESSAGE = Message(
    id="01MESSAGE",
    account_id="acc",
    domain="shop.test",
    credential_id="cred",
    sender="ann@shop.test",
    subject="Hi",
    header_id="<1@shop.test>",
    size_bytes=len(CONTENT),
    accepted_at=NOW - 3600,
    expires_at=NOW + 86400,
    envid="QQ+2B1",
)
DELIVERY = Delivery(
    id="01MESSAGE.0000",
    message_id="01MESSAGE",
    account_id="acc",
    recipient="bob@there.test",
    domain="there.test",
    lane="acc|there.test|single",
    state=DeliveryState.TAKEN,
    due_at=NOW,
    expires_at=NOW + 86400,
    orcpt="rfc822;bob+2Bshop@there.test",
)
FAILED = Outcome(Verdict.FAILED, 550, "5.1.1", "5.1.1 no such user", "bad-mailbox")
REPORT = StatusReport(
    action="failed",
    hostname="mail.house.test",
    notice_id="01NOTICE",
    now=NOW,
    message=MESSAGE,
    delivery=DELIVERY,
    outcome=FAILED,
    mx="mx.there.test",
    content=CONTENT,
)


def changed(
    report: StatusReport = REPORT,
    *,
    message: dict[str, object] | None = None,
    delivery: dict[str, object] | None = None,
    outcome: dict[str, object] | None = None,
    **values: object,
) -> StatusReport:
    return dataclasses.replace(
        report,
        message=dataclasses.replace(report.message, **(message or {})),  # type: ignore[arg-type]
        delivery=dataclasses.replace(report.delivery, **(delivery or {})),  # type: ignore[arg-type]
        outcome=dataclasses.replace(report.outcome, **(outcome or {})),  # type: ignore[arg-type]
        **values,  # type: ignore[arg-type]
    )


def parts(raw: bytes) -> list[Parsed]:
    """The three parts; what must hold of every notice is checked here."""
    assert raw.replace(b"\r\n", b"").count(b"\n") == raw.replace(b"\r\n", b"").count(b"\r") == 0
    assert b"\0" not in raw
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    parsed = email.message_from_bytes(raw)
    assert not parsed.defects
    assert parsed.get_content_type() == "multipart/report"
    assert parsed.get_param("report-type") == "delivery-status"
    assert parsed["Auto-Submitted"] == "auto-replied"
    assert parsed["MIME-Version"] == "1.0"
    assert parsed["From"].endswith("<MAILER-DAEMON@mail.house.test>")
    found = parsed.get_payload()
    assert isinstance(found, list) and len(found) == 3
    if not raw.partition(b"\r\n\r\n")[2].isascii():
        assert parsed["Content-Transfer-Encoding"] == "8bit"
    return [part for part in found if isinstance(part, Parsed)]


def status_fields(raw: bytes) -> tuple[Parsed, Parsed]:
    machine = parts(raw)[1]
    groups = machine.get_payload()
    assert isinstance(groups, list)
    if machine.get_content_type() == "message/global-delivery-status":
        # the standard library reads this newer type as one message: the first group with the rest as its body
        blocks = raw.split(b"\r\n--=_")[2].split(b"\r\n\r\n")
        first, second = (
            email.message_from_bytes(block + b"\r\n\r\n", policy=email.policy.SMTPUTF8)
            for block in blocks[1:3]
        )
        return first, second
    about, recipient = (group for group in groups[:2] if isinstance(group, Parsed))
    return about, recipient


def test_a_failure() -> None:
    raw = status_report(REPORT)
    head = email.message_from_bytes(raw)
    assert head["To"] == "<ann@shop.test>"
    assert head["Message-ID"] == "<01NOTICE@mail.house.test>"
    assert head["In-Reply-To"] == head["References"] == "<1@shop.test>"
    assert head["Date"] == "Tue, 14 Nov 2023 22:13:20 +0000"
    assert raw.isascii()
    about, recipient = status_fields(raw)
    assert dict(about.items()) == {
        "Reporting-MTA": "dns; mail.house.test",
        "Original-Envelope-Id": "QQ+1",
        "Arrival-Date": "Tue, 14 Nov 2023 21:13:20 +0000",
    }
    assert dict(recipient.items()) == {
        "Original-Recipient": "rfc822; bob+shop@there.test",
        "Final-Recipient": "rfc822; bob@there.test",
        "Action": "failed",
        "Status": "5.1.1",
        "Remote-MTA": "dns; mx.there.test",
        "Diagnostic-Code": "smtp; 550 5.1.1 no such user",
        "Last-Attempt-Date": "Tue, 14 Nov 2023 22:13:20 +0000",
    }
    text = str(parts(raw)[0].get_payload())
    assert "bob@there.test" in text and "550 5.1.1 no such user" in text and "mx.there.test" in text


def test_what_was_not_said_is_not_in_it() -> None:
    report = changed(message={"envid": "", "header_id": ""}, delivery={"orcpt": ""}, mx="")
    about, recipient = status_fields(status_report(report))
    assert "Original-Envelope-Id" not in about
    assert "Original-Recipient" not in recipient and "Remote-MTA" not in recipient
    assert recipient["Diagnostic-Code"] == "x-posthouse; 550 5.1.1 no such user"
    assert "In-Reply-To" not in email.message_from_bytes(status_report(report))


STATUSES = [
    ("failed", "5.1.1", "5.1.1"),
    ("failed", "4.4.7", "4.4.7"),
    ("failed", "", "5.0.0"),
    ("failed", "2.0.0", "5.0.0"),
    ("failed", "5.1", "5.0.0"),
    ("failed", "5.1.1\r\nX: y", "5.0.0"),
    ("delayed", "4.2.0", "4.2.0"),
    ("delayed", "5.0.0", "4.0.0"),
    ("relayed", "2.6.0", "2.6.0"),
    ("relayed", "", "2.0.0"),
    ("delivered", "2.1.5", "2.1.5"),
]


@pytest.mark.parametrize(("action", "enhanced", "status"), STATUSES)
def test_action_and_status_agree(action: str, enhanced: str, status: str) -> None:  # DSN-4
    raw = status_report(changed(action=action, outcome={"enhanced": enhanced}))
    _, recipient = status_fields(raw)
    assert (recipient["Action"], recipient["Status"]) == (action, status)
    assert ("Will-Retry-Until" in recipient) is (action == "delayed")


RETURNED: list[tuple[str, str, str, bytes, str, str]] = [
    ("headers by default", "failed", "", CONTENT, "text/rfc822-headers", "7bit"),
    ("headers on demand", "failed", "HDRS", CONTENT, "text/rfc822-headers", "7bit"),
    ("all of a failure", "failed", "FULL", CONTENT, "message/rfc822", "7bit"),
    ("never all of a delay", "delayed", "FULL", CONTENT, "text/rfc822-headers", "7bit"),
    ("never all of a success", "relayed", "FULL", CONTENT, "text/rfc822-headers", "7bit"),
    ("8-bit body", "failed", "FULL", b"Subject: x\r\n\r\nJ\xf6rg", "message/rfc822", "8bit"),
    ("large", "failed", "FULL", CONTENT + b"x\r\n" * MAX_RETURNED_BYTES, "text/rfc822-headers", "7bit"),
    ("over-long line", "failed", "FULL", CONTENT + b"x" * 2000, "text/rfc822-headers", "7bit"),
    (
        "over-long header line",
        "failed",
        "FULL",
        b"X: " + b"y" * 2000 + b"\r\n\r\n",
        "text/rfc822-headers",
        "base64",
    ),
    ("UTF-8 header", "failed", "", "Subject: ö\r\n\r\nx".encode(), "message/global-headers", "base64"),
    ("UTF-8 header and all", "failed", "FULL", "Subject: ö\r\n\r\nx".encode(), "message/global", "base64"),
    ("Latin-1 header", "failed", "", b"Subject: \xf6\r\n\r\nx", "text/rfc822-headers", "base64"),
    ("no body", "failed", "FULL", b"Subject: x\r\n", "text/rfc822-headers", "7bit"),
    ("nothing", "failed", "FULL", b"", "text/rfc822-headers", "7bit"),
    ("bare line ends", "failed", "FULL", b"Subject: x\n\na\rb\0c\r\n", "message/rfc822", "7bit"),
]


@pytest.mark.parametrize(
    ("action", "ret", "content", "media_type", "encoding"),
    [row[1:] for row in RETURNED],
    ids=[row[0] for row in RETURNED],
)
def test_the_returned_part(
    action: str, ret: str, content: bytes, media_type: str, encoding: str
) -> None:  # DSN-3
    raw = status_report(changed(action=action, message={"ret": ret}, content=content))
    part = parts(raw)[2]
    assert part.get_content_type() == media_type
    assert part["Content-Transfer-Encoding"] == encoding


def test_all_of_it_is_byte_for_byte_but_for_hidden_recipients() -> None:
    raw = status_report(changed(message={"ret": "FULL"}))
    whole = b"Received: from x\r\nFrom: ann@shop.test\r\nSubject: Hi\r\n\r\nBody\r\n"
    assert b"\r\n\r\n" + whole + b"\r\n--=_" in raw
    assert b"hidden@" not in raw and b"other@" not in raw


def test_headers_end_before_the_body() -> None:
    raw = status_report(changed(message={"ret": "HDRS"}))
    assert b"Subject: Hi" in raw and b"Body" not in raw


def test_a_utf8_sender_gets_the_utf8_forms() -> None:  # DSN-5
    report = changed(
        action="delayed",
        message={"sender": "jörg@shop.test"},
        delivery={"recipient": "café@there.test", "orcpt": r"utf-8;caf\x{E9}@there.test"},
        content="Subject: ö\r\n\r\nx".encode(),
    )
    raw = status_report(report)
    _, machine, returned = parts(raw)
    assert machine.get_content_type() == "message/global-delivery-status"
    assert returned.get_content_type() == "message/global-headers"
    assert returned["Content-Transfer-Encoding"] == "8bit"
    assert "To: <jörg@shop.test>\r\n".encode() in raw
    assert "Final-Recipient: utf-8; café@there.test\r\n".encode() in raw
    assert "Original-Recipient: utf-8; café@there.test\r\n".encode() in raw


def test_an_ascii_sender_gets_seven_bits() -> None:  # DSN-5
    report = changed(
        delivery={"recipient": "c+a=fé@there.test", "orcpt": "utf-8;café@there.test"},
        outcome={"text": "5.1.1 gibt es nicht, schöne Grüße"},
        content="Subject: ö\r\n\r\nx".encode(),
    )
    raw = status_report(report)
    assert raw.isascii()
    _, recipient = status_fields(raw)
    assert recipient["Final-Recipient"] == r"utf-8; c\x{2B}a\x{3D}f\x{E9}@there.test"
    assert recipient["Original-Recipient"] == r"utf-8; caf\x{E9}@there.test"
    assert r"sch\xf6ne" in recipient["Diagnostic-Code"]


HOSTILE = [
    "no\r\nX-Evil: yes",
    "no\r\n\r\n--=_01NOTICE.0\r\nContent-Type: text/html\r\n\r\n<script>",
    "no\n\n\nX-Evil: yes",
    "\x1b[2J\x07\x00",
    "a" * 100_000,
    "word " * 20_000,
    " " * 100_000,
    "\r\n" * 5000,
    "\u202eevil\u2028X-Evil: yes\u0085\ufeff",
    "\ud800 lone surrogate \udfff",
    "😀" * 2000,
    "",
]


@pytest.mark.parametrize("text", HOSTILE, ids=[str(number) for number in range(len(HOSTILE))])
@pytest.mark.parametrize("sender", ["ann@shop.test", "jörg@shop.test"])
def test_foreign_text_stays_text(text: str, sender: str) -> None:  # S4, S22
    """In every field that somebody else may have written."""
    report = changed(
        message={"sender": sender, "envid": text, "header_id": text},
        delivery={"orcpt": f"rfc822;{text}", "recipient": f"{text}@there.test"},
        outcome={"text": text},
        mx=text,
    )
    raw = status_report(report)
    parts(raw)
    about, recipient = status_fields(raw)
    for head in (email.message_from_bytes(raw), about, recipient):
        assert "X-Evil" not in head
    assert recipient["Status"] == "5.1.1" and recipient["Action"] == "failed"
    assert b"\x1b" not in raw and "\u202e".encode() not in raw


def test_the_boundary_is_in_no_part() -> None:
    content = CONTENT + b"--=_01NOTICE.0\r\n--=_01NOTICE.1--\r\n"
    raw = status_report(changed(message={"ret": "FULL"}, content=content))
    assert email.message_from_bytes(raw).get_boundary() == "=_01NOTICE.2"
    parts(raw)


@pytest.mark.parametrize("at", [-1e18, 0.0, 1e18, float("inf"), float("-inf"), float("nan")])
def test_impossible_instants(at: float) -> None:
    assert date_time(at).endswith(" +0000")


def test_an_unknown_action_is_a_failure_and_odd_names_are_not_written() -> None:
    report = changed(action="exploded", hostname="bad host\r\nX: y", notice_id="a b\r\n<c>")
    raw = status_report(report)
    assert b"MAILER-DAEMON@unknown.invalid" in raw and b"<abc@unknown.invalid>" in raw
    assert b"Action: failed" in raw


def test_escaped() -> None:
    assert escaped("a\r\n b\tc\x00d", False) == r"a b\tc\x00d"
    assert escaped("é", True) == "é"
    assert escaped("é", False) == r"\xe9"


@pytest.mark.parametrize(
    "field",
    [
        "A: " + "word " * 100,
        "A: " + "x" * 3000,
        "Diagnostic-Code: smtp; " + "y" * 400 + " z",
        "A: b",
        "",
        "A:  " + " " * 200 + "b",
    ],
)
def test_folding_loses_no_word(field: str) -> None:
    lines = folded(field).split("\r\n")
    assert all(len(line) <= 900 for line in lines)
    assert all(line.startswith(" ") and line.strip() for line in lines[1:])
    assert "".join(lines).replace(" ", "") == field.replace(" ", "")
