"""What MailPace says over SMTP. The codes are those of the library behind its gateway; the texts of refusals
are those of its HTTP interface, which its gateway passes on (both likely, neither observed)."""

from __future__ import annotations

from posthouse.dialects.dialect import Refusal, SessionLimits, Words
from posthouse.smtp.replies import Reply


def _queued(message_id: str) -> Reply:
    return Reply(250, "2.6.0", f"Message queued as {message_id}")


def _bad_login(user: str, password: str) -> Reply:
    return Reply(535, "5.7.8", "Authentication failed: Invalid API Token")


def _too_many_connections(address: str) -> Reply:
    return Reply(421, "4.7.0", f"Too many connections from {address}, try again later")


WORDS = Words(
    signed_in=Reply(235, "2.7.0", "Authentication successful"),
    sender_ok=Reply(250, "2.1.0", "Accepted"),
    recipient_ok=Reply(250, "2.1.5", "Accepted"),
    go_on=Reply(354, "", "End data with <CR><LF>.<CR><LF>"),
    queued=_queued,
    bad_login=_bad_login,
    too_many_messages=Reply(421, "4.7.0", "Too many messages on this connection, open another"),
    too_many_connections=_too_many_connections,
    refusals={
        "from-domain": Refusal("{text}. Verified domain does not match domain in From address of email"),
        "domain-unverified": Refusal(
            "{text}. Domain DKIM DNS not verified, please complete DKIM Verification"
        ),
        "account-suspended": Refusal(
            "Authentication failed: This organization is unable to send emails. Please contact support"
        ),
        "bad-from": Refusal("Email from address not parseable: {text}"),
        "rate-limit": Refusal("Too many recipients: You are sending emails too quickly", 452, "4.7.1"),
    },
    limits=SessionLimits(recipients=50),
)
