"""May this recipient get this letter, going by the lists of addresses that must not?

The lists are asked in the order of `DROPS`, the first that holds decides: an address that cannot exist, one
that bounced, one that complained, one that unsubscribed; blocks hold nothing back. A row holds for a letter
when its domain is "" or the sending domain, and its scope is "" (all mail), a tag of the letter, or the
letter's unsubscribe group.

`bypass` of the letter skips lists: `bounces`, `complaints`, `invalid`; `unsubscribes` skips those from all
mail only, whoever left a group stays out of it (service behaviour, documented); `all` skips everything.

The allow list skips the lists that failures fill, never what recipients themselves said.

Public: Drop, DROPS, BY_FAILURES, BAD_ADDRESS, judge_suppressions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from posthouse.model.options import SendOptions
from posthouse.model.suppression import Suppression, SuppressionKind


@dataclass(frozen=True, slots=True)
class Drop:
    """Why a recipient gets nothing: a machine word, and what events and people read."""

    reason: str
    code: int
    enhanced: str
    text: str


BAD_ADDRESS = Drop("invalid-address", 550, "5.1.3", "Not delivering to something that is no address")

# Codes and texts that customers' programs compare (600 and above are no SMTP replies).
DROPS: dict[SuppressionKind, Drop] = {
    SuppressionKind.INVALID: Drop(
        "suppress-invalid", 605, "5.1.1", "Not delivering to an address that is known to be invalid"
    ),
    SuppressionKind.BOUNCE: Drop(
        "suppress-bounce", 605, "5.1.1", "Not delivering to previously bounced address"
    ),
    SuppressionKind.COMPLAINT: Drop(
        "suppress-complaint", 607, "5.7.1", "Not delivering to a user who marked your messages as spam"
    ),
    SuppressionKind.UNSUBSCRIBE: Drop(
        "suppress-unsubscribe", 606, "5.7.1", "Not delivering to unsubscribed address"
    ),
}
_BYPASS = {
    SuppressionKind.INVALID: "invalid",
    SuppressionKind.BOUNCE: "bounces",
    SuppressionKind.COMPLAINT: "complaints",
    SuppressionKind.UNSUBSCRIBE: "unsubscribes",
}


BY_FAILURES = frozenset({SuppressionKind.INVALID, SuppressionKind.BOUNCE})


def judge_suppressions(
    rows: Iterable[Suppression], domain: str, options: SendOptions, *, is_allowed: bool = False
) -> Drop | None:
    """`rows`: all of one address in one account; `domain`: the sending domain; `is_allowed`: the address is
    on its allow list. None: nothing stands against the letter."""
    kinds = {row.kind for row in rows if _holds(row, domain, options)}
    if is_allowed:
        kinds -= BY_FAILURES
    return next((drop for kind, drop in DROPS.items() if kind in kinds), None)


def _holds(row: Suppression, domain: str, options: SendOptions) -> bool:
    if row.kind not in DROPS or row.domain not in ("", domain) or "all" in options.bypass:
        return False
    if _BYPASS[row.kind] in options.bypass and not row.scope.startswith("group:"):
        return False
    kind, _, name = row.scope.partition(":")
    if kind == "tag":
        return name in [tag.lower() for tag in options.tags]
    if kind == "group":
        return name == str(options.unsubscribe_group)
    return not row.scope
