"""When receivers are tried again, rest, and are switched off (WH-3)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from posthouse.model.event import EventKind
from posthouse.model.hook import Hook, HookForm, HookRequest, HookSettings
from posthouse.rules.hooks import (
    LONG_S,
    again_at,
    in_plain_words,
    life_s,
    parse_retry_after,
    rest_s,
    why_off,
)

NOW = 1_700_000_000.0
FORM = HookForm(
    kinds={},
    event_json=lambda told: {},
    request=lambda bodies, key, now: HookRequest(b"", "", {}),
    pauses_s=(10.0, 60.0, 600.0),
    life_s=86400.0,
)
HOOK = Hook("h", "a", "", "native", "https://x.test/", frozenset({EventKind.DELIVERED}))


@pytest.mark.parametrize(
    ("attempt", "chance", "pause"),
    [(1, 0.5, 10.0), (2, 0.5, 60.0), (3, 0.5, 600.0), (99, 0.5, 600.0), (1, 0.0, 8.0), (1, 1.0, 12.0)],
    ids=["first", "second", "last", "the last again and again", "earlier by chance", "later by chance"],
)
def test_the_ladder_of_an_event(attempt: int, chance: float, pause: float) -> None:
    assert again_at(FORM, attempt, NOW, NOW + 1e6, chance) == pytest.approx(NOW + pause)


def test_the_ladder_ends_with_the_life() -> None:
    assert again_at(FORM, 3, NOW, NOW + 600, 0.5) is None
    assert again_at(FORM, 3, NOW, NOW + 601, 0.5) == NOW + 600


@pytest.mark.parametrize(("said", "life"), [(8 * 3600.0, 3 * 86400.0), (5 * 86400.0, 5 * 86400.0)])
def test_R5_a_receiver_may_be_down_for_some_days_whatever_its_service_says(said: float, life: float) -> None:
    assert life_s(replace(FORM, life_s=said)) == life


@pytest.mark.parametrize(
    ("failures", "asked_s", "rest"),
    [
        (1, 0, 1),
        (2, 0, 2),
        (5, 0, 16),
        (9, 0, 256),
        (10, 0, 300),
        (10_000, 0, 300),
        (1, 90, 90),
        (1, 1e9, 3600),
        (10, 7, 300),
    ],
)
def test_a_receiver_rests_longer_each_time(failures: int, asked_s: float, rest: float) -> None:
    assert rest_s(failures, asked_s, 0.0) == rest
    assert rest * 0.75 < rest_s(failures, asked_s, 1.0) <= rest


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        (" 5 ", 5.0),
        ("Tue, 14 Nov 2023 22:14:20 GMT", 60.0),
        ("Tue, 14 Nov 2023 22:14:20", 60.0),
        ("Tue, 14 Nov 2023 22:00:00 GMT", 0.0),
        ("", 0.0),
        ("soon", 0.0),
        ("-3", 0.0),
        ("9" * 90, 999_999_999.0),
        ("١٢", 0.0),
    ],
)
def test_what_a_receiver_asks_for(text: str, seconds: float) -> None:
    assert parse_retry_after(text, NOW) == seconds


@pytest.mark.parametrize(
    ("hook", "status", "why"),
    [
        (HOOK, 410, "it answered 410: it wants no more posts"),
        (HOOK, 500, ""),
        (HOOK, 0, ""),
        (replace(HOOK, troubled_at=NOW - LONG_S + 1), 500, ""),
        (
            replace(HOOK, troubled_at=NOW - LONG_S - 1),
            0,
            "every post failed for 5 days; the last time it did not answer",
        ),
        (
            replace(HOOK, settings=HookSettings(stops_at_failure=True)),
            503,
            "it answered 503, and it is to be switched off at the first failure",
        ),
    ],
)
def test_when_a_receiver_is_switched_off(hook: Hook, status: int, why: str) -> None:
    assert why_off(FORM, hook, status, NOW) == why


@pytest.mark.parametrize(
    ("kept", "shown"),
    [
        ("ClientConnectorDNSError: [Errno -2] Name or service not known", "Name or service not known"),
        ("ConnectionRefusedError: [Errno 111] Connect call failed", "Connect call failed"),
        ("ServerDisconnectedError: Server disconnected", "Server disconnected"),
        ("InvalidURL: nonsense", "nonsense"),
        ("PrivateAddress: the address is private", "the address is private"),
        ("RuntimeError", "there was no answer"),
        ("no answer in time", "no answer in time"),
        ("the connection was refused", "the connection was refused"),
        ("Errors: many", "Errors: many"),
        ("", ""),
    ],
)
def test_what_older_versions_kept_of_a_failure_reads_like_the_rest(kept: str, shown: str) -> None:
    assert in_plain_words(kept) == shown
