"""Which limits hold for a letter, and which window of time an instant lies in.

Every limit is "most recipients in a window": minutes, hours, days and months of UTC, numbered from the epoch.
A letter must fit into all limits of its account and of its domain.

Public: Span, Limit, Allowance, UNLIMITED, account_limits, domain_limits, allowance_of.
"""

from __future__ import annotations

import calendar
import time
from dataclasses import dataclass
from enum import Enum

from posthouse.model.account import AccountSettings, DomainSettings

REFUSE, QUEUE = "refuse", "queue"


class Span(Enum):
    """How long a window is, in seconds; months differ."""

    MINUTE = 60
    HOUR = 3600
    DAY = 86400
    MONTH = 0

    def window(self, at: float) -> int:
        """The number of the window that holds an instant."""
        if self is Span.MONTH:
            moment = time.gmtime(at)
            return (moment.tm_year - 1970) * 12 + moment.tm_mon - 1
        return int(at // self.value)

    def begins_at(self, window: int) -> float:
        """The instant at which a window begins; the one before it ends there."""
        if self is Span.MONTH:
            return float(calendar.timegm((1970 + window // 12, window % 12 + 1, 1, 0, 0, 0)))
        return float(window * self.value)


@dataclass(frozen=True, slots=True)
class Limit:
    """Most recipients in a window. `scope` names the row that counts them: it begins with the account's id,
    so that rows sort by account. `who`: whose limit it is, as a refusal says it."""

    scope: str
    span: Span
    most: int
    who: str


@dataclass(frozen=True, slots=True)
class Allowance:
    """The limits that a letter must fit into, in the order of their scopes. `waits`: what is over a limit is
    queued instead of refused."""

    limits: tuple[Limit, ...] = ()
    waits: bool = False


UNLIMITED = Allowance()


def account_limits(account_id: str, settings: AccountSettings, cap: int | None) -> list[Limit]:
    """`cap`: recipients a day that the account has earned so far, None: not judged yet."""
    daily = settings.daily_messages
    if settings.starts_at:
        earned = settings.starts_at if cap is None else cap
        daily = min(daily, earned) if daily else earned
    wanted = (
        (Span.MINUTE, settings.minute_messages),
        (Span.DAY, daily),
        (Span.MONTH, settings.monthly_messages),
    )
    return [_limit(account_id, span, most, "this account") for span, most in wanted if most]


def domain_limits(account_id: str, domain: str, settings: DomainSettings) -> list[Limit]:
    """Limits of a sending domain."""
    wanted = ((Span.HOUR, settings.hourly_messages), (Span.DAY, settings.daily_messages))
    return [_limit(account_id, span, most, f"domain {domain}", domain) for span, most in wanted if most]


def allowance_of(limits: list[Limit], account: AccountSettings, over_limit: str) -> Allowance:
    """`over_limit`: the installation's choice, for accounts that say nothing."""
    if not limits:
        return UNLIMITED
    by_scope = sorted(limits, key=lambda limit: limit.scope)
    return Allowance(tuple(by_scope), (account.over_limit or over_limit) == QUEUE)


def _limit(account_id: str, span: Span, most: int, who: str, domain: str = "") -> Limit:
    return Limit(f"{account_id}|{span.name.lower()}|{domain}", span, most, who)
