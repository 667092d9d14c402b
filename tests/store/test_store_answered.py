"""store.answered: answers that are given once."""

from __future__ import annotations

import threading

import pytest

from posthouse.store import identity
from posthouse.store.answered import KEPT_S, Answered, claim, drop_before, fill, forget
from posthouse.store.engine import Connection, connect

NOW = 1_700_000_000.0
HEADERS = {"Content-Type": "text/plain"}


@pytest.fixture(autouse=True)
def account(conn: Connection) -> None:
    with conn.transaction():
        identity.ensure_account(conn, "default", id="acc", now=NOW)


def answer(id: str = "k", at: float = NOW, body: bytes = b"first \x00\xff") -> Answered:
    return Answered(id, "acc", "print", 202, body, at, dict(HEADERS))


def claimed(conn: Connection, new: Answered) -> Answered | None:
    with conn.transaction():
        return claim(conn, new)


def test_the_first_goes_on_and_others_get_its_answer(conn: Connection) -> None:
    assert claimed(conn, answer()) is None
    assert claimed(conn, answer(body=b"second")) == answer()
    assert claimed(conn, answer("another")) is None


def test_an_answer_that_was_not_known_yet_is_filled_in(conn: Connection) -> None:
    with conn.transaction():
        assert claim(conn, answer(body=b"")) is None
        fill(conn, "k", 201, {"X": "ü"}, b"later")
    found = claimed(conn, answer())
    assert found is not None and (found.status, found.headers, found.body) == (201, {"X": "ü"}, b"later")


def test_a_call_without_effect_keeps_nothing(conn: Connection) -> None:
    with conn.transaction():
        claim(conn, answer())
        forget(conn, "k")
    assert claimed(conn, answer(body=b"second")) is None


@pytest.mark.parametrize(("later_s", "is_kept"), [(KEPT_S - 1, True), (KEPT_S + 1, False)])
def test_an_answer_is_given_for_a_day(conn: Connection, later_s: float, is_kept: bool) -> None:
    claimed(conn, answer())
    found = claimed(conn, answer(at=NOW + later_s, body=b"second"))
    assert found == (answer() if is_kept else None)


def test_old_answers_are_dropped_in_steps(conn: Connection) -> None:
    for number in range(5):
        claimed(conn, answer(f"k{number}", at=NOW + number))
    with conn.transaction():
        assert drop_before(conn, NOW + 4, 3) == 3
        assert drop_before(conn, NOW + 4, 3) == 1
        assert drop_before(conn, NOW + 4, 3) == 0
    assert claimed(conn, answer("k4", at=NOW + 5)) is not None


def test_S29_who_asks_meanwhile_waits_for_the_first_ones_transaction(
    conn: Connection, store_url: str
) -> None:
    found: list[Answered | None] = []

    def second() -> None:
        with connect(store_url) as other, other.transaction():
            found.append(claim(other, answer(body=b"second")))

    thread = threading.Thread(target=second)
    with conn.transaction():
        claim(conn, answer(body=b""))
        thread.start()
        thread.join(0.1)
        assert found == []
        fill(conn, "k", 202, dict(HEADERS), answer().body)
    thread.join(30)
    assert found == [answer()]
