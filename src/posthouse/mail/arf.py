"""A complaint's machine part (RFC 5965, RFC 6591), and the forms that look like one.

Public: Feedback, parse_feedback, is_old_complaint.
"""

from __future__ import annotations

from dataclasses import dataclass

from posthouse.mail.dsn_fields import address_in, unfolded_lines
from posthouse.model.returned import ReturnedKind

_RECIPIENTS_MAX = 1_000
_FIELDS_MAX = 100
_RECIPIENT_FIELDS = ("original-rcpt-to", "removal-recipient", "final-recipient", "original-recipient")
# Complaints without a machine's part: Microsoft's JMRP, AOL before ARF, Yahoo, and those who copied them.
_OLD_SENDERS = (
    "staff@hotmail.com",
    "staff@live.com",
    "scomp@aol.",
    "fbl-no-reply@",
    "feedback@arf.",
    "complaints@yahoo",
)
_OLD_SUBJECTS = (
    "complaint about message from",
    "client tos notification",
    "email feedback report for ip",
    "spam complaint",
)
# RFC 5965 7.3, RFC 6591 (auth-failure) and the registry; the rest is nobody's complaint
_KINDS = {
    "abuse": ReturnedKind.COMPLAINT,
    "fraud": ReturnedKind.COMPLAINT,
    "opt-out": ReturnedKind.OPT_OUT,
    "optout": ReturnedKind.OPT_OUT,
    "opt-out-list": ReturnedKind.OPT_OUT,
    "unsubscribe": ReturnedKind.OPT_OUT,
    "not-spam": ReturnedKind.NOT_SPAM,
}


@dataclass(frozen=True, slots=True)
class Feedback:
    """`type` as worded, in lower case; `recipients` as told (RFC 6590: they may be redacted); `fields` all of
    the part, names in lower case."""

    kind: ReturnedKind
    type: str
    recipients: tuple[str, ...]
    fields: dict[str, str]


def parse_feedback(text: str) -> Feedback:
    """The text of a message/feedback-report. A type that is not told counts as abuse: somebody complained."""
    fields: dict[str, str] = {}
    recipients: list[str] = []
    for line in unfolded_lines(text):
        name, _, value = line.partition(":")
        name = name.strip().lower()
        if not name or len(fields) >= _FIELDS_MAX:
            continue
        fields.setdefault(name, value.strip())
        address = address_in(value) if name in _RECIPIENT_FIELDS else ""
        if address and address not in recipients and len(recipients) < _RECIPIENTS_MAX:
            recipients.append(address)
    kind = fields.get("feedback-type", "").strip().strip('"').lower()[:100] or "abuse"
    return Feedback(_KINDS.get(kind, ReturnedKind.OTHER), kind, tuple(recipients), fields)


def is_old_complaint(sender: str, subject: str) -> bool:
    """By the From and Subject fields of a letter that has another letter attached."""
    sender, subject = sender.lower(), subject.lower()
    return any(each in sender for each in _OLD_SENDERS) or any(each in subject for each in _OLD_SUBJECTS)
