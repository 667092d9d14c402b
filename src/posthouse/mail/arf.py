"""A complaint's machine part (RFC 5965, RFC 6591), and the forms that look like one.

Public: Feedback, parse_feedback.
"""

from __future__ import annotations

from dataclasses import dataclass

from posthouse.mail.dsn_fields import address_in, status_groups
from posthouse.model.returned import ReturnedKind

_RECIPIENTS_MAX = 1_000
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
    for group in status_groups(text):
        for name, value in group.fields.items():
            fields.setdefault(name, value)
        for name in ("original-rcpt-to", "removal-recipient", "final-recipient", "original-recipient"):
            address = address_in(group.value(name))
            if address and address not in recipients and len(recipients) < _RECIPIENTS_MAX:
                recipients.append(address)
    kind = fields.get("feedback-type", "").strip().strip('"').lower()[:100] or "abuse"
    return Feedback(_KINDS.get(kind, ReturnedKind.OTHER), kind, tuple(recipients), fields)
