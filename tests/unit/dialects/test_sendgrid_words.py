"""What a client with a SendGrid key hears (C-08, C-09, C-15)."""

from __future__ import annotations

import pytest

from posthouse.dialects.sendgrid import DIALECT
from posthouse.model.short_id import long_id

WORDS = DIALECT.words
ID = "01BX5ZZKBKACTAV9WEVGEMMVRZ"
REPLIES = [
    (WORDS.signed_in, "235 Authentication successful"),
    (WORDS.sender_ok, "250 Sender address accepted"),
    (WORDS.recipient_ok, "250 Recipient address accepted"),
    (WORDS.go_on, "354 Continue"),
    (WORDS.queued(ID), "250 Ok: queued as AV9L_81zUzStp47cHUpvHw"),
    (WORDS.too_many_messages, "421 Too many messages on this connection"),
    (WORDS.too_many_connections("192.0.2.1"), "421 Too many connections from 192.0.2.1"),
    (
        WORDS.bad_login("APIKEY", "SG.x"),
        "535 Authentication failed: The provided authorization grant is invalid, expired, or revoked",
    ),
    (WORDS.bad_login("bob", "secret"), "535 Authentication failed: Bad username / password"),
]


@pytest.mark.parametrize(("reply", "text"), REPLIES, ids=[text[:40] for _, text in REPLIES])
def test_c08_replies(reply: object, text: str) -> None:
    assert str(reply) == text


def test_c08_the_id_leads_back() -> None:
    assert long_id(str(WORDS.queued(ID)).rsplit(" ", 1)[1]) == ID


def test_c09_limits() -> None:
    assert WORDS.limits.messages_per_connection == 100
    assert WORDS.limits.connections_per_address == 10


def test_c15_refusals_have_no_enhanced_codes() -> None:
    assert not WORDS.has_enhanced_codes
    assert all(refusal.enhanced == "" for refusal in WORDS.refusals.values())
    assert WORDS.refusals["no-from"].text == "Message rejected: From header is missing (RFC 5322)"
    assert WORDS.refusals["from-domain"].text.startswith(
        "The from address does not match a verified Sender Identity."
    )


def test_defaults_leave_tracking_to_the_domain() -> None:
    assert DIALECT.defaults == {"account_lists": True}
    assert not DIALECT.rebuilds
    assert not DIALECT.needs_to
