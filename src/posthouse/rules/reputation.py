"""How many recipients a day a new account may have: it grows on days that go well and shrinks after bad ones.

A day counts as good when receivers took the mail: at most 5 % of it bounced for good, at most 0.1 % was
complained about, and hosts did not defer more than they took. The numbers are those at which large receivers
begin to refuse senders. One bounce and one complaint are forgiven: of little mail they are a large share.

Public: Record, next_cap.
"""

from __future__ import annotations

from dataclasses import dataclass

from posthouse.model.account import AccountSettings

BOUNCED_SHARE, COMPLAINED_SHARE = 0.05, 0.001
_FORGIVEN = 1
_DOUBLES_BELOW = 10_000
_CEILING = 10**9


@dataclass(frozen=True, slots=True)
class Record:
    """What became of an account's mail in one day, in recipients; `deferred` counts attempts that a host
    deferred. `bounced`: the mailbox or its domain is not there."""

    accepted: int = 0
    delivered: int = 0
    failed: int = 0
    bounced: int = 0
    complained: int = 0
    deferred: int = 0

    @property
    def finished(self) -> int:
        return self.delivered + self.failed


def next_cap(cap: int, settings: AccountSettings, record: Record) -> tuple[int, str]:
    """The cap of the day after the one that is told, and why, in words.

    `settings.starts_at`: where it began; a quarter of it is the least. `settings.daily_messages`: it grows up
    to that, 0 for no ceiling.
    """
    ceiling = settings.daily_messages or _CEILING
    trouble = _trouble(record)
    if trouble:
        lower = min(max(cap // 2, settings.starts_at // 4, 1), ceiling)
        return lower, f"halved to {lower}: {trouble}" if lower < cap else f"stays at {lower}: {trouble}"
    if record.accepted * 2 < cap:
        return min(cap, ceiling), f"stays: {record.accepted} of {cap} used, it grows on days that use half"
    if record.deferred > record.finished:
        return min(cap, ceiling), (
            f"stays: receiving hosts deferred {record.deferred} times and took {record.delivered}"
        )
    if cap >= ceiling:
        return ceiling, f"stays: {ceiling} is daily_messages, up to which it grows"
    higher = min(cap * 2 if cap < _DOUBLES_BELOW else cap * 3 // 2, ceiling)
    higher = max(higher, cap + 1)
    return higher, f"grew from {cap}: {record.accepted} sent, {record.bounced} bounced"


def _trouble(record: Record) -> str:
    """What was bad about the day, "" for nothing."""
    if record.bounced > max(BOUNCED_SHARE * record.finished, _FORGIVEN):
        return (
            f"{record.bounced} of {record.finished} recipients bounced (at most {BOUNCED_SHARE:.0%} is good)"
        )
    if record.complained > max(COMPLAINED_SHARE * record.finished, _FORGIVEN):
        return (
            f"{record.complained} of {record.finished} recipients complained "
            f"(at most {COMPLAINED_SHARE:.1%} is good)"
        )
    return ""
