"""The parts of SendGrid's events that take a decision: ids, drop reasons, bounce or block, classification.

The service's own table of classifications is not public; ours follows the reasons of `rules.verdict`.
Whether an event says `bounce` or `blocked` is decided where the suppression list is (`rules.bounces`), so
that the two never contradict each other.

Public: event_id, message_id, said, drop_reason, bounce, custom_args, category.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode

from posthouse.dialects.event_values import LONGEST_REPLY, Facts, cleaned_object, encoded, id_of, text_of
from posthouse.model.event import EventKind
from posthouse.model.returned import BounceClass
from posthouse.rules.bounces import DEAD_DOMAIN_REASONS, HARD_REASONS

MOST_ARGS_BYTES = 12_000  # 10,000 are accepted; JSON's own signs come on top
_LONGEST_ACCOUNT = 30  # an event's id has at most 100 characters

INVALID, TECHNICAL, CONTENT = "Invalid Address", "Technical", "Content"
REPUTATION, TOO_MUCH, FULL = "Reputation", "Frequency or Volume Too High", "Mailbox Unavailable"
UNCLASSIFIED = "Unclassified"

_CLASSES = dict.fromkeys(HARD_REASONS, INVALID) | {
    "mailbox-full": FULL,
    "policy-block": REPUTATION,
    "unauthenticated": REPUTATION,
    "sender-rejected": REPUTATION,
    "spam-content": CONTENT,
    "content-rejected": CONTENT,
    "too-large": CONTENT,
    "rate-limited": TOO_MUCH,
    "greylisted": TOO_MUCH,
    "too-many-recipients": TOO_MUCH,
    "rejected": UNCLASSIFIED,
    "temporary": UNCLASSIFIED,
}
_DROPS = {
    "suppress-bounce": "Bounced Address",
    "suppress-unsubscribe": "Unsubscribed Address",
    "suppress-complaint": "Spam Reporting Address",
    "suppress-invalid": "Invalid",
    "invalid-address": "Invalid",
    "invalid-options": "Invalid SMTPAPI header",
    "spam": "Spam Content",
    "over-limit": "Recipient List over Package Quota",
    "batch": "Cancelled",
    "expired": "Expired",
    "paused": "Expired",
}
_WORDS = {EventKind.ACCEPTED: "processed", EventKind.DROPPED: "drop", EventKind.CANCELLED: "drop"}


def event_id(facts: Facts) -> str:
    """`sg_event_id`: the same for the same event, so that receivers can tell a repetition.

    Readable where the service's is (observed): base64url of `processed-<user>-<22 characters>-<index>`,
    `bounce-<attempt>-…`. Elsewhere, where one delivery can have several, the event's own id.
    """
    user = text_of(facts.event.account_id)[:_LONGEST_ACCOUNT]
    about = f"{user}-{id_of(facts.event.message_id)}-{facts.place}"
    word = _WORDS.get(facts.kind)
    if facts.kind is EventKind.FAILED:
        word = f"bounce-{facts.whole('attempt')}"
    if word is None or not facts.event.delivery_id or not user.isascii():
        return id_of(facts.event.id)
    return urlsafe_b64encode(f"{word}-{about}".encode()).decode().rstrip("=")


def message_id(facts: Facts) -> str:
    """`<22 characters>.recvd-<host>-<n>-<hex time>-<n>.<index>`: clients take what is before the first dot
    and compare it with the id that they were told. A later letter of the same call has its own id in place
    of the last number."""
    own = facts.event.message_id
    told = facts.text("call_id")  # of several letters of a call: its first one's
    last = id_of(own) if told and told != own else "0"
    place = facts.place + facts.whole("call_place")
    return f"{id_of(told or own)}.recvd-posthouse-1-{_second_of(told or own):X}-{last}.{place}"


def _second_of(id: str) -> int:
    """When a message came in, out of its id: the row may be gone."""
    try:
        return int(id[:10].translate(_TO_PYTHON), 32) // 1000
    except ValueError:
        return 0


_TO_PYTHON = str.maketrans("0123456789ABCDEFGHJKMNPQRSTVWXYZ", "0123456789abcdefghijklmnopqrstuv")


def said(facts: Facts) -> str:
    """The other side's reply in one line: code, enhanced code, text."""
    code = facts.whole("code")
    parts = (str(code) if code else "", facts.text("enhanced"), facts.text("text", LONGEST_REPLY))
    return " ".join(part for part in parts if part)


def drop_reason(facts: Facts) -> str:
    """`reason` of `dropped`: literal texts that receivers compare."""
    return _DROPS.get(facts.reason) or facts.text("text") or facts.reason


def bounce(facts: Facts) -> dict[str, str]:
    """`type`, `status`, `reason` and `bounce_classification` of a final failure.

    When time is over the last reply is what the event tells; without one the words are ours.
    """
    is_bounce = facts.bounce_class is BounceClass.HARD
    reason, status = said(facts), facts.text("enhanced")
    code, text = facts.last_reply
    if facts.reason == "expired":
        reason, status = (f"{code} {text}" if code else text) or reason, str(code or "4.0.0")
    return {
        "type": "bounce" if is_bounce else "blocked",
        "reason": reason,
        "status": status or ("5.1.2" if facts.reason in DEAD_DOMAIN_REASONS else _bare_code(facts)),
        "bounce_classification": _classification(facts, code, text),
    }


def _bare_code(facts: Facts) -> str:
    code = facts.whole("code")
    return str(code) if code else "4.0.0"


def _classification(facts: Facts, last_code: int, last_text: str) -> str:
    if facts.reason != "expired":
        return _CLASSES.get(facts.reason, TECHNICAL)
    words = last_text.lower()
    if last_code == 452 or "quota" in words or "full" in words.split():
        return FULL
    is_rate = last_code in (421, 450, 451) or "too many" in words or "rate" in words.split()
    return TOO_MUCH if is_rate else TECHNICAL


def custom_args(facts: Facts) -> dict[str, str]:
    """Custom and unique arguments, for the top level of the event; values are texts."""
    args = cleaned_object(facts.data.get("metadata"), MOST_ARGS_BYTES)
    return {key: value if isinstance(value, str) else encoded(value).decode() for key, value in args.items()}


def category(facts: Facts) -> str | list[str] | None:
    """As submitted: a text, or a list. One tag of other mail is a list too."""
    tags = facts.tags
    if len(tags) == 1 and facts.message is not None:
        seen = next(
            (each for each in facts.message.options.seen if each.header == "X-SMTPAPI category"), None
        )
        if seen is not None and not seen.value.lstrip().startswith("["):
            return tags[0]
    return tags or None
