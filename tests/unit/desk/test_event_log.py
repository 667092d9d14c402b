"""Filters as people write them, and cursors that keep their meaning (D-06)."""

from __future__ import annotations

from pathlib import Path

import pytest

from blank_store import make_store
from posthouse.desk import event_log
from posthouse.model.clock import FakeClock, Ids, id_at, instant_of
from posthouse.model.errors import Refused
from posthouse.model.event import Event, EventKind
from posthouse.store import events
from posthouse.store.engine import connect
from posthouse.store.events import EventQuery

NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("text", "at"),
    [
        pytest.param("90s", NOW - 90, id="seconds ago"),
        pytest.param("2h", NOW - 7200, id="hours ago"),
        pytest.param(" 3d ", NOW - 3 * 86400, id="days ago"),
        pytest.param("999999w", 0.0, id="before there were instants"),
        pytest.param("2023-11-14", 1_699_920_000.0, id="a day"),
        pytest.param("2023-11-14T22:13:20", NOW, id="a time is UTC"),
        pytest.param("2023-11-14T23:13:20+01:00", NOW, id="a time with an offset"),
        pytest.param("2023-11-14T22:13:20Z", NOW, id="a time that says UTC"),
        pytest.param("1700000000.5", NOW + 0.5, id="seconds since 1970"),
    ],
)
def test_a_time_is_read(text: str, at: float) -> None:
    assert event_log.parse_instant(text, NOW) == at


@pytest.mark.parametrize("text", ["yesterday", "2x", "-2h", "2023-13-01", "0001-01-01", "9" * 50, ""])
def test_what_is_no_time_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(Refused, match="is no time: write 2h or 3d"):
        event_log.parse_instant(text, NOW)


@pytest.mark.parametrize("text", ["order", "=7", ""])
def test_what_is_no_pair_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="write key=value"):
        event_log.parse_pair(text)


def test_addresses_and_domains_are_searched_as_the_log_has_them() -> None:
    assert event_log.plain_address("Ann@BÜCHER.test") == "Ann@xn--bcher-kva.test"
    assert event_log.plain_domain("BÜCHER.test") == "xn--bcher-kva.test"
    assert (event_log.plain_address("nobody"), event_log.plain_domain("..")) == ("nobody", "..")


def test_an_id_tells_its_instant() -> None:
    assert instant_of(id_at(NOW + 0.25)) == NOW + 0.25


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/log.db"
    make_store(url)
    clock = FakeClock(NOW)
    ids = Ids(clock)
    with connect(url) as conn, conn.transaction():
        for _ in range(5):
            events.append(conn, [Event(ids.new(), EventKind.ACCEPTED, clock.now(), "acc", "one.test", "m")])
            clock.advance(1)
    return url


@pytest.mark.parametrize("newest", [True, False], ids=["newest first", "oldest first"])
def test_pages_with_cursors_show_each_event_once(url: str, newest: bool) -> None:
    query = EventQuery(account_id="acc", newest_first=newest, limit=2)
    times: list[float] = []
    cursor = ""
    with connect(url) as conn:
        while True:
            page = event_log.read_page(conn, query, NOW + 100, cursor)
            times += [row["at"] for row in page.rows]
            cursor = page.cursor
            if page.is_complete:
                break
        assert times == sorted([NOW + number for number in range(5)], reverse=newest)
        if newest:
            assert cursor == "", "nothing follows"
        else:
            again = event_log.read_page(conn, query, NOW + 200, cursor)
            assert (again.rows, again.cursor) == ([], cursor), "the cursor waits for what will come"


def test_pages_from_the_oldest_on_end_where_the_log_is_settled(url: str) -> None:
    query = EventQuery(account_id="acc")
    with connect(url) as conn:
        first = event_log.read_page(conn, query, NOW + 2.5)
        assert [row["at"] for row in first.rows] == [NOW, NOW + 1, NOW + 2]
        late = Event(id_at(NOW + 2.6) + "0" * 16, EventKind.OPENED, NOW, "acc", "one.test", "m")
        with conn.transaction():
            events.append(conn, [late])
        then = event_log.read_page(conn, query, NOW + 100, first.cursor)
        assert [row["at"] for row in then.rows] == [NOW, NOW + 3, NOW + 4], "the late one is not missed"
        empty = event_log.read_page(conn, query, NOW - 100)
        assert (empty.rows, empty.cursor, empty.is_complete) == ([], "", True)


@pytest.mark.parametrize(
    ("cursor", "words"),
    [
        pytest.param("x", "this is no cursor", id="too short"),
        pytest.param("bäh" * 99, "this is no cursor", id="no base64"),
        pytest.param("bicgb3IgMT0xIC0t", "this is no cursor", id="an attack"),
        pytest.param("bzAxSEY3WUFUMDA", "begin with the oldest", id="of the other order"),
    ],
)
def test_a_cursor_that_is_none_is_refused(url: str, cursor: str, words: str) -> None:
    with connect(url) as conn, pytest.raises(Refused, match=words):
        event_log.read_page(conn, EventQuery(newest_first=True), NOW, cursor)
