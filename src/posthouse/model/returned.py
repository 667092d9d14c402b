"""Mail that comes back to us: what it says about which recipient."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class BounceClass(StrEnum):
    """HARD: the address is the trouble, no mail will ever reach it. SOFT: the mailbox is there and takes
    nothing now (full, too large, tried too long). BLOCK: the letter, its sender or the sender's reputation is
    the trouble; it says nothing about the mailbox."""

    HARD = "hard"
    SOFT = "soft"
    BLOCK = "block"


class ReturnedKind(StrEnum):
    """What a letter to a return path is. Only BOUNCE and COMPLAINT have effects; OTHER is anybody's mail."""

    BOUNCE = "bounce"
    DELAY = "delay"  # RFC 3464 2.3.3: delayed; nothing is final
    SUCCESS = "success"  # delivered, relayed, expanded
    COMPLAINT = "complaint"  # RFC 5965: abuse, fraud
    OPT_OUT = "opt-out"  # RFC 5965: the recipient wants no more of it
    NOT_SPAM = "not-spam"
    AUTO_REPLY = "auto-reply"  # RFC 3834: out of office and the like
    CHALLENGE = "challenge"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ReturnedRecipient:
    """What is said about one address. `address` in the form of `model.address` or "" when it is not named;
    `original` where the report tells another one that was written to. `code` is the SMTP reply code (0
    unknown), `enhanced` the status (RFC 3463, ""), `text` the other side's words cut at 1,000 characters,
    `host` the host that said so. `reason`: a word of `rules.verdict`."""

    address: str
    original: str = ""
    code: int = 0
    enhanced: str = ""
    text: str = ""
    host: str = ""
    reason: str = "rejected"
    bounce_class: BounceClass = BounceClass.BLOCK


@dataclass(frozen=True, slots=True)
class Returned:
    """A letter to a return path, read. `header_id`: the Message-ID of the letter that it is about ("" not
    told), `about_recipients` that letter's own To as far as it is quoted. `feedback_type` as a complaint
    words it. `subject`: its own, for people. `about_fields`: at most 50 (name in lower case, value) of the
    quoted letter's header that may tell which letter it was: Return-Path, List-Unsubscribe, X-…"""

    kind: ReturnedKind
    recipients: tuple[ReturnedRecipient, ...] = ()
    header_id: str = ""
    about_recipients: tuple[str, ...] = ()
    feedback_type: str = ""
    subject: str = ""
    about_fields: tuple[tuple[str, str], ...] = ()
