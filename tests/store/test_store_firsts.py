"""What may happen to a delivery only once."""

from __future__ import annotations

import threading

from posthouse.store import firsts
from posthouse.store.engine import Connection, connect


def test_the_first_has_it(conn: Connection) -> None:
    with conn.transaction():
        assert firsts.note(conn, "m.0001", "bounced", "e1")
        assert not firsts.note(conn, "m.0001", "bounced", "e2")
        assert firsts.note(conn, "m.0001", "complained", "e3")
        assert firsts.note(conn, "m.0002", "bounced", "e4")


def test_what_was_not_committed_was_not_the_first(conn: Connection) -> None:
    try:
        with conn.transaction():
            assert firsts.note(conn, "m.0001", "bounced", "e1")
            raise RuntimeError
    except RuntimeError:
        pass
    with conn.transaction():
        assert firsts.note(conn, "m.0001", "bounced", "e2")


def test_of_many_at_once_one_has_it(store_url: str) -> None:
    results: list[bool] = []

    def try_it(number: int) -> None:
        with connect(store_url) as mine, mine.transaction():
            results.append(firsts.note(mine, "m.0001", "bounced", f"e{number}"))

    threads = [threading.Thread(target=try_it, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [False] * 7 + [True]
