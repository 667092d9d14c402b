"""What the dashboard looks up of several letters at once."""

from __future__ import annotations

from posthouse.model.event import EventKind
from posthouse.store import engaged, messages, queue
from posthouse.store.connection import Connection
from store.letters import event, letter


def test_deliveries_are_found_by_their_ids(conn: Connection) -> None:
    item = letter(*[f"{number}@one.test" for number in range(130)])
    with conn.transaction():
        messages.add_accepted(conn, [item])
    ids = [delivery.id for delivery in item.deliveries]
    found = queue.load_deliveries(conn, [*ids, ids[0], "nothing"])
    assert found == {delivery.id: delivery for delivery in item.deliveries}
    assert queue.load_deliveries(conn, []) == {}


def test_what_people_did_with_letters_is_found(conn: Connection) -> None:
    item = letter("a@one.test", "b@one.test")
    first, second = item.deliveries
    with conn.transaction():
        engaged.note(conn, [event(first, EventKind.OPENED), event(first, EventKind.CLICKED)])
    kinds = engaged.kinds_of(conn, [first.id, second.id])
    assert kinds == {first.id: {EventKind.OPENED, EventKind.CLICKED}}


def test_whether_a_text_is_kept_is_known_without_reading_it(conn: Connection) -> None:
    item = letter()
    with conn.transaction():
        messages.add_accepted(conn, [item])
    assert messages.has_content(conn, item.message.id) and not messages.has_content(conn, "nothing")
