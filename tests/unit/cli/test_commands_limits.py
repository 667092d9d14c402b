"""`posthouse limits` and what `account show` says of them: tables, JSON, one account at a time."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from posthouse.rules.limits import Span
from posthouse.store import caps, identity, quotas
from posthouse.store.engine import connect
from unit.cli.calling import Cli, caller


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run a command line in an empty directory, with the account acme and a domain of it and of another."""
    run = caller(tmp_path, monkeypatch, capsys)
    run("account", "add", "acme")
    run("domain", "add", "acme.test", "--account", "acme")
    run("domain", "add", "other.test")
    run("domain", "set", "other.test", "hourly_messages=9")
    return run


def test_without_limits_a_sentence_says_how_to_make_them(house: Cli) -> None:
    assert house("limits", "--account", "acme").out.startswith(
        "No limits. They are made with `posthouse account"
    )
    assert house("limits", "--account", "acme", "--json").rows == []
    assert "Limits" not in house("account", "show", "acme").out


def test_the_limits_of_an_account_and_its_domains(house: Cli, tmp_path: Path) -> None:
    house("account", "set", "acme", "starts_at=200", "minute_messages=7", "monthly_messages=9000")
    house("domain", "set", "acme.test", "daily_messages=50", "--account", "acme")
    with connect(f"sqlite:///{tmp_path}/var/posthouse.db") as conn, conn.transaction():
        acme = identity.find_account(conn, "acme")
        assert acme is not None
        caps.add_cap(conn, caps.Cap(acme.id, 1, 400, "grew from 200: 200 sent, 0 bounced"))
        quotas.reserve(conn, f"{acme.id}|month|", Span.MONTH.window(time.time()), 123, 9000)
    rows = house("limits", "--account", "acme", "--json").rows
    assert [(row["domain"], row["window"], row["most"], row["used"]) for row in rows] == [
        ("", "minute", 7, 0),
        ("", "day", 400, 0),
        ("", "month", 9000, 123),
        ("acme.test", "day", 50, 0),
    ]
    assert rows[1]["note"] == "grew from 200: 200 sent, 0 bounced"
    text = house("limits", "--account", "acme").out
    assert re.search(r"^\(account\) +day +400 +0 +\S+ 00:00:00Z  grew from 200", text, re.M)
    assert "other.test" not in text
    assert text in house("account", "show", "acme").out
    assert house("account", "show", "acme", "--json").rows[0]["limits"] == rows


def test_another_start_begins_anew(house: Cli, tmp_path: Path) -> None:
    house("account", "set", "acme", "starts_at=200")
    with connect(f"sqlite:///{tmp_path}/var/posthouse.db") as conn, conn.transaction():
        acme = identity.find_account(conn, "acme")
        assert acme is not None
        caps.add_cap(conn, caps.Cap(acme.id, 1, 400, "grew"))
    house("account", "set", "acme", "daily_messages=1000")
    assert house("limits", "--account", "acme", "--json").rows[0]["most"] == 400
    house("account", "set", "acme", "starts_at=300")
    assert house("limits", "--account", "acme", "--json").rows[0]["most"] == 300


def test_an_account_that_is_not_there(house: Cli) -> None:
    answer = house("limits", "--account", "nobody")
    assert (answer.code, answer.err) == (1, "posthouse: There is no account nobody here\n")
