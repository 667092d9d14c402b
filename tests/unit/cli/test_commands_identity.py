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


SG = f"SG.{'a' * 22}.{'B' * 43}"
UUID = "3f2b8c1e-0000-4000-8000-123456789abc"
CHOSEN = "correct horse battery staple"


def test_c07_an_application_keeps_its_secrets(house: Cli, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{CHOSEN}\n")
    made = house("user", "add", "app@example.com", "--password-file", str(file), "--json")
    assert made.rows == [{"login": "app@example.com"}]
    said = house("user", "reset", "app@example.com", "--password-file", "-", given=f"{CHOSEN}2\r\n".encode())
    assert said.code == 0 and CHOSEN not in said.out
    key = house("key", "add", "--secret-file", "-", "--json", given=f"{SG}\n".encode())
    assert key.rows == [{"id": "a" * 22}]
    assert SG not in house("key", "list").out
    file.write_text(UUID)
    assert house("token", "add", "example.com", "--secret-file", str(file)).code == 0
    assert UUID not in house("token", "list").out
    again = house("token", "add", "example.com", "--secret-file", str(file))
    assert (again.code, again.err) == (1, "posthouse: This token is in use already; let a new one be made\n")


@pytest.mark.parametrize(
    ("given", "part"),
    [
        (b"", "16 to 256 characters, this one has 0"),
        (b"secretsecretsecret\n", "again and again"),
        (b"two\nlines of some length", "one line of printable characters"),
        (b"\xff\xfe" * 10, "is not UTF-8 text"),
        (b"x" * 5000, "is no secret: it has over 4096 octets"),
    ],
    ids=["empty", "repeated", "lines", "octets", "endless"],
)
def test_c07_a_bad_password_file_is_told_in_a_sentence(house: Cli, given: bytes, part: str) -> None:
    answer = house("user", "add", "app@example.com", "--password-file", "-", given=given)
    assert answer.code == 1 and part in answer.err
    assert house("user", "list").out == "No users yet.\n"


def test_c07_a_password_file_that_is_not_there(house: Cli) -> None:
    answer = house("user", "add", "app@example.com", "--password-file", "nowhere")
    assert (answer.code, answer.err) == (1, "posthouse: nowhere: No such file or directory\n")


def test_c04_presets_and_words_of_a_key(house: Cli) -> None:
    (made,) = house("key", "add", "--full", "--native", "--json").rows
    said = house("key", "set", made["id"], "--read-only", "--permission", "mail.send", "--name", "reports")
    assert "domains.read" in said.out and "domains.write" not in said.out
    (row,) = house("key", "list", "--json").rows
    assert row["name"] == "reports" and "mail.send" in row["permissions"]
    assert house("key", "set", made["id"], "--permission", "stats.raed").err == (
        "posthouse: There is no permission stats.raed; did you mean stats.read?\n"
    )
    assert house("key", "add", "--full", "--read-only").err == (
        "posthouse: Only one of --full and --read-only can hold\n"
    )
    (row,) = [row for row in house("key", "list", "--json").rows if row["id"] == made["id"]]
    assert row["name"] == "reports", "what was refused changed nothing"
    scopes = house("key", "add", "--read-only", "--permission", "2fa_required")
    assert "These are kept and mean nothing here: 2fa_required\n" in scopes.out


def test_c04_c09_from_where_and_how_much(house: Cli) -> None:
    more = ("--from", "192.0.2.0/24", "--from", "::/0", "--connection-messages", "5")
    made = house("user", "add", "app@example.com", *more)
    assert "from      192.0.2.0/24 ::/0\n" in made.out and "messages  5\n" in made.out
    assert "warning: ::/0 shuts nobody out; `any` says the same\n" in made.out
    said = house("user", "set", "app@example.com", "--from", "any", "--address-connections", "0")
    assert said.out == "login     app@example.com\nfrom      any address\nmessages  5\nsessions  no limit\n"
    assert house("user", "set", "app@example.com", "--connection-messages", "default", "--json").rows == [
        {
            "login": "app@example.com",
            "ranges": [],
            "connection_messages": None,
            "address_connections": 0,
            "expires_at": None,
        }
    ]
    assert house("user", "set", "app@example.com", "--from", "192.0.2.1/24").err == (
        "posthouse: 192.0.2.1/24 is an address within a range; "
        "write 192.0.2.0/24 for the range, or the address alone\n"
    )
    (row,) = house("user", "list", "--json").rows
    assert (row["used_at"], row["used_from"], row["ranges"]) == (None, None, [])
    (token,) = house("token", "add", "example.com", "--from", "192.0.2.7", "--json").rows
    changed = house("token", "set", token["id"], "--name", "shop", "--json").rows
    assert changed == [
        {
            "id": token["id"],
            "name": "shop",
            "ranges": ["192.0.2.7/32"],
            "connection_messages": None,
            "address_connections": None,
            "expires_at": None,
        }
    ]


def test_s20_another_accounts_credentials_cannot_be_changed(house: Cli) -> None:
    house("account", "add", "other")
    (key,) = house("key", "add", "--json").rows
    (token,) = house("token", "add", "example.com", "--json").rows
    house("user", "add", "app@example.com")
    for kind, name in (("user", "app@example.com"), ("key", key["id"]), ("token", token["id"])):
        unknown = {"user": "no@example.com"}.get(kind, "nothing")
        for verb in (["set"], ["revoke"], *([["reset"]] if kind == "user" else [])):
            theirs = house(kind, *verb, name, "--account", "other")
            nobodys = house(kind, *verb, unknown, "--account", "other")
            assert theirs.code == nobodys.code == 1
            assert theirs.err.replace(name, "X") == nobodys.err.replace(unknown, "X")
        assert house(kind, "list", "--account", "other", "--json").rows == []
        assert len(house(kind, "list", "--json").rows) == 1
