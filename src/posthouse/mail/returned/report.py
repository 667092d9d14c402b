"""Recipients out of the fields of a delivery report (RFC 3464 2.3).

Public: report_recipients.
"""

from __future__ import annotations

import re

from posthouse.mail.dsn_fields import StatusGroup, address_in, status_groups
from posthouse.mail.returned.evidence import codes_in
from posthouse.model.returned import ReturnedKind, ReturnedRecipient

_RECIPIENTS_MAX = 1_000
_TEXT_MAX = 1_000
_match_type = re.compile(r"[ \t]*+[A-Za-z0-9-]{1,40}+[ \t]*+;[ \t]*+").match
_KINDS = {
    "failed": ReturnedKind.BOUNCE,
    "delayed": ReturnedKind.DELAY,
    "delivered": ReturnedKind.SUCCESS,
    "relayed": ReturnedKind.SUCCESS,
    "expanded": ReturnedKind.SUCCESS,
}
_ORDER = (ReturnedKind.BOUNCE, ReturnedKind.DELAY, ReturnedKind.SUCCESS)


def report_recipients(text: str) -> tuple[ReturnedKind, tuple[ReturnedRecipient, ...]]:
    """The gravest thing that the report says, and of whom it says so. OTHER: it says nothing."""
    found: dict[ReturnedKind, dict[str, ReturnedRecipient]] = {}
    for group in status_groups(text):
        if group.is_of_recipient:
            kind = _KINDS.get(group.action) or _kind_of_status(group.status)
            recipient = _recipient(group)
            found.setdefault(kind, {}).setdefault(recipient.address, recipient)
    for kind in _ORDER:
        if kind in found:
            return kind, tuple(found[kind].values())[:_RECIPIENTS_MAX]
    return ReturnedKind.OTHER, ()


def _kind_of_status(status: str) -> ReturnedKind:
    if not status:
        return ReturnedKind.OTHER
    return {"2": ReturnedKind.SUCCESS, "4": ReturnedKind.DELAY}.get(status[0], ReturnedKind.BOUNCE)


def _recipient(group: StatusGroup) -> ReturnedRecipient:
    final, original = (
        address_in(group.value("final-recipient")),
        address_in(group.value("original-recipient")),
    )
    if original and "." not in final.rpartition("@")[2]:
        final = original  # a name that only the inside of that house knows
    words = group.value("diagnostic-code")
    kind = _match_type(words)
    words = words[kind.end() if kind else 0 :]
    code, enhanced = codes_in(words)
    host = group.value("remote-mta")
    kind = _match_type(host)
    return ReturnedRecipient(
        address=final or original,
        original=original if original.lower() != (final or original).lower() else "",
        code=code,
        # the host's own status says more than the reporter's guess from it
        enhanced=enhanced if enhanced and not enhanced.endswith(".0.0") else group.status or enhanced,
        text=words[:_TEXT_MAX],
        host=host[kind.end() if kind else 0 :].strip()[:255],
    )
