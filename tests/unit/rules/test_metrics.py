"""Which words an event counts under, and which names."""

from __future__ import annotations

from typing import Any

import pytest

from posthouse.model.event import Event, EventKind
from posthouse.rules import metrics


def _event(kind: str, **data: Any) -> Event:
    return Event("E", EventKind(kind), 90_061.0, "acc", "shop.test", "M", "M.0000", "ann@good.test", data)


@pytest.mark.parametrize(
    ("kind", "data", "words"),
    [
        ("accepted", {}, ["accepted"]),
        ("rejected", {}, ["rejected"]),
        ("delivered", {"attempt": 1}, ["delivered", "delivered.first"]),
        ("delivered", {"attempt": 3, "took_s": 0.0}, ["delivered", "took.00"]),
        ("delivered", {"attempt": 2, "took_s": 1.0}, ["delivered", "took.25"]),
        ("deferred", {"attempt": 1, "reason": "greylisted"}, ["deferred", "deferred.first"]),
        ("deferred", {"attempt": 2, "reason": "rate-limited"}, ["deferred", "deferred.rate"]),
        ("deferred", {"attempt": 2, "reason": "policy-block"}, ["deferred", "deferred.block"]),
        ("failed", {"reason": "bad-mailbox"}, ["failed", "failed.hard"]),
        ("failed", {"reason": "mailbox-full"}, ["failed", "failed.soft"]),
        ("failed", {"reason": "expired"}, ["failed", "failed.soft", "failed.expired"]),
        ("failed", {"reason": "policy-block"}, ["failed", "failed.block"]),
        ("failed", {}, ["failed", "failed.block"]),
        ("bounced", {"reason": "bad-mailbox"}, ["bounced", "bounced.hard"]),
        ("dropped", {"reason": "suppress-bounce"}, ["dropped", "dropped.bounce"]),
        ("dropped", {"reason": "suppress-complaint"}, ["dropped", "dropped.complaint"]),
        ("dropped", {"reason": "suppress-unsubscribe"}, ["dropped", "dropped.unsubscribe"]),
        ("dropped", {"reason": "invalid-address"}, ["dropped", "dropped.invalid"]),
        ("dropped", {"reason": "batch"}, ["dropped", "dropped.other"]),
        ("opened", {}, ["opened"]),
        ("opened", {"machine": "prefetch"}, ["opened.machine"]),
        ("clicked", {"machine": "scanner"}, ["clicked.machine"]),
        ("clicked", {"machine": ""}, ["clicked"]),
        ("delivered", {"is_notice": True, "attempt": 1, "took_s": 2.0}, ["notice.delivered"]),
        ("failed", {"is_copy": True, "reason": "bad-mailbox"}, ["copy.failed"]),
        ("delivered", {"is_test": True, "attempt": 1}, ["delivered", "delivered.first"]),
    ],
)
def test_an_event_counts_under_its_words(kind: str, data: dict[str, Any], words: list[str]) -> None:
    assert metrics.metrics_of(_event(kind, **data)) == words


def test_the_first_open_of_a_person_is_unique_and_a_machines_never() -> None:
    assert metrics.metrics_of(_event("opened"), is_first=True) == ["opened", "opened.unique"]
    assert metrics.metrics_of(_event("opened", machine="x"), is_first=True) == ["opened.machine"]
    assert not metrics.is_by_people(_event("clicked", machine="x"))
    assert not metrics.is_by_people(_event("delivered"))
    assert metrics.is_by_people(_event("clicked"))


def test_an_event_is_counted_by_every_name_that_it_has() -> None:
    event = _event(
        "delivered", tags=["a", "a", "B" * 200], site="mx.test", source="192.0.2.1", credential="01C"
    )
    assert metrics.names_of(event) == [
        ("account", ""),
        ("domain", "shop.test"),
        ("tag", "a"),
        ("domain-tag", "shop.test a"),
        ("tag", "B" * 128),
        ("domain-tag", f"shop.test {'B' * 128}"),
        ("site", "mx.test"),
        ("ip", "192.0.2.1"),
        ("credential", "01C"),
    ]


def test_our_own_letters_are_nobodys_tag_or_site() -> None:
    event = _event("delivered", is_notice=True, site="mx.test", source="192.0.2.1", tags=["a"])
    assert metrics.names_of(event) == [("account", ""), ("domain", "shop.test")]


def test_times_are_counted_by_hour_for_the_account_only() -> None:
    sums = metrics.sums_of([_event("delivered", took_s=1.0, site="mx.test", source="192.0.2.1")], ())
    took = {(dim, span): at for (_, dim, _, span, at, word) in sums if word == "took.25"}
    assert took == {("account", "hour"): 25, ("account", "day"): 1, ("domain", "day"): 1, ("site", "day"): 1}
    assert sums["acc", "ip", "192.0.2.1", "hour", 25, "delivered"] == 1


def test_names_without_room_are_added_to_the_others() -> None:
    sums = metrics.sums_of([_event("delivered", tags=["a", "b", "c"])], ())
    seen = metrics.seen_names(sums)
    assert seen["acc", "tag", "a"] == 90_000.0
    names = {name: name[2] if name[1] != "tag" or name[2] == "a" else "(other)" for name in seen}
    found = metrics.renamed(sums, names)
    assert found["acc", "tag", "(other)", "hour", 25, "delivered"] == 2
    assert found["acc", "tag", "a", "day", 1, "delivered"] == 1
