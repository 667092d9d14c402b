"""Which limits hold, and the windows they are counted in (D-10, C-13)."""

from __future__ import annotations

import datetime as dt

import pytest

from posthouse.model.account import ACCOUNT_DEFAULTS, AccountSettings, DomainSettings
from posthouse.model.message import FOR_ROOM
from posthouse.rules.limits import (
    UNLIMITED,
    Span,
    account_limits,
    account_of,
    allowance_of,
    counted_in,
    domain_limits,
    for_room,
)


def instant(text: str) -> float:
    return dt.datetime.fromisoformat(f"{text}+00:00").timestamp()


WINDOWS = [
    (Span.MINUTE, "2026-02-28T23:59:59", "2026-02-28T23:59:00", "2026-03-01T00:00:00"),
    (Span.HOUR, "2026-02-28T23:59:59", "2026-02-28T23:00:00", "2026-03-01T00:00:00"),
    (Span.DAY, "2024-02-29T00:00:00", "2024-02-29T00:00:00", "2024-03-01T00:00:00"),
    (Span.MONTH, "2024-02-29T12:00:00", "2024-02-01T00:00:00", "2024-03-01T00:00:00"),
    (Span.MONTH, "2026-12-31T23:59:59", "2026-12-01T00:00:00", "2027-01-01T00:00:00"),
    (Span.MONTH, "2027-01-01T00:00:00", "2027-01-01T00:00:00", "2027-02-01T00:00:00"),
    (Span.MONTH, "1970-01-01T00:00:00", "1970-01-01T00:00:00", "1970-02-01T00:00:00"),
]


@pytest.mark.parametrize(("span", "at", "begins", "ends"), WINDOWS)
def test_windows_are_those_of_the_calendar_in_utc(span: Span, at: str, begins: str, ends: str) -> None:
    window = span.window(instant(at))
    assert span.begins_at(window) == instant(begins)
    assert span.begins_at(window + 1) == instant(ends)
    assert span.window(instant(ends)) == window + 1


def of_account(cap: int | None = None, **values: int) -> dict[str, int]:
    return {
        limit.span.name.lower(): limit.most for limit in account_limits("acc", AccountSettings(**values), cap)
    }


DAILY = [
    ("no limit", {}, None, None),
    ("a limit", {"daily_messages": 500}, None, 500),
    ("a cap without a start is none", {"daily_messages": 500}, 20, 500),
    ("a new account begins small", {"starts_at": 50, "daily_messages": 500}, None, 50),
    ("what it has earned", {"starts_at": 50, "daily_messages": 500}, 200, 200),
    ("never past the limit", {"starts_at": 50, "daily_messages": 500}, 800, 500),
    ("without a ceiling", {"starts_at": 50}, 800, 800),
    ("a ceiling below the start", {"starts_at": 50, "daily_messages": 20}, None, 20),
]


@pytest.mark.parametrize(("values", "cap", "expected"), [row[1:] for row in DAILY], ids=[r[0] for r in DAILY])
def test_the_daily_limit(values: dict[str, int], cap: int | None, expected: int | None) -> None:
    assert of_account(cap, **values).get("day") == expected


def test_bursts_and_months() -> None:
    assert of_account(minute_messages=10, monthly_messages=1000) == {"minute": 10, "month": 1000}


def test_scopes_sort_by_account_so_that_nobody_waits_crosswise() -> None:
    domain = DomainSettings(hourly_messages=1, daily_messages=2)
    account = AccountSettings(minute_messages=3, daily_messages=4, monthly_messages=5)
    limits = account_limits("acc", account, None) + domain_limits("acc", "shop.test", domain)
    made = allowance_of(limits, account, "refuse").limits
    scopes = [limit.scope for limit in made]
    assert len(set(scopes)) == 5
    assert scopes == sorted(scopes)
    assert all(scope.startswith("acc|") for scope in scopes)


@pytest.mark.parametrize(
    ("own", "house", "waits"),
    [("", "refuse", False), ("", "queue", True), ("refuse", "queue", False), ("queue", "refuse", True)],
)
def test_the_account_says_what_happens_past_a_limit_else_the_installation(
    own: str, house: str, waits: bool
) -> None:
    account = AccountSettings(daily_messages=1, over_limit=own)
    assert allowance_of(account_limits("acc", account, None), account, house).waits is waits


def test_without_limits_there_is_nothing_to_look_at() -> None:
    assert allowance_of([], ACCOUNT_DEFAULTS, "queue") is UNLIMITED


def test_mail_that_waits_says_in_which_limits_it_was_counted() -> None:
    account = account_limits("acc", AccountSettings(minute_messages=5, monthly_messages=9), None)
    limits = account + domain_limits("acc", "shop.test", DomainSettings(hourly_messages=3))
    text = for_room(limits)
    assert text == f"{FOR_ROOM}account minute, account month, domain hour"
    assert counted_in(text, "acc", "shop.test") == [(limit.scope, limit.span) for limit in limits]
    assert {account_of(limit.scope) for limit in limits} == {"acc"}


@pytest.mark.parametrize("text", ["", "held until shop.test is verified", "waits"])
def test_other_words_name_no_limits(text: str) -> None:
    assert counted_in(text, "acc", "shop.test") == []
