"""What a client of Mailgun hears (texts observed or documented; codes and limits partly our decision).

Only `250 Great success` is without an enhanced code: applications and their tests compare it literally.

Public: WORDS.
"""

from __future__ import annotations

import re

from posthouse.dialects.dialect import Refusal, SessionLimits, Words
from posthouse.smtp.replies import Reply

_KEY = re.compile(r"key-\S+|SG\.[\w-]{22}\.[\w-]{43}|ph_[\w.-]{20,}", re.ASCII)
_IS_KEY = "Authentication failed: this is an API key; use the SMTP password of this user"
_SANDBOX = (
    "Sandbox subdomains are for test purposes only. Please add your own domain or add the address to "
    "authorized recipients in Account Settings."
)


def _queued(message_id: str) -> Reply:
    """The service tells no id; `smtp.queue_id_in_reply` adds one."""
    return Reply(250, "", "Great success")


def _bad_login(user: str, password: str) -> Reply:
    """Contract C-06: only the form of the password may change the words."""
    return Reply(535, "5.7.8", _IS_KEY if _KEY.fullmatch(password.strip()) else "Authentication failed")


def _too_many_connections(address: str) -> Reply:
    return Reply(421, "4.7.0", f"Too many connections from {address}")


# By the `reason` of our refusals; the texts of `rules.policy` are the service's already.
REFUSALS = {
    # a temporary reply, as the service gave it for a while, makes relays try for days
    "sandbox": Refusal(_SANDBOX, 550, "5.7.1"),
    "rate-limit": Refusal("{text}", 452, "4.7.1"),
    "account-suspended": Refusal("Authentication failed: this account is disabled"),
}

WORDS = Words(
    signed_in=Reply(235, "2.7.0", "Authentication successful"),
    sender_ok=Reply(250, "2.1.0", "Sender address accepted"),
    recipient_ok=Reply(250, "2.1.5", "Recipient address accepted"),
    go_on=Reply(354, "", "Continue"),
    queued=_queued,
    bad_login=_bad_login,
    too_many_messages=Reply(421, "4.7.0", "Too many messages on this connection"),
    too_many_connections=_too_many_connections,
    refusals=REFUSALS,
    limits=SessionLimits(),  # theirs are not published; docs/decisions/011 says why we set none
)
