"""What was decided about sites, and how workers see them (D-05)."""

from __future__ import annotations

from dataclasses import replace

from posthouse.model.site import AVOID, SLOW, SUSPEND, Rest
from posthouse.store import sites, workers
from posthouse.store.connection import Connection
from posthouse.store.workers import Worker
from store.letters import NOW

STOP = Rest("mx.one.test", SUSPEND, "", NOW + 600, NOW, "421 4.7.0 [TSS04]", "yahoo-deferred", 2)


def known(conn: Connection, *names: str) -> None:
    with conn.transaction():
        for name in names:
            workers.register(conn, Worker(name, "host", 42, NOW, NOW))


def add(conn: Connection, *rests: Rest) -> list[bool]:
    with conn.transaction():
        return sites.add_rests(conn, rests)


def test_a_decision_comes_back_as_it_was(conn: Connection) -> None:
    slow = Rest("mx.one.test", SLOW, "", NOW + 60, NOW, "too fast \U0001f40c", "x", 1, 2, 0.5)
    away = Rest("mx.one.test", AVOID, "192.0.2.1", NOW + 900, NOW, "", "blocklist")
    assert add(conn, STOP, slow, away) == [True] * 3
    assert sites.rests_since(conn, NOW) == [away, STOP, slow], "the longest first"


def test_the_second_of_a_kind_waits_until_the_first_is_over(conn: Connection) -> None:
    """Two workers that hear the same reply: the first one's decision stands."""
    add(conn, STOP)
    second = replace(STOP, until=NOW + 9000, set_at=NOW + 1, times=3)
    assert add(conn, second) == [False]
    assert sites.rests_since(conn, NOW) == [STOP]
    assert add(conn, replace(second, source="192.0.2.1", kind=AVOID)) == [True], (
        "another kind is another matter"
    )
    later = replace(second, set_at=NOW + 600)
    assert add(conn, later) == [True]
    assert later in sites.rests_since(conn, NOW)


def test_an_operators_decision_takes_the_place_of_any(conn: Connection) -> None:
    add(conn, STOP)
    own = Rest("mx.one.test", SUSPEND, "", NOW + 60, NOW + 1, "ticket 4711")
    with conn.transaction():
        sites.set_rest(conn, own)
    assert sites.rests_since(conn, NOW) == [own]
    assert add(conn, replace(STOP, set_at=NOW + 2)) == [False]


def test_a_site_goes_on_when_all_about_it_is_ended(conn: Connection) -> None:
    other = replace(STOP, site="mx.two.test")
    add(conn, STOP, replace(STOP, kind=SLOW), other)
    with conn.transaction():
        assert sites.end_rests(conn, "mx.one.test") == 2
    assert sites.rests_since(conn, NOW) == [other]


def test_what_is_over_is_remembered_for_a_while_and_then_dropped(conn: Connection) -> None:
    add(conn, STOP)
    assert sites.rests_since(conn, NOW + 600) == []
    assert sites.rests_since(conn, NOW + 599) == [STOP]
    with conn.transaction():
        assert sites.drop_rests_before(conn, NOW + 599) == 0
        assert sites.drop_rests_before(conn, NOW + 600) == 1


def test_views_are_replaced_forgotten_and_go_with_their_worker(conn: Connection) -> None:
    known(conn, "w1", "w2")
    with conn.transaction():
        sites.put_views(conn, "w1", NOW, [("b", '{"active": 1}'), ("a", "{}")], [])
        sites.put_views(conn, "w2", NOW, [("b", '{"active": 2}')], ["nothing"])
        sites.put_views(conn, "w1", NOW + 2, [("b", '{"active": 3}')], ["a"])
    assert [(v.site, v.worker_id, v.at, v.data) for v in sites.list_views(conn)] == [
        ("b", "w1", NOW + 2, {"active": 3}),
        ("b", "w2", NOW, {"active": 2}),
    ]
    with conn.transaction():
        workers.forget(conn, "w1")
    assert [view.worker_id for view in sites.list_views(conn, "b")] == ["w2"]
    with conn.transaction():
        workers.take_over(conn, NOW + 31)
    assert sites.list_views(conn) == []
    assert sites.drop_lost_views(conn) == 0, "nothing was left behind"
