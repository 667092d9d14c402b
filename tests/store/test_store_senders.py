"""Senders: each account sees and changes its own, page by page."""

from __future__ import annotations

from dataclasses import replace

from posthouse.store import identity, senders
from posthouse.store.connection import Connection
from store.letters import NOW


def test_senders_belong_to_their_account_and_go_with_it(conn: Connection) -> None:
    with conn.transaction():
        for own in ("a1", "a2"):
            identity.ensure_account(conn, f"name-{own}", id=own, now=NOW)
        first, second, third = (senders.add(conn, "a1", f"s{n}@x.test", "{}", NOW) for n in range(3))
        foreign = senders.add(conn, "a2", "s@x.test", "{}", NOW)
    assert first.number < second.number < third.number < foreign.number
    assert senders.page(conn, "a1", 2) == [first, second]
    assert senders.page(conn, "a1", 2, after=second.number) == [third]
    assert senders.find(conn, "a1", foreign.number) is None
    with conn.transaction():
        changed = replace(first, email="new@x.test", data='{"city": "Oslo"}')
        assert senders.change(conn, changed)
        assert not senders.change(conn, replace(foreign, account_id="a1", email="stolen@x.test"))
        assert not senders.remove(conn, "a1", foreign.number)
        assert senders.remove(conn, "a1", third.number)
    assert senders.find(conn, "a1", first.number) == changed
    assert (senders.count(conn, "a1"), senders.count(conn, "a2")) == (2, 1)
    with conn.transaction():
        assert identity.remove_account(conn, "a1")
    assert (senders.page(conn, "a1", 10), senders.page(conn, "a2", 10)) == ([], [foreign])


def test_numbers_are_not_given_twice(conn: Connection) -> None:
    with conn.transaction():
        identity.ensure_account(conn, "main", id="a1", now=NOW)
        first = senders.add(conn, "a1", "s@x.test", "{}", NOW)
        senders.remove(conn, "a1", first.number)
        assert senders.add(conn, "a1", "s@x.test", "{}", NOW).number > first.number
