"""Books of addresses that warm up: promises that never pass the limit, figures, pauses."""

from __future__ import annotations

import threading

from posthouse.store import egress, identity, warmup
from posthouse.store.connection import Connection
from posthouse.store.engine import connect
from store.letters import NOW

IP, SITE, DAY = "192.0.2.1", "mx.good.test", 20_000


def test_promises_never_pass_the_limit(conn: Connection) -> None:
    assert warmup.reserved(conn, IP, SITE, DAY) == 0
    assert not warmup.reserve(conn, IP, SITE, DAY, 11, 10)
    assert [warmup.reserve(conn, IP, SITE, DAY, 4, 10) for _ in range(4)] == [True, True, False, False]
    assert warmup.reserve(conn, IP, SITE, DAY, 2, 10)
    assert not warmup.reserve(conn, IP, SITE, DAY, 1, 10)
    assert warmup.reserved(conn, IP, SITE, DAY) == 10
    assert warmup.reserve(conn, IP, SITE, DAY + 1, 4, 10), "tomorrow is another row"
    assert warmup.reserve(conn, IP, "other.test", DAY, 4, 10), "and so is another site"


def test_workers_at_the_same_time_keep_the_limit_together(store_url: str) -> None:
    granted: list[int] = []

    def worker(size: int) -> None:
        with connect(store_url) as conn:
            for _ in range(30):
                with conn.transaction():
                    is_granted = warmup.reserve(conn, IP, SITE, DAY, size, 50)
                if is_granted:
                    granted.append(size)

    workers = [threading.Thread(target=worker, args=(size,)) for size in (1, 2, 3)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    assert sum(granted) == 50
    with connect(store_url) as conn:
        assert warmup.reserved(conn, IP, SITE, DAY) == 50


def test_figures_add_up_and_a_pause_is_remembered(conn: Connection) -> None:
    assert warmup.note(conn, IP, SITE, DAY, 3, 1) == (3, 1, 0.0)
    assert warmup.reserve(conn, IP, SITE, DAY, 5, 10)
    assert warmup.note(conn, IP, SITE, DAY, 2, 2) == (5, 3, 0.0)
    assert warmup.pauses(conn, IP, SITE) == []
    warmup.pause(conn, IP, SITE, DAY, NOW, "put off")
    assert warmup.note(conn, IP, SITE, DAY, 0, 1) == (5, 4, NOW)
    assert warmup.pauses(conn, IP, SITE) == [(DAY, NOW)]
    assert warmup.all_pauses(conn) == [(IP, SITE, DAY)]
    assert warmup.paused_sites(conn, NOW - 1) == {IP: 1}
    assert warmup.paused_sites(conn, NOW) == {}
    assert warmup.days_since(conn, IP, DAY) == [
        warmup.WarmupDay(IP, SITE, DAY, reserved=5, sent=5, deferred=4, paused_until=NOW, why="put off")
    ]
    assert warmup.days_since(conn, IP, DAY + 1) == []


def test_what_was_sent_before_a_day_is_summed_up_over_days_and_sites(conn: Connection) -> None:
    assert warmup.sent_before(conn, IP, DAY) == 0
    for site, day, sent in ((SITE, DAY - 2, 3), ("other.test", DAY - 1, 4), (SITE, DAY, 5)):
        warmup.note(conn, IP, site, day, sent, 1)
    warmup.note(conn, "192.0.2.2", SITE, DAY - 1, 9, 0)
    assert [warmup.sent_before(conn, IP, DAY + ahead) for ahead in (-2, -1, 0, 1)] == [0, 3, 7, 12]


def test_a_warm_up_begins_with_clean_books_and_workers_hear_of_it(conn: Connection) -> None:
    egress.add_ip(conn, egress.LocalAddress(IP, "", "", NOW))
    warmup.note(conn, IP, SITE, DAY, 3, 1)
    before = identity.identity_version(conn)
    warmup.set_warmup(conn, IP, '{"plan":{}}')
    assert warmup.running(conn) == [(IP, '{"plan":{}}')]
    assert [each.warmup for each in egress.list_ips(conn)] == ['{"plan":{}}']
    assert warmup.days_since(conn, IP, 0) == []
    warmup.set_warmup(conn, IP, "")
    assert warmup.running(conn) == []
    assert identity.identity_version(conn) == before + 2
