"""Letters: accepting, loading, dropping contents in time; captures (R1, F26)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from posthouse.model.message import DeliveryState
from posthouse.store import captures, messages
from posthouse.store.connection import Connection
from store.letters import NOW, letter


def accept(conn: Connection, *items: messages.Accepted) -> None:
    with conn.transaction():
        messages.add_accepted(conn, items)


def test_a_letter_comes_back_as_it_was(conn: Connection) -> None:
    item = letter("a@one.test", body=bytes(range(256)) * 100)
    item.message = replace(
        item.message, subject="Grüße", is_utf8=True, is_8bit=True, ret="HDRS", envid="QQ+2B", sender=""
    )
    accept(conn, item)
    assert messages.load_message(conn, item.message.id) == item.message
    assert messages.load_content(conn, item.message.id) == item.content
    assert messages.load_many(conn, [item.message.id]) == {item.message.id: (item.message, item.content)}


def test_unknown_ids_are_missing(conn: Connection) -> None:
    item = letter()
    accept(conn, item)
    assert messages.load_message(conn, "nothing") is None
    assert messages.load_content(conn, "nothing") is None
    assert list(messages.load_many(conn, ["nothing", item.message.id, item.message.id])) == [item.message.id]
    assert messages.load_many(conn, []) == {}


def test_many_letters_at_once(conn: Connection) -> None:
    items = [letter(f"u{number}@one.test", body=b"%d" % number) for number in range(100)]
    accept(conn, *items)
    found = messages.load_many(conn, [item.message.id for item in items])
    assert {key: body for key, (_, body) in found.items()} == {
        item.message.id: item.content for item in items
    }


@pytest.mark.parametrize("subject", ["a\0b", "\ud83d"], ids=["nul", "lone surrogate"])
def test_no_subject_is_refused_by_an_engine(conn: Connection, subject: str) -> None:
    item = letter()
    item.message = replace(item.message, subject=subject)
    accept(conn, item)
    found = messages.load_message(conn, item.message.id)
    assert found is not None
    assert found.id == item.message.id


def test_a_letter_is_stored_whole_or_not_at_all(conn: Connection) -> None:
    item = letter("a@one.test", "b@one.test")
    item.deliveries[1].id = item.deliveries[0].id
    with pytest.raises(Exception, match=r"(?i)unique"):
        accept(conn, item)
    assert messages.load_message(conn, item.message.id) is None
    assert messages.load_content(conn, item.message.id) is None
    accept(conn, letter())  # the connection is usable


def test_contents_go_when_old_and_final(conn: Connection) -> None:
    final = letter("a@one.test", at=NOW - 100, state=DeliveryState.DELIVERED)
    half = letter("a@one.test", "b@one.test", at=NOW - 100)
    half.deliveries[0].state = DeliveryState.DELIVERED
    young = letter("a@one.test", at=NOW, state=DeliveryState.DELIVERED)
    accept(conn, final, half, young)
    with conn.transaction():
        assert messages.drop_contents_before(conn, NOW - 50, 10) == 2
    kept = messages.load_many(conn, [item.message.id for item in (final, half, young)])
    assert set(kept) == {half.message.id, young.message.id}
    assert messages.load_message(conn, final.message.id) is not None
    with conn.transaction():
        assert messages.drop_contents_before(conn, NOW - 50, 10) == 1  # the half one, looked at again


def test_the_sweeper_gets_past_contents_that_must_stay(conn: Connection) -> None:
    waiting = [letter("a@one.test", at=NOW - 100) for _ in range(25)]
    final = [letter("a@one.test", at=NOW - 90, state=DeliveryState.FAILED) for _ in range(5)]
    young = letter("a@one.test", at=NOW)
    accept(conn, *waiting, *final, young)
    seen = []
    for _ in range(3):
        with conn.transaction():
            seen.append(messages.drop_contents_before(conn, NOW - 50, 12))
    assert seen == [12, 12, 6]
    assert len(messages.load_many(conn, [item.message.id for item in waiting])) == 25
    assert messages.load_many(conn, [item.message.id for item in final]) == {}


def test_large_letters_go_in_parts(conn: Connection) -> None:
    items = [letter(f"u{number}@one.test", body=bytes(3_000_000)) for number in range(5)]
    items.insert(2, letter("big@one.test", body=bytes(9_000_000)))
    accept(conn, *items)
    for item in items:
        found = messages.load_content(conn, item.message.id)
        assert found is not None
        assert len(found) == len(item.content)


def test_captures_are_listed_newest_first(conn: Connection) -> None:
    items = [letter(f"u{number}@one.test") for number in range(3)]
    accept(conn, *items)
    copies = [
        captures.Capture(
            item.deliveries[0].id,
            item.message.id,
            NOW,
            "s@x.test",
            item.deliveries[0].recipient,
            b"12345",
            item.message.account_id,
            item.message.credential_id,
        )
        for item in items
    ]
    with conn.transaction():
        captures.add_captures(conn, [*copies, copies[0]])
    lines = captures.search(conn, captures.CaptureQuery("", limit=2))
    assert [line.recipient for line in lines] == ["u2@one.test", "u1@one.test"]
    assert (lines[0].subject, lines[0].size_bytes) == ("x", 5)
    later = captures.CaptureQuery("", before_id=lines[-1].delivery_id, limit=2)
    assert [line.recipient for line in captures.search(conn, later)] == ["u0@one.test"]
    assert captures.load_capture(conn, copies[1].delivery_id) == copies[1]
    assert captures.load_capture(conn, "nothing") is None
