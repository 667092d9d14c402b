"""`posthouse key`, `token`, `user --native`, `domain set`: what they print, their JSON, their exit codes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from unit.cli.calling import Cli, caller


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run a command line in a directory whose store has a domain."""
    call = caller(tmp_path, monkeypatch, capsys)
    assert call("domain", "add", "example.com", "--assume-verified").code == 0
    return call


def test_c04_a_key_from_birth_to_end(house: Cli) -> None:
    (made,) = house("key", "add", "--permission", "mail.send", "--json").rows
    assert made.keys() == {"id", "key"}
    assert re.fullmatch(rf"SG\.{re.escape(made['id'])}\.[\w-]{{43}}", made["key"])
    (row,) = house("key", "list", "--json").rows
    assert row == row | {"id": made["id"], "permissions": ["mail.send"], "domain": "", "dialect": "sendgrid"}
    assert made["key"] not in house("key", "list").out
    assert house("key", "revoke", made["id"]).out == f"The key {made['id']} is no longer valid.\n"
    again = house("key", "revoke", made["id"])
    assert (again.code, again.err) == (1, f"posthouse: There is no key {made['id']} here\n")
    assert house("key", "list").out == "No keys yet.\n"


def test_c04_keys_of_other_kinds(house: Cli) -> None:
    more = ("--permission", "stats.read", "--permission", "mail.send", "--domain", "Example.com")
    house("key", "add", "--native", "--name", "nightly jobs", *more)
    plain = house("key", "add").out
    assert re.search(r"^key       SG\.", plain, re.M)
    rows = {row["name"]: row for row in house("key", "list", "--json").rows}
    assert rows["nightly jobs"]["permissions"] == ["stats.read", "mail.send"]
    assert (rows["nightly jobs"]["domain"], rows["nightly jobs"]["dialect"]) == ("example.com", "native")
    assert rows[""]["permissions"] == ["mail.send"]
    assert "nightly jobs" in house("key", "list").out
    assert (
        house("key", "add", "--domain", "other.test").err == "posthouse: There is no domain other.test here\n"
    )
    assert "is no permission" in house("key", "add", "--permission", "a b").err


def test_c05_a_token_from_birth_to_end(house: Cli) -> None:
    (made,) = house("token", "add", "example.com", "--json").rows
    assert made.keys() == {"id", "token"}
    house("token", "add", "example.com", "--native", "--name", "second")
    rows = house("token", "list", "--domain", "example.com", "--json").rows
    assert [(row["id"] == made["id"], row["dialect"]) for row in rows] == [
        (True, "mailpace"),
        (False, "native"),
    ]
    assert made["token"] not in house("token", "list").out
    assert house("token", "revoke", made["id"], "--json").rows == [{"revoked": made["id"]}]
    assert house("token", "revoke", made["id"]).code == 1
    assert house("token", "add", "other.test").code == 1
    assert house("user", "list").out == "No users yet.\n"


def test_a_native_user(house: Cli) -> None:
    house("user", "add", "a@example.com", "--native")
    house("user", "add", "b@example.com")
    rows = house("user", "list", "--json").rows
    assert [(row["login"], row["dialect"]) for row in rows] == [
        ("a@example.com", "native"),
        ("b@example.com", "mailgun"),
    ]


def test_domain_settings(house: Cli) -> None:
    (row,) = house("domain", "set", "example.com", "track_clicks=html", "hourly_messages=5", "--json").rows
    assert row["settings"]["track_clicks"] == "html"
    assert row["settings"]["hourly_messages"] == 5
    shown = house("domain", "show", "example.com").out
    assert re.search(r"^track_clicks +html  \(set\)$", shown, re.M)
    assert re.search(r"^track_opens +-$", shown, re.M)
    assert re.search(r"^email\.example\.com\. IN CNAME ", shown, re.M)
    assert "hourly_messages       0\n" in house("domain", "set", "example.com", "hourly_messages=").out
    wrong = house("domain", "set", "example.com", "track_opens=maybe")
    assert (wrong.code, wrong.err) == (1, "posthouse: track_opens cannot be 'maybe'; allowed: yes, no\n")
    assert house("domain", "set", "example.com").code == 2
    assert house("domain", "set", "example.com", "ip_pool=x").err == "posthouse: There is no pool x here\n"
    assert house("domain", "set", "other.test", "track_opens=yes").code == 1


def test_c12_a_sandbox_and_its_recipients(house: Cli) -> None:
    (row,) = house("domain", "add", "box.example.com", "--sandbox", "--json").rows
    assert (row["verified"], row["settings"]["is_sandbox"]) == (True, True)
    (row,) = house("domain", "authorise", "box.example.com", "Joe@Example.com", "--json").rows
    assert row["settings"]["authorised"] == ["joe@example.com"]
    assert house("domain", "unauthorise", "box.example.com", "joe@example.com").code == 0
    gone = house("domain", "unauthorise", "box.example.com", "joe@example.com")
    assert (gone.code, gone.err) == (
        1,
        "posthouse: joe@example.com is not an authorised recipient here\n",
    )
    assert house("domain", "authorise", "box.example.com", "joe").code == 1


def test_s20_domains_are_of_accounts(house: Cli) -> None:
    for words in (["add", "second.test"], ["list"], ["show", "example.com"]):
        answer = house("domain", *words, "--account", "second")
        assert (answer.code, answer.err) == (1, "posthouse: There is no account second here\n")
