"""People, roles and sessions on both engines."""

from __future__ import annotations

from dataclasses import replace
from threading import Barrier, Thread

import pytest

from posthouse.desk import accounts, first_start
from posthouse.desk import people as desk_people
from posthouse.desk.passwords import Given
from posthouse.model.account import Person, Role, Session
from posthouse.model.clock import FakeClock, Ids
from posthouse.model.errors import Refused
from posthouse.store import identity, people
from posthouse.store.connection import Connection
from posthouse.store.engine import Duplicate, connect
from store.letters import NOW

ANN = Person(
    "p1", "ann@one.test", "Ann", "$argon2id$x", b"\0sealed", True, NOW - 5, NOW, None, {"a1": Role.OWNER}
)
BOB = Person("p2", "bob@two.test", "", "$argon2id$y", b"", False, NOW, NOW, NOW, {"a2": Role.VIEWER})
SESSION = Session("s1", "p1", NOW, NOW, NOW + 100, "192.0.2.7", "Browser/1.0")


@pytest.fixture
def known(conn: Connection) -> Connection:
    with conn.transaction():
        identity.ensure_account(conn, "one", id="a1", now=NOW)
        identity.ensure_account(conn, "two", id="a2", now=NOW)
        people.add_person(conn, ANN)
        people.add_person(conn, BOB)
        people.add_session(conn, SESSION)
    return conn


def test_everything_comes_back_as_it_was(known: Connection) -> None:
    assert people.find_person(known, "ann@one.test") == ANN
    assert people.find_person_by_id(known, "p2") == BOB
    assert people.list_people(known) == [ANN, BOB]
    assert people.find_session(known, "s1", NOW) == (SESSION, ANN)
    assert people.list_sessions(known, "p1", NOW) == [SESSION]
    assert people.has_people(known)


def test_an_account_sees_its_own_people_only(known: Connection) -> None:
    assert people.list_people(known, "a1") == [ANN]
    assert people.list_people(known, "a2") == [BOB]
    assert people.list_people(known, "none") == []
    with known.transaction():
        people.set_role(known, "p2", "a1", Role.DEVELOPER)
    both = replace(BOB, roles={"a1": Role.DEVELOPER, "a2": Role.VIEWER})
    assert people.list_people(known, "a1") == [ANN, both]


def test_unknown_ones_are_none(known: Connection) -> None:
    assert people.find_person(known, "x@one.test") is None
    assert people.find_person_by_id(known, "x") is None
    assert people.find_session(known, "x", NOW) is None
    with known.transaction():
        assert not people.remove_person(known, "x")
        assert not people.set_password(known, "x", "h", must_change=False, at=NOW)
        assert not people.remove_role(known, "p1", "a2")
        assert not people.end_session(known, "p2", "s1"), "somebody else's session"
    assert people.list_sessions(known, "p1", NOW) == [SESSION]


def test_an_address_is_given_once(known: Connection) -> None:
    with pytest.raises(Duplicate, match=r"ann@one\.test"), known.transaction():
        people.add_person(known, replace(ANN, id="p3"))


def test_a_role_is_changed_and_owners_are_counted(known: Connection) -> None:
    assert (people.owners(known, "a1"), people.owners(known, "a2")) == (1, 0)
    with known.transaction():
        people.set_role(known, "p2", "a1", Role.OWNER)
        people.set_role(known, "p1", "a1", Role.VIEWER)
    assert people.find_person(known, "ann@one.test") == replace(ANN, roles={"a1": Role.VIEWER})
    assert people.owners(known, "a1") == 1


def test_passwords_and_second_steps_are_replaced(known: Connection) -> None:
    with known.transaction():
        assert people.set_password(known, "p1", "new", must_change=False, at=NOW + 1)
        assert people.set_totp(known, "p1", ANN.totp, b"next")
        assert not people.set_totp(known, "p1", ANN.totp, b"late"), "what was read is gone"
        people.note_seen(known, "p1", NOW + 2)
    wanted = replace(
        ANN, password_hash="new", must_change=False, password_at=NOW + 1, totp=b"next", seen_at=NOW + 2
    )
    assert people.find_person(known, "ann@one.test") == wanted


def test_sessions_end_one_by_one_all_and_by_time(known: Connection) -> None:
    with known.transaction():
        for number in (2, 3, 4):
            people.add_session(known, replace(SESSION, id=f"s{number}", seen_at=NOW + number))
        people.add_session(known, replace(SESSION, id="b1", person_id="p2"))
        assert people.touch_sessions(known, [("s1", NOW + 9, NOW + 200), ("gone", NOW, NOW)]) == [True, False]
    assert [each.id for each in people.list_sessions(known, "p1", NOW + 50)] == ["s1", "s4", "s3", "s2"]
    assert [each.id for each in people.list_sessions(known, "p1", NOW + 150)] == ["s1"]
    assert people.find_session(known, "s2", NOW + 100) is None, "its time is over"
    with known.transaction():
        assert people.end_session(known, "p1", "s2")
        assert people.end_sessions(known, "p1", but="s1") == 2
        assert people.drop_expired_sessions(known, NOW + 100, 10) == 1  # b1
    assert [each.id for each in people.list_sessions(known, "p1", NOW)] == ["s1"]
    assert people.list_sessions(known, "p2", NOW) == []


def test_who_is_removed_takes_roles_and_sessions_along(known: Connection) -> None:
    with known.transaction():
        assert people.remove_person(known, "p1")
    assert people.find_session(known, "s1", NOW) is None
    assert people.owners(known, "a1") == 0


def test_people_of_a_removed_account_go_unless_they_belong_elsewhere(known: Connection) -> None:
    ids = Ids(FakeClock())
    with known.transaction():
        people.set_role(known, "p2", "a1", Role.OWNER)
    accounts.remove(known, ids, NOW, "one")
    assert people.find_person(known, "ann@one.test") is None
    assert people.find_person(known, "bob@two.test") == BOB


def test_the_first_owner_is_made_once(conn: Connection) -> None:
    ids = Ids(FakeClock())
    made = first_start.make_owner(conn, ids, NOW, "mail.house.test")
    assert made is not None
    assert made.email == "owner@mail.house.test"
    assert made.password not in repr(made)
    owner = people.find_person(conn, made.email)
    assert owner is not None and owner.must_change
    account = identity.find_account(conn, "default")
    assert account is not None and owner.roles == {account.id: Role.OWNER}
    assert first_start.make_owner(conn, ids, NOW, "other.house.test") is None


def test_of_two_machines_that_start_at_once_one_makes_the_owner(store_url: str) -> None:
    """Their names differ, so no unique address decides between them."""
    made: list[object] = []
    barrier = Barrier(4)

    def start(number: int) -> None:
        with connect(store_url) as conn:
            barrier.wait(10)
            made.append(first_start.make_owner(conn, Ids(FakeClock()), NOW, f"m{number}.test"))

    starts = [Thread(target=start, args=(number,)) for number in range(4)]
    for thread in starts:
        thread.start()
    for thread in starts:
        thread.join()
    assert len(made) == 4
    assert sum(each is not None for each in made) == 1
    with connect(store_url) as conn:
        assert len(people.list_people(conn)) == 1


def test_of_two_owners_that_go_at_once_one_stays(store_url: str) -> None:
    given = Given("x", "$argon2id$x")
    ids = Ids(FakeClock())
    emails = ["ann@one.test", "bob@one.test"]
    with connect(store_url) as conn, conn.transaction():
        account_id = identity.ensure_account(conn, "one", id="a1", now=NOW).id
        for email in emails:
            desk_people.add(conn, ids, NOW, account_id, email, role=Role.OWNER, given=given)
    barrier = Barrier(2)
    refused: list[str] = []

    def leave(email: str) -> None:
        with connect(store_url) as conn:
            barrier.wait(10)
            try:
                with conn.transaction():
                    desk_people.remove(conn, "a1", email)
            except Refused as error:
                refused.append(error.reason)

    goings = [Thread(target=leave, args=(email,)) for email in emails]
    for thread in goings:
        thread.start()
    for thread in goings:
        thread.join()
    assert refused == ["last-owner"]
    with connect(store_url) as conn:
        assert people.owners(conn, "a1") == 1
