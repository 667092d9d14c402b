"""What a native credential hears; also what everybody hears before they signed in."""

from __future__ import annotations

from posthouse.dialects.dialect import Words
from posthouse.smtp.replies import Reply


def _queued(message_id: str) -> Reply:
    return Reply(250, "2.0.0", f"Queued as {message_id}")


def _bad_login(user: str, password: str) -> Reply:
    return Reply(535, "5.7.8", "Authentication failed")


def _too_many_connections(address: str) -> Reply:
    return Reply(421, "4.7.0", f"Too many connections from {address}, try again later")


WORDS = Words(
    signed_in=Reply(235, "2.7.0", "Authentication successful"),
    sender_ok=Reply(250, "2.1.0", "Sender address accepted"),
    recipient_ok=Reply(250, "2.1.5", "Recipient address accepted"),
    go_on=Reply(354, "", "Continue"),
    queued=_queued,
    bad_login=_bad_login,
    too_many_messages=Reply(421, "4.7.0", "Too many messages on this connection, open another"),
    too_many_connections=_too_many_connections,
)
