"""Which limits hold for a letter, and which window of time an instant lies in.

Every limit is "most recipients in a window": minutes, hours, days and months of UTC, numbered from the epoch.
A letter must fit into all limits of its account and of its domain.

Public: Span, Limit, Allowance, UNLIMITED, account_limits, domain_limits, allowance_of, for_room, counted_in,
account_of.
"""

from __future__ import annotations

import calendar
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from posthouse.model.account import AccountSettings, DomainSettings
from posthouse.model.message import FOR_ROOM

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


def for_room(limits: Sequence[Limit]) -> str:
    """What a delivery says that waits for room in these limits: "waits for room in its limits: account day,
    domain hour". The settings may change while it waits; this stays."""
    return FOR_ROOM + ", ".join(f"{_of(limit)} {limit.span.name.lower()}" for limit in limits)


def _of(limit: Limit) -> str:
    return "account" if limit.scope.endswith("|") else "domain"


def counted_in(text: str, account_id: str, domain: str) -> list[tuple[str, Span]]:
    """(scope, span) of the limits that `for_room` named, [] for any other text."""
    if not text.startswith(FOR_ROOM):
        return []
    names = [name.partition(" ") for name in text.removeprefix(FOR_ROOM).split(", ")]
    found = [(whose, Span[word.upper()]) for whose, _, word in names]
    return [(_scope(account_id, span, domain if whose == "domain" else ""), span) for whose, span in found]


def _limit(account_id: str, span: Span, most: int, who: str, domain: str = "") -> Limit:
    return Limit(_scope(account_id, span, domain), span, most, who)


def account_of(scope: str) -> str:
    """The id of the account whose row it is, or whose domain's."""
    return scope.partition("|")[0]


def _scope(account_id: str, span: Span, domain: str) -> str:
    return f"{account_id}|{span.name.lower()}|{domain}"
