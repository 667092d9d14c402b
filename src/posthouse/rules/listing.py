"""What comes back about an address, and which lists it puts the address on.

A hard failure means the bounce list at once, a dead domain the invalid list, a complaint the complaint list.
Anything else that ends without delivery is written on the list of blocks, for people to read: it stops
nothing (BR-5). An address that fails softly again and again over days counts as bounced in the end (BR-6).

Lists hold for the sending domain; those of mail with `account_lists` for all of the account.

Public: listed, complained, repeated, bounced_in_the_end, is_soft, is_about_recipient, OF_THE_MAILBOX,
REPEATED, SOFT_FAILURES, SOFT_WITHIN_S, SOFT_OVER_S.
"""

from __future__ import annotations

from collections.abc import Sequence

from posthouse.model.message import Delivery, Message
from posthouse.model.returned import BounceClass
from posthouse.model.suppression import Suppression, SuppressionKind
from posthouse.rules.bounces import DEAD_DOMAIN_REASONS, class_of

REPEATED = "repeated: "
"""How the detail of a bounce begins that took several soft failures: they are purged apart."""
OF_THE_MAILBOX = frozenset({"mailbox-full"})
"""Reasons of soft failures that count: those of the one mailbox. A host that is away, or slow with us, would
put all of its people on the list."""
SOFT_FAILURES = 3
SOFT_WITHIN_S = 14 * 86400.0
SOFT_OVER_S = 3 * 86400.0
_LONGEST_DETAIL = 500
# what went wrong in our own house says nothing about anybody
_OUR_OWN = frozenset({"local", "content-missing", "loop", "private-address", "literal-refused"})


def is_about_recipient(message: Message, delivery: Delivery) -> bool:
    """May what became of this delivery put its recipient on a list? Not for tests, reports of our own (they
    have no credential), and copies that the server made of somebody else's mail."""
    return bool(
        message.credential_id and not message.options.test_mode and '"copy_of"' not in delivery.personal
    )


def listed(
    message: Message,
    delivery: Delivery,
    *,
    reason: str,
    at: float,
    text: str = "",
    code: int = 0,
    enhanced: str = "",
    bounce_class: BounceClass | None = None,
) -> list[Suppression]:
    """The rows that a final failure means, at once or reported later. `reason`: a word of `rules.verdict`;
    `bounce_class` where the report knows better than the word."""
    if reason in _OUR_OWN or not is_about_recipient(message, delivery):
        return []
    fault = bounce_class or class_of(reason)
    detail = _detail(code, enhanced, text)
    return [_row(message, delivery, kind, at, detail) for kind in _kinds(message, reason, fault)]


def _kinds(message: Message, reason: str, fault: BounceClass) -> tuple[SuppressionKind, ...]:
    if fault is not BounceClass.HARD:
        return (SuppressionKind.BLOCK,)
    if reason not in DEAD_DOMAIN_REASONS:
        return (SuppressionKind.BOUNCE,)
    # the service whose lists are the account's shows these on both (documented there)
    more = (SuppressionKind.BOUNCE,) if message.options.account_lists else ()
    return (SuppressionKind.INVALID, *more)


def complained(message: Message, delivery: Delivery, *, at: float, text: str = "") -> list[Suppression]:
    """The row that a complaint means: no more mail, whatever it is (BR-6)."""
    if not is_about_recipient(message, delivery):
        return []
    return [_row(message, delivery, SuppressionKind.COMPLAINT, at, text)]


def repeated(failures: Sequence[float]) -> bool:
    """Is the address dead after all? `failures`: the times of its final soft failures, the last one among
    them, in any order."""
    if not failures:
        return False
    last = max(failures)
    recent = [at for at in failures if at > last - SOFT_WITHIN_S]
    return len(recent) >= SOFT_FAILURES and last - min(recent) >= SOFT_OVER_S


def is_soft(row: Suppression) -> bool:
    """Is a row of the bounces or blocks one that is purged with the soft ones?"""
    return row.kind is SuppressionKind.BLOCK or row.detail.startswith(REPEATED)


def bounced_in_the_end(
    message: Message, delivery: Delivery, *, at: float, text: str = "", code: int = 0, enhanced: str = ""
) -> list[Suppression]:
    """The row for an address whose failures are `repeated`; the words are those of the last one."""
    if not is_about_recipient(message, delivery):
        return []
    detail = REPEATED + _detail(code, enhanced, text)
    return [_row(message, delivery, SuppressionKind.BOUNCE, at, detail)]


def _row(message: Message, delivery: Delivery, kind: SuppressionKind, at: float, detail: str) -> Suppression:
    return Suppression(
        account_id=message.account_id,
        address=delivery.recipient.lower(),
        kind=kind,
        domain="" if message.options.account_lists else message.domain,
        scope="",
        at=at,
        detail=detail[:_LONGEST_DETAIL],
    )


def _detail(code: int, enhanced: str, text: str) -> str:
    """`550 5.1.1 No such user`, as far as it is known and not said twice; one line."""
    words = " ".join(text.split())
    said = [part for part in (str(code or ""), enhanced) if part and part not in words.split()[:2]]
    return " ".join([*said, words]).strip()
