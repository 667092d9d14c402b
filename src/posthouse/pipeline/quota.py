"""Limits of a sending domain: so many recipients an hour, so many a day.

Hours and days are those of UTC. Past a limit the letter is refused with the time at which it will fit, or,
where the operator wants that, its deliveries wait for the hours and days that have room for them.

Every hour has a row of its own in the store, in one of `SLOTS` scopes in turn: a scope forgets its older
windows when a new one begins, and hours to come must not make it forget this one.

Public: Allowance, reserve, spread.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from posthouse.mail.report_text import date_time
from posthouse.model.errors import PosthouseError, Refused, TryLater
from posthouse.store import quotas
from posthouse.store.connection import Connection

HOUR_S, DAY_S = 3600, 86400
SLOTS = 1000
_MOST_AHEAD_S = (SLOTS - 100) * HOUR_S  # what finds no room until then goes at that time, over the limit


@dataclass(frozen=True, slots=True)
class Allowance:
    """Most recipients of `domain` in an hour and a day, 0 for no limit."""

    account_id: str
    domain: str
    hourly: int
    daily: int

    def limits(self, at: float) -> list[tuple[str, int, int, int]]:
        """(scope, window, limit, length of the window in seconds) that hold at that instant."""
        kinds = (("hour", self.hourly, HOUR_S), ("day", self.daily, DAY_S))
        return [
            (f"{kind}|{self.account_id}|{self.domain}|{window % SLOTS}", window, limit, span)
            for kind, limit, span in kinds
            if limit
            for window in [int(at // span)]
        ]


def reserve(conn: Connection, allowance: Allowance, count: int, at: float) -> PosthouseError | None:
    """Count `count` recipients at that time, in all limits or in none. The refusal, or None."""
    held: list[tuple[str, int]] = []
    for scope, window, limit, span in allowance.limits(at):
        if not quotas.reserve(conn, scope, window, count, limit):
            for taken in held:
                quotas.give_back(conn, *taken, count)
            return _refusal(allowance, count, limit, (window + 1) * span)
        held.append((scope, window))
    return None


def _refusal(allowance: Allowance, count: int, limit: int, free_at: float) -> PosthouseError:
    who = f"domain {allowance.domain} is not allowed to send"
    if count > limit:  # it would never fit
        text = f"Too many recipients: {who}: {count} recipients at once, its limit is {limit}"
        return Refused(550, "5.5.3", text, reason="over-limit")
    text = f"Too many recipients: {who}: recipient limit exceeded, try again after {date_time(free_at)}"
    return TryLater(452, "4.5.3", text, reason="rate-limit")


def spread(conn: Connection, allowance: Allowance, count: int, at: float) -> Iterator[tuple[float, int]]:
    """Reserve room for `count` recipients from `at` on: (when, how many), the earliest first."""
    part = count
    end = at + _MOST_AHEAD_S
    while count and at < end:
        part = min(part, count)
        if reserve(conn, allowance, part, at) is None:
            yield at, part
            count -= part
        elif part > 1:
            part = (part + 1) // 2
        else:
            at = min((window + 1) * span for _, window, _, span in allowance.limits(at))
            part = count
    if count:
        yield at, count
