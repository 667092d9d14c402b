"""What a client of SendGrid hears: single lines without enhanced codes, in the wording that its programs and
runbooks know (service's behaviour: documented or observed; the limits' replies are our decision).

Public: WORDS.
"""

from __future__ import annotations

from posthouse.dialects.dialect import Refusal, SessionLimits, Words
from posthouse.model.short_id import short_id
from posthouse.smtp.replies import Reply

_KEY_REFUSED = "Authentication failed: The provided authorization grant is invalid, expired, or revoked"
_PASSWORD_REFUSED = "Authentication failed: Bad username / password"  # noqa: S105 (a sentence)
_NO_IDENTITY = (
    "The from address does not match a verified Sender Identity. "
    "Mail cannot be sent until this error is resolved. {text}"
)
_BAD_FROM = "Message rejected: From header is not valid (RFC 5322)"


def _queued(id: str) -> Reply:
    """The id is also the first part of what events call the message."""
    return Reply(250, "", f"Ok: queued as {short_id(id)}")


def _bad_login(user: str, password: str) -> Reply:
    return Reply(535, "", _KEY_REFUSED if user.strip().lower() == "apikey" else _PASSWORD_REFUSED)


def _too_many_connections(address: str) -> Reply:
    return Reply(421, "", f"Too many connections from {address}")


# By the `reason` of our refusals.
REFUSALS = {
    "no-permission": Refusal("Authentication failed: access forbidden", 535, ""),
    "signed-out": Refusal(_KEY_REFUSED, 535, ""),
    "no-from": Refusal("Message rejected: From header is missing (RFC 5322)", 550, ""),
    "bad-from": Refusal(_BAD_FROM, 550, ""),
    "from-domain": Refusal(_NO_IDENTITY, 550, ""),
    "domain-unverified": Refusal(_NO_IDENTITY, 550, ""),
    "too-many-recipients": Refusal("Too many recipients", 452, ""),
    "rate-limit": Refusal("Too many recipients: You've exceeded your messaging limits", 452, ""),
}

WORDS = Words(
    signed_in=Reply(235, "", "Authentication successful"),
    sender_ok=Reply(250, "", "Sender address accepted"),
    recipient_ok=Reply(250, "", "Recipient address accepted"),
    go_on=Reply(354, "", "Continue"),
    queued=_queued,
    bad_login=_bad_login,
    too_many_messages=Reply(421, "", "Too many messages on this connection"),
    too_many_connections=_too_many_connections,
    refusals=REFUSALS,
    has_enhanced_codes=False,
    limits=SessionLimits(messages_per_connection=100, connections_per_address=10),
)
