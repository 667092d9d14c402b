"""Counting recipients against limits in the store: letter by letter, or in blocks for a worker (`blocks`).

Past a limit a letter is refused with the time at which it will fit, or, where that is wanted, its deliveries
wait for the windows that have room: at an even pace within a minute, from the beginning of other windows on.

All rows are touched in their account's turn (`store.quotas.in_turn`), one account after another by id, in
transactions in which nothing else is waited for: no deadlock between two that count.

Public: reserve, refusal, spread, Place, exchange, Part, Denied, drop_old.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from posthouse.mail.report_text import date_time
from posthouse.model.errors import PosthouseError, Refused, TryLater
from posthouse.rules.limits import Limit, Span, account_of
from posthouse.store import quotas
from posthouse.store.connection import Connection
from posthouse.store.writer import runs_apart

SHARE = 16  # a block ahead of need is at most this part of what is left: small limits stay exact
_MOST_AHEAD_S = 37 * 86400.0  # mail waits no longer than that for room


# Letter by letter


def reserve(conn: Connection, limits: Sequence[Limit], count: int, at: float) -> PosthouseError | None:
    """Count `count` recipients at that time, in all limits or in none. The refusal, or None."""
    for limit in limits:  # read first: a full row is not even locked
        if quotas.used(conn, limit.scope, limit.span.window(at)) + count > limit.most:
            return refusal(limit, count, at)
    refused = _count(conn, limits, count, at)
    return refusal(refused, count, at) if isinstance(refused, Limit) else None


def refusal(limit: Limit, count: int, at: float) -> PosthouseError:
    """What a customer hears whose letter to `count` recipients does not fit into a limit at that time."""
    who = f"{limit.who} is not allowed to send"
    if count > limit.most:  # it would never fit
        text = f"Too many recipients: {who}: {count} recipients at once, its limit is {limit.most}"
        return Refused(550, "5.5.3", text, reason="over-limit")
    free_at = limit.span.begins_at(limit.span.window(at) + 1)
    text = f"Too many recipients: {who}: recipient limit exceeded, try again after {date_time(free_at)}"
    return TryLater(452, "4.5.3", text, reason="rate-limit", retry_s=free_at - at, most=limit.most)


def _count(conn: Connection, limits: Sequence[Limit], count: int, at: float) -> Limit | dict[Span, int]:
    """The limit that has no room, or how many are counted now in each kind of window."""
    counted: list[tuple[Limit, int]] = []
    for limit in limits:
        window = limit.span.window(at)
        total = quotas.reserve(conn, limit.scope, window, count, limit.most)
        if not total:
            _uncount(conn, [taken for taken, _ in counted], count, at)
            return limit
        counted.append((limit, total))
    return {limit.span: total for limit, total in counted}


def _uncount(conn: Connection, limits: Sequence[Limit], count: int, at: float) -> None:
    for limit in limits:
        quotas.give_back(conn, limit.scope, limit.span.window(at), count)


@dataclass(frozen=True, slots=True)
class Place:
    """Room for `count` recipients: the first is due at `at`, the others every `step_s` seconds after it."""

    at: float
    count: int
    step_s: float = 0.0


def spread(
    conn: Connection, limits: Sequence[Limit], count: int, now: float, not_before: float = 0.0
) -> list[Place] | None:
    """Reserve room for `count` recipients from now on, the earliest first. None, and nothing is counted:
    there is none for weeks. `not_before`: until when all windows are known to be full."""
    at = max(now, not_before)
    places: list[Place] = []
    counted: list[tuple[float, int]] = []
    while count and at < now + _MOST_AHEAD_S:
        at, room = _opening(conn, limits, at)
        part = min(count, room)
        found = _count(conn, limits, part, at)
        if isinstance(found, Limit):
            continue  # somebody was quicker: look again
        counted.append((at, part))
        places.append(_place(limits, at, part, found, now))
        count -= part
    if not count:
        return places
    for when, part in counted:
        _uncount(conn, limits, part, when)
    return None


def _opening(conn: Connection, limits: Sequence[Limit], at: float) -> tuple[float, int]:
    """The first instant from `at` on at which every limit has room, and how much."""
    while True:
        start, room = at, limits[0].most
        for limit in limits:
            span = limit.span
            window, used = quotas.first_open(conn, limit.scope, span.window(at), limit.most)
            start = max(start, span.begins_at(window))
            room = min(room, limit.most - used)
        if start == at:
            return at, room
        at = start


def _place(limits: Sequence[Limit], at: float, part: int, counted: dict[Span, int], now: float) -> Place:
    """When those are due that were counted at `at`; `counted`: what their windows hold with them."""
    for limit in limits:
        begins_at = Span.MINUTE.begins_at(Span.MINUTE.window(at))
        if limit.span is Span.MINUTE and begins_at > now:
            step_s = Span.MINUTE.value / limit.most
            return Place(max(at, begins_at + (counted[Span.MINUTE] - part) * step_s), part, step_s)
    return Place(at, part)


# Blocks for a worker


@dataclass(frozen=True, slots=True)
class Part:
    """What a worker wants of one row: give `back` what it did not use; get at least `need`, `hoped` for all
    that waits, and fill up what it has (`held`) to `size` if that is a small part of what is left."""

    scope: str
    window: int
    back: int = 0
    need: int = 0
    hoped: int = 0
    size: int = 0
    held: int = 0
    most: int = 0


@dataclass(frozen=True, slots=True)
class Denied:
    """The row that has no room for what is needed, and how much it has."""

    scope: str
    left: int


Exchanged = tuple[int, ...] | Denied
"""How much was got of each part; or nothing was got. What was to be given back has been in any case."""


@runs_apart
def exchange(conn: Connection, items: Sequence[Sequence[Part]]) -> list[Exchanged]:
    """Give blocks back and get new ones, for each item all that it needs or none; a writing function. The
    parts of an item are of one account."""
    answers: list[Exchanged] = [()] * len(items)
    accounts = [account_of(parts[0].scope) for parts in items]
    for place in sorted(range(len(items)), key=accounts.__getitem__):
        quotas.in_turn(conn, accounts[place])
        answers[place] = _exchanged(conn, items[place])
    return answers


def _exchanged(conn: Connection, parts: Sequence[Part]) -> Exchanged:
    got: list[int] = []
    denied: Denied | None = None
    for part in parts:
        if part.back:
            quotas.give_back(conn, part.scope, part.window, part.back)
        found = _got(conn, part) if part.most and denied is None else 0
        if isinstance(found, Denied):
            denied, found = found, 0
        got.append(found)
    if denied is None:
        return tuple(got)
    for part, count in zip(parts, got, strict=True):
        if count:
            quotas.give_back(conn, part.scope, part.window, count)
    return denied


def _got(conn: Connection, part: Part) -> int | Denied:
    left = part.most - quotas.used(conn, part.scope, part.window)
    if left < part.need:
        return Denied(part.scope, max(left, 0))
    wish = max(part.need, min(part.hoped, left), min(part.size, left // SHARE) - part.held)
    for count in (wish, part.need):
        if not count:
            return 0
        if quotas.reserve(conn, part.scope, part.window, count, part.most):
            return count
    return Denied(part.scope, 0)  # others were quicker


def drop_old(conn: Connection, now: float) -> None:
    """Forget windows that are over. The last one stays: the machines' clocks differ a little."""
    for span in Span:
        quotas.drop_before(conn, span.name.lower(), span.window(now) - 1)
