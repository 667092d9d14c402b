"""Whose fault a failure was: the address's, the mailbox's of the moment, or the letter's.

Hard failures put an address on the bounce list at once; blocks never do (BR-5, BR-6).

Public: class_of, HARD_REASONS, DEAD_DOMAIN_REASONS.
"""

from __future__ import annotations

from posthouse.model.returned import BounceClass

DEAD_DOMAIN_REASONS = frozenset({"bad-domain", "null-mx", "no-such-domain", "no-host"})
"""The domain takes no mail at all: the address is invalid rather than bounced."""
HARD_REASONS = frozenset({"bad-mailbox", "mailbox-disabled"}) | DEAD_DOMAIN_REASONS
_SOFT_REASONS = frozenset({"mailbox-full", "too-large", "expired", "greylisted", "temporary"})


def class_of(reason: str) -> BounceClass:
    """The class of a final failure by its reason (`rules.verdict`)."""
    if reason in HARD_REASONS:
        return BounceClass.HARD
    return BounceClass.SOFT if reason in _SOFT_REASONS else BounceClass.BLOCK
