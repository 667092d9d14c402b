"""store.suppression_times: one list of the account by time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from posthouse.model.suppression import Suppression, SuppressionKind
from posthouse.store import suppressions
from posthouse.store.connection import Connection
from posthouse.store.suppression_times import Span, count_scope, drop_oldest, newest

BOUNCES = Span("acc", SuppressionKind.BOUNCE)
UNSUBSCRIBES = Span("acc", SuppressionKind.UNSUBSCRIBE, is_account_wide=True)


def row(
    address: str, at: float, kind: SuppressionKind = SuppressionKind.BOUNCE, domain: str = "", scope: str = ""
) -> Suppression:
    return Suppression("acc", address, kind, domain, scope, at)


@pytest.fixture
def filled(conn: Connection) -> Connection:
    unsubscribe = SuppressionKind.UNSUBSCRIBE
    suppressions.add(
        conn,
        [
            row("old@x.test", 10),
            row("new@x.test", 30, domain="shop.test"),
            row("ann@x.test", 20),
            row("bob@x.test", 20),
            row("ann@x.test", 5, unsubscribe),
            row("ann@x.test", 6, unsubscribe, "shop.test"),
            row("ann@x.test", 7, unsubscribe, "", "group:4"),
            row("bob@x.test", 8, unsubscribe, "", "group:4"),
            replace(row("else@x.test", 40), account_id="other"),
        ],
    )
    return conn


def addresses(rows: list[Suppression]) -> list[str]:
    return [each.address.partition("@")[0] for each in rows]


def test_the_newest_come_first_and_pages_do_not_overlap(filled: Connection) -> None:
    assert addresses(newest(filled, BOUNCES, 10)) == ["new", "bob", "ann", "old"]
    assert addresses(newest(filled, BOUNCES, 2)) == ["new", "bob"]
    assert addresses(newest(filled, BOUNCES, 2, 2)) == ["ann", "old"]
    assert newest(filled, BOUNCES, 2, 4) == []


def test_a_time_restricts(filled: Connection) -> None:
    assert addresses(newest(filled, replace(BOUNCES, since=20, until=30), 10)) == ["bob", "ann"]


def test_only_what_holds_for_all_of_the_account(filled: Connection) -> None:
    assert [(each.at, each.domain) for each in newest(filled, UNSUBSCRIBES, 10)] == [(5, "")]
    everywhere = replace(UNSUBSCRIBES, is_account_wide=False)
    assert [each.at for each in newest(filled, everywhere, 10)] == [6, 5]


def test_a_scope_is_a_list_of_its_own(filled: Connection) -> None:
    assert addresses(newest(filled, replace(UNSUBSCRIBES, scope="group:4"), 10)) == ["bob", "ann"]
    assert count_scope(filled, "acc", "group:4") == 2
    assert count_scope(filled, "other", "group:4") == 0


def test_a_list_is_emptied_in_steps_from_its_end(filled: Connection) -> None:
    span = replace(BOUNCES, until=30)
    assert drop_oldest(filled, span, 2) == 2
    assert addresses(newest(filled, BOUNCES, 10)) == ["new", "bob"]
    assert [drop_oldest(filled, span, 2), drop_oldest(filled, span, 2)] == [1, 0]
    assert addresses(newest(filled, BOUNCES, 10)) == ["new"]
