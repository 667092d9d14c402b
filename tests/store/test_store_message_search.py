"""The search for messages on both engines: what no index has is tried for a bounded stretch."""

from __future__ import annotations

from dataclasses import replace

from posthouse.desk.message_search import MOST_TRIED, find_messages
from posthouse.desk.search_line import parse_search
from posthouse.model.event import EventKind
from posthouse.store import events
from posthouse.store.connection import Connection
from posthouse.store.messages import add_accepted
from store.letters import NOW, event, letter


def fill(conn: Connection, count: int) -> str:
    """One letter that is wanted, then `count` others; the first one's id."""
    wanted, other = letter("ann@one.test"), letter("bob@one.test")
    wanted.events = [replace(each, data={"subject": "Invoice 7"}) for each in wanted.events]
    (delivery,) = other.deliveries
    other.events = []
    news = [replace(event(delivery, EventKind.ACCEPTED), data={"subject": "News"}) for _ in range(count)]
    with conn.transaction():
        add_accepted(conn, [wanted, other])
        events.append(conn, news)
    return wanted.message.id


def test_a_subject_is_looked_for_page_by_page(conn: Connection) -> None:
    wanted = fill(conn, MOST_TRIED + 10)
    asked = parse_search("invoice", NOW)
    page = find_messages(conn, "acc", asked)
    assert page.rows == [] and page.looked_to > 0 and page.cursor
    page = find_messages(conn, "acc", asked, page.cursor)
    assert [row["message_id"] for row in page.rows] == [wanted]
    assert (page.cursor, page.looked_to) == ("", 0.0)


def test_a_page_that_is_filled_within_a_stretch_goes_on_right_behind_it(conn: Connection) -> None:
    fill(conn, 7)
    asked = parse_search("news", NOW)
    seen: list[str] = []
    cursor = ""
    while True:
        page = find_messages(conn, "acc", asked, cursor, 3)
        seen += [row["id"] for row in page.rows]
        cursor = page.cursor
        if not cursor:
            break
    assert len(seen) == len(set(seen)) == 7


def test_another_accounts_messages_are_not_found(conn: Connection) -> None:
    wanted = fill(conn, 1)
    for line in ("", "invoice", f"id:{wanted}", "ann@one.test"):
        assert find_messages(conn, "others", parse_search(line, NOW)).rows == [], line
