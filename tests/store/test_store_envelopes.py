"""What waits of a sending domain, page by page (mailgun.md 5.5)."""

from __future__ import annotations

from typing import Any

import pytest

from posthouse.model.message import DeliveryState
from posthouse.store import envelopes, messages
from posthouse.store.connection import Connection, Row
from posthouse.store.messages import Accepted
from posthouse.store.statement import Statement
from store.letters import letter

STATES = (DeliveryState.WAITING, DeliveryState.HELD, DeliveryState.TAKEN, DeliveryState.DELIVERED)


def from_domain(item: Accepted, domain: str, header_id: str = "<1@x>") -> Accepted:
    item.message.domain, item.message.header_id = domain, header_id
    return item


def put(conn: Connection, *items: Accepted) -> list[str]:
    """The ids of their deliveries."""
    with conn.transaction():
        messages.add_accepted(conn, items)
    return [delivery.id for item in items for delivery in item.deliveries]


def test_what_is_open_is_listed_in_the_order_of_ids(conn: Connection) -> None:
    mine = [from_domain(letter("a@one.test", state=state, owner="w"), "shop.test") for state in STATES]
    waiting, held, taken, _ = put(conn, *mine)
    put(conn, from_domain(letter("a@one.test"), "other.test"))
    put(conn, from_domain(letter("a@one.test", account="other"), "shop.test"))
    found = envelopes.list_open(conn, "acc", "shop.test", "", 10)
    assert [(each.id, each.state) for each in found] == [
        (waiting, "waiting"),
        (held, "held"),
        (taken, "taken"),
    ]
    assert (found[0].header_id, found[0].recipient) == ("<1@x>", "a@one.test")
    assert [each.id for each in envelopes.list_open(conn, "acc", "shop.test", waiting, 1)] == [held]
    assert envelopes.list_open(conn, "acc", "shop.test", taken, 10) == []


def test_mail_of_other_domains_does_not_shorten_a_page(
    conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(envelopes, "_LOOKED", 3)
    rare = [
        id
        for number in range(5)
        for id in put(
            conn,
            from_domain(letter(f"u{number}@one.test"), "rare.test"),
            from_domain(
                letter(*[f"u{each}@two.test" for each in range(number)] or ["x@two.test"]), "busy.test"
            ),
        )[:1]
    ]
    assert [each.id for each in envelopes.list_open(conn, "acc", "rare.test", "", 3)] == rare[:3]
    assert [each.id for each in envelopes.list_open(conn, "acc", "rare.test", rare[2], 3)] == rare[3:]


def test_the_fewer_are_found_the_more_are_looked_at_with_one_question(
    conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each question walks through all that waits of the account."""
    monkeypatch.setattr(envelopes, "_LOOKED", 1)
    put(conn, *[from_domain(letter(*[f"u{each}@one.test" for each in range(200)]), "busy.test")])
    [rare] = put(conn, from_domain(letter("a@one.test"), "rare.test"))
    asked: list[int] = []
    rows = Connection.rows

    def counted(conn: Connection, statement: Statement, *values: Any) -> list[Row]:
        asked.append(values[-1])
        return rows(conn, statement, *values)

    monkeypatch.setattr(Connection, "rows", counted)
    assert [each.id for each in envelopes.list_open(conn, "acc", "rare.test", "", 5)] == [rare]
    assert asked == [most for most in (1, 10, 100, 1000) for _ in ("waiting", "taken", "held")]


def test_letters_are_found_by_their_message_id_page_by_page(conn: Connection) -> None:
    items = [from_domain(letter("a@one.test", "b@two.test"), "shop.test", "<same@x>") for _ in range(3)]
    put(
        conn,
        *items,
        from_domain(letter(), "shop.test", "<else@x>"),
        from_domain(letter(), "b.test", "<same@x>"),
    )
    put(conn, from_domain(letter(state=DeliveryState.DELIVERED), "shop.test", "<same@x>"))
    ids = [item.message.id for item in items]
    assert envelopes.find_open(conn, "acc", "shop.test", "<same@x>", limit=2) == ids[:2]
    assert envelopes.find_open(conn, "acc", "shop.test", "<same@x>", ids[1]) == ids[2:]
    assert envelopes.find_open(conn, "other", "shop.test", "<same@x>") == []


def test_what_was_sent_before_and_what_waits_of_others_is_not_looked_at(conn: Connection) -> None:
    """Each state through its own index, whatever the statistics say."""
    explain = "EXPLAIN QUERY PLAN " if conn.engine.name == "sqlite" else "EXPLAIN "
    places = ("acc|", "acc}", "")
    asked = [(statement, (*places, 9)) for statement in envelopes._ids]
    if conn.engine.name == "postgresql":
        conn.script("set enable_seqscan = off")  # of a small table it is right
    plans = []
    for statement, values in (*asked, (envelopes._find, (*places, "d", "h", 9))):
        text = statement.text(conn.engine.name)
        conn._cursor.execute(explain + text, statement.bind(conn.engine.name, values))
        plans += [str(row[-1]) for row in conn._cursor.fetchall()]
    plan = "\n".join(plans)
    assert [plan.count(f"delivery_{state}") for state in ("waiting", "taken", "held")] == [2, 2, 2], plan
