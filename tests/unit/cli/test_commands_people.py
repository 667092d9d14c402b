"""`posthouse person`: what it prints, its JSON, its exit codes; the first start."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from posthouse.cli.house import House
from posthouse.cli.serve import first_owner_text
from posthouse.config import load_settings
from posthouse.desk import passwords, sessions
from posthouse.desk.first_start import FirstOwner
from posthouse.store import people
from unit.cli.calling import Cli, caller, forget_store

GIVEN = re.compile(r"(?:[a-z2-9]{4}-){4}[a-z2-9]{4}")


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run a command line in an empty directory; hashing is quick."""
    monkeypatch.setattr(passwords, "hash_password", lambda password: f"hash of {password}")
    return caller(tmp_path, monkeypatch, capsys)


def test_a_person_from_birth_to_end(house: Cli) -> None:
    (ann,) = house("person", "add", "Ann@Example.com", "--role", "owner", "--name", "Ann", "--json").rows
    assert ann.keys() == {"email", "password", "role"}
    assert (ann["email"], ann["role"]) == ("ann@example.com", "owner")
    assert GIVEN.fullmatch(ann["password"])
    bob = house("person", "add", "bob@example.com").out
    assert re.search(
        r"^e-mail    bob@example\.com\npassword  \S{24}\nIt opens once, within 7 days", bob, re.M
    )
    again = house("person", "add", "bob@example.com")
    assert (again.code, again.err) == (1, "posthouse: bob@example.com belongs to this account already\n")
    rows = {row["email"]: row for row in house("person", "list", "--json").rows}
    assert rows["ann@example.com"] == rows["ann@example.com"] | {
        "name": "Ann",
        "role": "owner",
        "totp": False,
        "must_change": True,
        "seen_at": None,
    }
    assert rows["bob@example.com"]["role"] == "viewer"
    listed = house("person", "list").out
    assert re.search(r"^ann@example\.com  owner   no    one-time  -             Ann$", listed, re.M)
    assert ann["password"] not in listed
    assert (
        house("person", "role", "bob@example.com", "developer").out == "bob@example.com is developer now.\n"
    )
    (new,) = house("person", "reset", "bob@example.com", "--json").rows
    assert GIVEN.fullmatch(new["password"])
    gone = house("person", "remove", "bob@example.com", "--yes")
    assert gone.out == "bob@example.com no longer belongs to this account.\n"
    for words in (("reset",), ("remove",), ("sessions",), ("sign-out", "--all"), ("totp", "--off")):
        answer = house("person", words[0], "bob@example.com", *words[1:])
        assert (answer.code, answer.err) == (1, "posthouse: There is no person bob@example.com here\n")


def test_the_last_owner_stays(house: Cli) -> None:
    house("person", "add", "ann@example.com", "--role", "owner")
    for words in (("remove", "ann@example.com"), ("role", "ann@example.com", "viewer")):
        answer = house("person", *words)
        assert answer.code == 1
        assert answer.err.startswith("posthouse: ann@example.com is the only owner of this account; make")


def test_people_of_several_accounts(house: Cli) -> None:
    house("account", "add", "acme")
    house("person", "add", "ann@example.com", "--role", "owner")
    (row,) = house("person", "add", "ann@example.com", "--account", "acme", "--role", "viewer", "--json").rows
    assert row == {"email": "ann@example.com", "role": "viewer"}, "no second password"
    house("person", "add", "eve@example.com", "--account", "acme")
    assert [row["email"] for row in house("person", "list", "--json").rows] == ["ann@example.com"]
    (first, second) = house("person", "list", "--account", "all", "--json").rows
    assert first["roles"] == {"default": "owner", "acme": "viewer"}
    assert second["roles"] == {"acme": "viewer"}
    assert "owner of default, viewer of acme" in house("person", "list", "--account", "all").out or (
        "viewer of acme, owner of default" in house("person", "list", "--account", "all").out
    )
    for email in ("eve@example.com", "nobody@example.com"):
        answer = house("person", "reset", email)
        assert (answer.code, answer.err) == (1, f"posthouse: There is no person {email} here\n")
    assert house("person", "add", "x@example.com", "--account", "none").err == (
        "posthouse: There is no account none here\n"
    )
    assert house("account", "remove", "acme").out == "Removed acme: people: 2.\n"
    assert [row["email"] for row in house("person", "list", "--account", "all", "--json").rows] == [
        "ann@example.com"
    ]


def test_sessions_are_shown_and_ended(house: Cli) -> None:
    house("person", "add", "ann@example.com", "--role", "owner")
    assert house("person", "sessions", "ann@example.com").out == "ann@example.com is signed in nowhere.\n"
    place = House(load_settings(None))
    with place.writing() as conn:
        ann = people.find_person(conn, "ann@example.com")
        assert ann is not None
        for number in (1, 2, 3):
            sessions.begin(
                conn, place.installation, place.clock.now(), ann.id, f"192.0.2.{number}", "B\x1b[1m"
            )
    rows = house("person", "sessions", "ann@example.com", "--json").rows
    assert {row["address"] for row in rows} == {"192.0.2.1", "192.0.2.2", "192.0.2.3"}
    assert "\x1b" not in house("person", "sessions", "ann@example.com").out
    out = house("person", "sign-out", "ann@example.com", "--session", rows[0]["id"])
    assert out.out == "ended: 1 session\n"
    wrong = house("person", "sign-out", "ann@example.com", "--session", rows[0]["id"])
    assert (wrong.code, wrong.err) == (1, "posthouse: There is no such session\n")
    assert house("person", "sign-out", "ann@example.com", "--all", "--json").rows == [{"ended": 2}]
    assert house("person", "sign-out", "ann@example.com").code == 2
    assert house("person", "sign-out", "ann@example.com", "--all", "--session", "x").code == 2


def test_a_second_step_can_only_be_turned_off(house: Cli) -> None:
    house("person", "add", "ann@example.com", "--role", "owner")
    assert house("person", "totp", "ann@example.com").code == 2
    answer = house("person", "totp", "ann@example.com", "--off")
    assert (answer.code, answer.err) == (1, "posthouse: ann@example.com has no second step\n")
    place = House(load_settings(None))
    with place.writing() as conn:
        ann = people.find_person(conn, "ann@example.com")
        assert ann is not None
        people.set_totp(conn, ann.id, b"", b"sealed")
    assert house("person", "totp", "ann@example.com", "--off", "--json").rows == [
        {"email": "ann@example.com", "totp": False}
    ]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("add", "ann"), "Not an e-mail address: an address needs"),
        (("add", "ann@example.com", "--role", "boss"), "There is no role 'boss'; allowed: owner, developer"),
        (("role", "ann@example.com", "boss"), "There is no role 'boss'"),
    ],
)
def test_wrong_words_make_nothing(house: Cli, tmp_path: Path, words: tuple[str, ...], text: str) -> None:
    forget_store()
    answer = house("person", *words)
    assert answer.code == 1
    assert text in answer.err
    assert not list(tmp_path.iterdir())


def test_what_the_first_start_prints_can_be_used(house: Cli, tmp_path: Path) -> None:
    text = first_owner_text(FirstOwner("owner@m.test", "the-password"), load_settings(None), None)
    assert re.search(r"^  e-mail    owner@m\.test$", text, re.M)
    assert re.search(r"^  password  the-password$", text, re.M)
    assert "http://127.0.0.1:8025/sign-in" in text
    assert "`posthouse person reset owner@m.test` makes another" in text
    text = first_owner_text(FirstOwner("a@b", "x"), load_settings(None), tmp_path / "p.toml")
    assert f"person reset a@b --config {tmp_path}/p.toml`" in text
