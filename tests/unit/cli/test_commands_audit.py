"""`posthouse audit`, and what commands write down (W-04, S22)."""

from __future__ import annotations

import getpass
from pathlib import Path

import pytest

from posthouse.desk import passwords
from unit.cli.calling import Cli, caller

MARKER = "marker-5527-Secret-Long"


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run a command line in an empty directory; hashing is quick."""
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setattr(passwords, "hash_password", lambda password: f"hash of {password}")
    call = caller(tmp_path, monkeypatch, capsys)
    assert call("domain", "add", "example.com", "--assume-verified").code == 0
    return call


def test_W_04_commands_stand_in_the_log_with_their_user_and_subject(house: Cli) -> None:
    assert house("user", "add", "app@example.com").code == 0
    assert house("person", "add", "Ann@example.com", "--role", "owner").code == 0
    rows = house("audit", "--json").rows
    assert [(row["what"], row["about"]) for row in rows] == [
        ("person add", "Ann@example.com owner"),
        ("user add", "app@example.com"),
        ("domain add", "example.com"),
    ]
    assert {(row["kind"], row["who"]) for row in rows} == {("command", getpass.getuser())}
    listed = house("audit", "--what", "user").out.splitlines()
    assert len(listed) == 2 and listed[0].split() == ["TIME", "WHO", "WHAT", "ABOUT", "FROM"]
    assert house("audit", "--about", "app@example.com", "--who", getpass.getuser(), "--json").rows == [
        rows[1]
    ]
    assert house("audit", "--since", "1h", "--until", "30m").out == "Nothing was changed.\n"
    assert house("audit", "--since", "soon").code == 1


def test_W_04_a_page_tells_where_the_next_begins(house: Cli) -> None:
    house("user", "add", "app@example.com")
    first = house("audit", "--limit", "1", "--json").rows
    told = house("audit", "--limit", "1").err
    assert told == f"go on with --cursor {first[0]['id']}\n"
    assert [row["what"] for row in house("audit", "--cursor", first[0]["id"], "--json").rows] == [
        "domain add"
    ]


def test_what_was_refused_or_only_looked_at_is_not_written_down(house: Cli) -> None:
    assert house("user", "add", "app@nobodys.example").code == 1
    assert house("domain", "add", "example.com").code == 1
    assert house("user", "list").code == 0
    assert [row["what"] for row in house("audit", "--json").rows] == ["domain add"]


def test_W_04_what_concerns_no_account_is_the_machines(house: Cli) -> None:
    assert house("account", "add", "other").code == 0
    assert house("account", "remove", "other").code == 0
    assert house("site", "suspend", "r.test,mx", "--for", "1h").code in (0, 1)
    machine = [row["what"] for row in house("audit", "--machine", "--json").rows]
    assert machine[-2:] == ["account remove", "account add"]
    assert "account add" not in house("audit", "--json").out


def test_W_04_work_in_many_steps_is_written_down_too(house: Cli) -> None:
    assert house("batch", "pause", "b1").code == 0
    assert house("audit", "--json").rows[0]["what"] == "batch pause"


def test_W_04_a_command_that_changed_nothing_is_not_written_down(house: Cli) -> None:
    before = house("audit", "--json").rows
    assert house("queue", "hold", "--all").code == 0
    assert house("suppression", "remove", "nobody@r.test").code == 1
    assert house("allow", "remove", "nobody@r.test").code == 1
    assert house("captures", "empty").out == "0 copies are removed.\n"
    assert house("captures", "remove", "x.0000", "y.0000").out == "0 copies are removed.\n"
    assert house("audit", "--json").rows == before


def test_W_04_many_addresses_are_written_down_by_the_first_few(house: Cli) -> None:
    many = [f"n{number}@r.test" for number in range(5)]
    assert house("suppression", "add", *many).code == 0
    (row,) = house("audit", "--what", "suppression add", "--json").rows
    assert row["about"].startswith("n0@r.test n1@r.test n2@r.test and 2 more")


def test_S22_no_secret_of_a_command_stands_in_the_log(house: Cli) -> None:
    key = f"SG.{MARKER[:22]}.{MARKER}{'x' * 20}"
    for words, secret in (
        (("user", "add", "app@example.com", "--password-file", "-"), MARKER),
        (("user", "reset", "app@example.com", "--password-file", "-"), MARKER),
        (("key", "add", "--full", "--secret-file", "-"), key),
        (("hook-key", "import", "mailgun", "-"), MARKER),
    ):
        assert house(*words, given=secret.encode()).code == 0, words
    assert house("hook", "add", f"https://x.test/?secret={MARKER}").code == 0
    assert house("domain", "set", "example.com", f"archive_url=https://u:{MARKER}@x.test/").code in (0, 1)
    rows = house("audit", "--json")
    assert len(rows.rows) >= 6 and MARKER[:22] not in rows.out


def test_W_04_a_command_that_changes_nothing_is_not_written_down(house: Cli, tmp_path: Path) -> None:
    """Also work of many steps: it is noted with its first step, if there is one."""

    def noted(*words: str) -> int:
        before = len(house("audit", "--json").rows)
        assert house(*words).code == 0, words
        return len(house("audit", "--json").rows) - before

    rows = tmp_path / "rows.csv"
    load = ("suppression", "import", str(rows), "--kind", "bounce")
    rows.write_text("address\n")
    assert noted(*load) == 0
    rows.write_text("address\nann@good.test\n")
    assert noted(*load) == 1
    assert noted("suppression", "purge", "--older-than", "365d") == 0
    assert noted("captures", "empty") == 0
    assert noted("domain", "set", "example.com", "require_tls=yes") == 1
    assert noted("domain", "set", "example.com", "require_tls=yes") == 0
