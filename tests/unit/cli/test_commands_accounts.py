"""`posthouse account`: what it prints, its JSON, its exit codes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from unit.cli.calling import Cli, caller, forget_store


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run a command line in an empty directory."""
    return caller(tmp_path, monkeypatch, capsys)


def test_an_account_from_birth_to_end(house: Cli) -> None:
    (made,) = house("account", "add", "Acme", "--json").rows
    assert made.keys() == {"name", "id", "suspended", "created_at", "settings"}
    assert (made["name"], made["suspended"], made["settings"]["daily_messages"]) == ("acme", False, 0)
    again = house("account", "add", "acme")
    assert (again.code, again.err) == (1, "posthouse: There is an account acme already\n")
    (row,) = house("account", "list", "--json").rows
    assert row == made
    assert re.search(r"^acme  active  0 ", house("account", "list").out, re.M)
    gone = house("account", "remove", "acme", "--yes")
    assert (gone.code, gone.out) == (0, "Removed acme: it has nothing.\n")
    assert house("account", "list").out == "No accounts yet.\n"
    assert house("account", "remove", "acme").err == "posthouse: There is no account acme here\n"


def test_settings_and_suspension(house: Cli) -> None:
    house("account", "add", "acme")
    assert "daily_messages        10  (set)\n" in house("account", "set", "acme", "daily_messages=10").out
    (row,) = house("account", "set", "acme", "over_limit=queue", "--json").rows
    assert row["settings"] == row["settings"] | {"daily_messages": 10, "over_limit": "queue"}
    wrong = house("account", "set", "acme", "daily_messages=many")
    assert wrong.code == 1
    assert wrong.err.startswith("posthouse: daily_messages cannot be 'many'; allowed: a whole number")
    assert house("account", "set", "acme").code == 2
    assert "posthouse account resume acme" in house("account", "suspend", "acme").out
    assert house("account", "show", "acme").out.startswith("acme: suspended, added ")
    (row,) = house("account", "show", "acme", "--json").rows
    assert (row["suspended"], row["contents"]) == (True, {})
    assert house("account", "resume", "acme").out == "acme may sign in and send.\n"
    assert house("account", "show", "acme").out.startswith("acme: active, added ")


def test_wrong_names_make_no_store(house: Cli, tmp_path: Path) -> None:
    forget_store()
    wrong = house("account", "add", "all")
    assert (wrong.code, "1 to 64 letters" in wrong.err) == (1, True)
    assert not list(tmp_path.iterdir())
    assert house("account", "list").code == 2


def test_the_usual_account_is_there_with_the_first_domain(house: Cli) -> None:
    house("domain", "add", "example.com")
    (row,) = house("account", "list", "--json").rows
    assert (row["name"], row["domains"]) == ("default", 1)
    kept = house("account", "remove", "default", "--force")
    assert (kept.code, kept.err) == (1, "posthouse: The account default cannot be removed\n")
