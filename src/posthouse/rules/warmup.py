"""How much of a site's mail an address that warms up may carry, and when it should stop for a while.

Days are numbers of UTC days since 1970, instants seconds since 1970. A site sees a plan's next day only
when the last went well: after a pause the day stands still for a day and until three good ones are over.

Public: load_plans, parse_plan, day_of, starts_of, plan_day, limit_on, allowance, free_at, block, weigh,
Weight, pause_reason, PAUSE_S.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posthouse.model.errors import SettingsError
from posthouse.model.message import Verdict
from posthouse.model.warmup import Plan, Warmup

DAY_S = 86400
PAUSE_S = 86400.0
_GOOD_DAYS = 3
_LEAST_ATTEMPTS = 20
_MOST_DEFERRED = 0.15
_BLOCKS_A_DAY = 20
_MOST_DAYS, _MOST_MESSAGES = 100, 10_000_000


# Plans


def load_plans(path: Path | None = None) -> dict[str, Plan]:
    """Plans by name: the built-in ones, or those of an operator's file. Raises SettingsError."""
    path = path or _DATA
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path}: {error}") from error
    if not raw:
        raise SettingsError(f"{path}: there is no plan in it, such as [mine] with days = [50, 100, 200]")
    return {name: parse_plan(name, table, f"{path}: [{name}]") for name, table in raw.items()}


def parse_plan(name: str, table: Any, where: str) -> Plan:
    """A plan from its table. Raises SettingsError: where, and what is wrong."""
    if not isinstance(table, Mapping):
        raise SettingsError(f"{where} must be a table with days = [50, 100, 200]")
    unknown = sorted(set(table) - {"days", "burst"})
    if unknown:
        raise SettingsError(f"{where}: unknown key {unknown[0]!r}; allowed are days and burst")
    days, burst = table.get("days"), table.get("burst", 10)
    if not isinstance(days, list) or not 1 <= len(days) <= _MOST_DAYS:
        raise SettingsError(f"{where}: days must be a list of 1 to {_MOST_DAYS} numbers of messages")
    if not all(_is_count(number) for number in days) or days != sorted(days):
        raise SettingsError(
            f"{where}: days must be whole numbers from 1 to {_MOST_MESSAGES}, "
            "none smaller than the one before"
        )
    if not _is_count(burst):
        raise SettingsError(f"{where}: burst must be a whole number from 1 to {_MOST_MESSAGES}")
    return Plan(name=name, days=tuple(days), burst=burst)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MOST_MESSAGES


# Days


def day_of(now: float) -> int:
    return int(now // DAY_S)


def starts_of(day: int) -> float:
    return float(day * DAY_S)


def plan_day(warmup: Warmup, today: int, paused_on: Iterable[int]) -> int:
    """The plan's day at a site, from 1. `paused_on`: days on which the warm-up had to pause there."""
    still: set[int] = set()
    for day in paused_on:
        still.update(range(day + 1, min(day + 2 + _GOOD_DAYS, today + 1)))
    return max(1, today - warmup.started + 1 - len(still))


def limit_on(plan: Plan, day: int) -> int | None:
    """Most messages to one site on the plan's day; None: the plan is over, the address is warm."""
    return plan.days[day - 1] if day <= len(plan.days) else None


# Shares of a day


def allowance(limit: int, burst: int, now: float) -> int:
    """How many of the day's messages may have left by now."""
    return min(limit, burst + int(limit * (now % DAY_S) / DAY_S))


def free_at(limit: int, burst: int, taken: int, now: float) -> float:
    """When one more than `taken` may leave: now, later today, or with the next day."""
    today = day_of(now)
    if taken >= limit:
        return starts_of(today + 1)
    if taken < burst:
        return now
    part = (taken + 1 - burst) / limit
    # the last bit of a float must not make the caller come a moment too early
    return max(now, min(starts_of(today) + part * DAY_S + 0.001, starts_of(today + 1)))


def block(limit: int, burst: int, taken: int, now: float) -> int:
    """How many a worker gets at once when `taken` are promised already, 0 for none: few enough that what it
    does not need is no loss to the others."""
    return max(0, min(max(1, limit // _BLOCKS_A_DAY), allowance(limit, burst, now) - taken))


# Pauses


@dataclass(frozen=True, slots=True)
class Weight:
    """What an attempt says about the address: the site dealt with the letter (`sent`), or put it off or
    turned it away for our sake (`deferred`), maybe because we stand on a list (`is_block`)."""

    sent: int = 0
    deferred: int = 0
    is_block: bool = False


_NOTHING, _SENT, _DEFERRED, _BLOCKED = Weight(), Weight(1), Weight(0, 1), Weight(0, 1, True)
# Whose trouble a deferral is. Greylists put off everybody's first letter, a full mailbox or a server in
# trouble would have put off anybody's.
_FOR_OUR_SAKE = frozenset({"rate-limited", "temporary", "service-unavailable", "spam-content"})
_NO_ANSWER = frozenset({"connection", "dns", "tls", "tls-required", "local", "ambiguous", "protocol-error"})


def weigh(verdict: Verdict, reason: str) -> Weight:
    """What an outcome (`rules.verdict`) counts for the address that was used."""
    if reason == "policy-block":
        return _BLOCKED
    if reason in _FOR_OUR_SAKE:
        return _DEFERRED
    if verdict is Verdict.DEFERRED or reason in _NO_ANSWER:
        return _NOTHING
    return _SENT


def pause_reason(sent: int, deferred: int, is_block: bool = False) -> str:
    """Why a warm-up must pause after such a day at a site; "" when it need not."""
    if is_block:
        return "the site refuses mail from this address by its policy"
    attempts = sent + deferred
    if attempts >= _LEAST_ATTEMPTS and deferred > attempts * _MOST_DEFERRED:
        return f"the site put off {deferred} of {attempts} messages"
    return ""


_DATA = Path(__file__).with_name("data") / "warmup.toml"
