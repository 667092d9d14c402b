"""Any octets are a returned letter: nothing raises, everything has an end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.mail.test_returned import ARF, DSN

from posthouse.mail.returned import read_returned
from posthouse.model.returned import Returned
from posthouse.rules.bounce_verdict import judged

PIECES = st.sampled_from(
    [
        b"Content-Type: multipart/report; boundary=x\r\n",
        b"Content-Type: message/delivery-status\r\n",
        b"Content-Type: message/rfc822\r\n",
        b"Content-Transfer-Encoding: base64\r\n",
        b"Final-Recipient: rfc822; a@b.example\r\n",
        b"Action: failed\r\n",
        b"Status: 5.1.1\r\n",
        b"From: MAILER-DAEMON@x.example\r\n",
        b"Subject: failure notice\r\n",
        b"<a@b.example>: user unknown\r\n",
        b"--x\r\n",
        b"--x--\r\n",
        b"\r\n",
        b"\n",
        b"----- original message -----\r\n",
        b"\x1b$B",
        b"(expanded from: <c@d.example>)",
    ]
)


def is_bounded(returned: Returned) -> bool:
    return (
        len(returned.recipients) <= 1_000
        and len(returned.about_recipients) <= 1_000
        and len(returned.about_fields) <= 50
        and all(len(each.text) <= 1_000 and len(each.host) <= 255 for each in returned.recipients)
    )


@given(st.binary(max_size=2_000))
def test_any_octets_are_read(raw: bytes) -> None:
    assert is_bounded(judged(read_returned(raw)))


@given(st.lists(st.one_of(PIECES, st.binary(max_size=20)), max_size=60))
def test_any_pieces_of_reports_are_read(pieces: list[bytes]) -> None:
    assert is_bounded(judged(read_returned(b"".join(pieces))))


@given(st.sampled_from([DSN, ARF]), st.integers(0, 2_000), st.binary(max_size=5), st.integers(0, 40))
def test_a_damaged_report_is_read(letter: bytes, at: int, new: bytes, gone: int) -> None:
    assert is_bounded(judged(read_returned(letter[:at] + new + letter[at + gone :])))


@pytest.mark.parametrize(
    "body",
    [
        b"a@b.example " * 80_000,
        b"@" * 1_000_000,
        b"a" * 1_000_000,
        b"<" * 1_000_000,
        b"a.b" * 300_000 + b"@c.example",
        b"Final-Recipient: rfc822; a@b.example\n" * 25_000,
        b"To: x\n" * 150_000,
        b" \n" * 500_000,
        b"x:\n a\n" * 150_000,
        b"--\n" * 300_000,
        b"mailbox " * 120_000,
        b"original message\n" * 60_000,
        b"(expanded from: " * 60_000,
        b"=" * 1_000_000,
        b":\n" * 400_000,
    ],
    ids=lambda body: body[:16].decode(),
)
def test_hostile_letters_come_to_an_end(body: bytes) -> None:
    head = b"From: MAILER-DAEMON@x.example\nSubject: failure notice\nContent-Type: multipart/mixed\n\n"
    assert is_bounded(judged(read_returned(head + body)))
    assert is_bounded(judged(read_returned(body)))
