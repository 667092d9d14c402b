"""People of an account: added, changed, removed; what one account sees of another's (S20)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from posthouse.desk import people, sessions
from posthouse.desk.passwords import Given
from posthouse.model.account import Role
from posthouse.model.errors import Refused
from posthouse.store import people as store_people
from unit.desk.entry import EMAIL, Entry

EMAILS = {
    "ann@shop.test": "ann@shop.test",
    " Ann.O'Neil+x@SHOP.test ": "ann.o'neil+x@shop.test",
    "ann@bücher.test": "ann@xn--bcher-kva.test",
    "ann@localhost": "ann@localhost",
    "": "",
    "ann": "",
    "ann@": "",
    "@shop.test": "",
    "ann@@shop.test": "",
    "ann@shop test": "",
    "ann@[192.0.2.1]": "",
    "ann\n@shop.test": "",
    "ann@shop.test\0": "",
    "a" * 65 + "@shop.test": "",
    "Ann <ann@shop.test>": "",
    "ann@shop.test,bob@shop.test": "",
}


@pytest.mark.parametrize(("text", "email"), EMAILS.items(), ids=map(repr, EMAILS))
def test_an_address_is_taken_or_explained(text: str, email: str) -> None:
    if email:
        assert people.person_email(text) == email
    else:
        with pytest.raises(Refused, match="Not an e-mail address"):
            people.person_email(text)


@pytest.mark.parametrize("text", ["owner", " Developer", "VIEWER"])
def test_a_role_is_read(text: str) -> None:
    assert people.role_of(text) == text.strip().lower()


def test_a_role_that_does_not_exist_is_explained() -> None:
    with pytest.raises(Refused, match="There is no role 'admin'; allowed: owner, developer, viewer"):
        people.role_of("admin")


def test_somebody_new_gets_a_password_and_somebody_known_keeps_theirs(entry: Entry) -> None:
    entry.add("bob@shop.test", Role.VIEWER)
    assert entry.person("bob@shop.test").must_change
    before = entry.person()
    added = entry.change(people.add, entry.ids, 5.0, entry.two, "Ann@Shop.test", role=Role.DEVELOPER)
    assert added.given is None
    after = entry.person()
    assert after.roles == {entry.one: Role.OWNER, entry.two: Role.DEVELOPER}
    assert (after.password_hash, after.must_change) == (before.password_hash, False)
    with pytest.raises(Refused, match=r"ann@shop\.test belongs to this account already"):
        entry.change(people.add, entry.ids, 5.0, entry.two, EMAIL, role=Role.OWNER)


@pytest.mark.parametrize("name", ["a\nb", "x" * 101, "\x1b[2J"])
def test_a_name_is_one_visible_line(entry: Entry, name: str) -> None:
    with pytest.raises(Refused, match="at most 100 visible characters"):
        entry.change(people.add, entry.ids, 5.0, entry.one, "b@shop.test", role=Role.VIEWER, name=name)


def test_an_account_keeps_an_owner(entry: Entry) -> None:
    entry.add("bob@shop.test", Role.DEVELOPER)
    for change in (
        lambda: entry.change(people.change_role, entry.one, EMAIL, Role.VIEWER),
        lambda: entry.change(people.remove, entry.one, EMAIL),
    ):
        with pytest.raises(Refused, match="the only owner of this account; make somebody else an owner"):
            change()
    entry.change(people.change_role, entry.one, EMAIL, Role.OWNER)  # what she is
    entry.change(people.change_role, entry.one, "bob@shop.test", Role.OWNER)
    entry.change(people.remove, entry.one, EMAIL)
    assert store_people.find_person(entry.conn, EMAIL) is None
    with pytest.raises(Refused, match="the only owner"):
        entry.change(people.remove, entry.one, "bob@shop.test")


def signed_in(entry: Entry, email: str = EMAIL) -> str:
    """A session's id."""
    person = entry.person(email)
    token = entry.change(sessions.begin, entry.installation, entry.clock.now(), person.id, "192.0.2.7", "B/1")
    return sessions.session_id(entry.installation, token)


def open_sessions(entry: Entry, email: str = EMAIL) -> list[str]:
    found = store_people.list_sessions(entry.conn, entry.person(email).id, entry.clock.now())
    return [each.id for each in found]


ENDS: dict[str, Callable[[Entry], Any]] = {
    "a new password": lambda entry: entry.change(
        people.reset, entry.clock.now(), entry.one, "bob@shop.test", Given("x", "hash")
    ),
    "a lower role": lambda entry: entry.change(people.change_role, entry.one, "bob@shop.test", Role.VIEWER),
    "signing out everywhere": lambda entry: entry.change(people.sign_out, entry.one, "bob@shop.test"),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_sessions_end_with(entry: Entry, end: Callable[[Entry], Any]) -> None:
    entry.add("bob@shop.test", Role.DEVELOPER)
    mine, theirs = signed_in(entry), signed_in(entry, "bob@shop.test")
    assert open_sessions(entry, "bob@shop.test") == [theirs]
    end(entry)
    assert open_sessions(entry, "bob@shop.test") == []
    assert open_sessions(entry) == [mine], "nobody else is signed out"


def test_a_higher_role_ends_nothing_and_one_session_ends_alone(entry: Entry) -> None:
    entry.add("bob@shop.test", Role.VIEWER)
    first, second = signed_in(entry, "bob@shop.test"), signed_in(entry, "bob@shop.test")
    entry.change(people.change_role, entry.one, "bob@shop.test", Role.DEVELOPER)
    assert sorted(open_sessions(entry, "bob@shop.test")) == sorted([first, second])
    assert entry.change(people.sign_out, entry.one, "bob@shop.test", first) == 1
    assert open_sessions(entry, "bob@shop.test") == [second]


def test_who_belongs_elsewhere_too_stays_there(entry: Entry) -> None:
    entry.add("bob@shop.test", Role.VIEWER)
    entry.change(people.add, entry.ids, 5.0, entry.two, "bob@shop.test", role=Role.OWNER)
    session = signed_in(entry, "bob@shop.test")
    entry.change(people.remove, entry.one, "bob@shop.test")
    assert entry.person("bob@shop.test").roles == {entry.two: Role.OWNER}
    assert session not in open_sessions(entry, "bob@shop.test")


COMMANDS: dict[str, Callable[[Entry, str], Any]] = {
    "load": lambda entry, email: people.load(entry.conn, entry.one, email),
    "role": lambda entry, email: entry.change(people.change_role, entry.one, email, Role.VIEWER),
    "reset": lambda entry, email: entry.change(people.reset, 5.0, entry.one, email, Given("x", "h")),
    "remove": lambda entry, email: entry.change(people.remove, entry.one, email),
    "sign out": lambda entry, email: entry.change(people.sign_out, entry.one, email),
    "totp": lambda entry, email: entry.change(people.turn_totp_off, entry.one, email),
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_s20_a_person_of_another_account_is_as_one_who_does_not_exist(
    entry: Entry, command: Callable[[Entry, str], Any]
) -> None:
    entry.add("eve@shop.test", Role.OWNER, entry.two)
    session = signed_in(entry, "eve@shop.test")
    other = entry.person("eve@shop.test")
    said = []
    for email in ("eve@shop.test", "nobody@shop.test"):
        with pytest.raises(Refused) as refused:
            command(entry, email)
        error = refused.value
        said.append((error.code, error.enhanced, error.reason, error.text.replace(email, "X")))
    assert said[0] == said[1]
    assert entry.person("eve@shop.test") == other
    assert open_sessions(entry, "eve@shop.test") == [session]


def test_s20_a_session_of_somebody_else_is_as_one_that_does_not_exist(entry: Entry) -> None:
    entry.add("eve@shop.test", Role.OWNER, entry.two)
    session = signed_in(entry, "eve@shop.test")
    said = []
    for wanted in (session, "0" * 32):
        with pytest.raises(Refused) as refused:
            entry.change(people.sign_out, entry.one, EMAIL, wanted)
        said.append(str(refused.value))
    assert said[0] == said[1]
    assert open_sessions(entry, "eve@shop.test") == [session]


def test_a_row_tells_no_secret(entry: Entry) -> None:
    row = people.person_row(entry.person(), entry.one)
    assert row.keys() == {"email", "name", "role", "totp", "must_change", "created_at", "seen_at"}
    assert (row["role"], row["totp"]) == ("owner", False)
    assert people.person_row(entry.person())["roles"] == {entry.one: "owner"}
