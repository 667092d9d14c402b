"""A complaint that is carried on: whole, attached, and harmless whatever it holds."""

from __future__ import annotations

import email
import email.policy

import pytest

from posthouse.mail.forward import MAX_REPORT_BYTES, forwarded_report

REPORT = b"From: a@b.test\r\nSubject: complaint\r\n\r\nabuse\r\n"


def forwarded(report: bytes, recipient: str = "ann@far.test", about: str = "<m@shop.test>") -> bytes:
    return forwarded_report(
        hostname="mail.house.test",
        letter_id="01HF7YAT0003J3K23ZM09WDQXG",
        to=["abuse@shop.test"],
        now=0.0,
        recipient=recipient,
        about=about,
        report=report,
    )


def attached(content: bytes) -> tuple[str, bytes]:
    """(type, octets) of the second part."""
    letter = email.message_from_bytes(content, policy=email.policy.SMTP)
    _, part = letter.get_payload()  # type: ignore[misc]
    if part.get_content_type() == "message/rfc822":
        return "message/rfc822", part.get_payload()[0].as_bytes()
    return part.get_content_type(), part.get_payload(decode=True)


def test_a_plain_report_is_attached_as_a_letter() -> None:
    content = forwarded(REPORT)
    assert attached(content) == ("message/rfc822", REPORT)
    letter = email.message_from_bytes(content)
    assert (letter["To"], letter["Auto-Submitted"]) == ("<abuse@shop.test>", "auto-generated")
    assert b"ann@far.test" in content and b"<m@shop.test>" in content


ODD = {
    "8-bit octets": b"Subject: \xff\r\n\r\n",
    "bare LF": b"Subject: x\n\nabuse\n",
    "bare CR": b"Subject: x\r\r\n\r\n",
    "a long line": b"x" * 999 + b"\r\n",
    "nothing but its boundary": b"--=_01HF7YAT0003J3K23ZM09WDQXG--\r\n",
    "nothing": b"",
}


@pytest.mark.parametrize("report", ODD.values(), ids=ODD.keys())
def test_an_odd_report_arrives_whole(report: bytes) -> None:
    content = forwarded(report)
    _, octets = attached(content)
    assert octets.strip(b"\r\n") == report.strip(b"\r\n")
    lines = content.split(b"\r\n")
    assert content.isascii() and all(len(line) <= 998 for line in lines)
    assert not any(b"\n" in line or b"\r" in line for line in lines)


def test_a_long_report_is_cut() -> None:
    kind, octets = attached(forwarded(b"Subject: x\r\n" * MAX_REPORT_BYTES))
    assert (kind, len(octets)) == ("application/octet-stream", MAX_REPORT_BYTES)


def test_nobody_writes_fields_into_it() -> None:
    content = forwarded(REPORT, recipient="x\r\nBcc: evil@far.test", about="<a>\r\n\r\n--=_")
    assert b"\nBcc:" not in content and b"\n--=_\r" not in content
