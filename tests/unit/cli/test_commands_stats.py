"""`posthouse stats`: tables, JSON, checking and counting again (R4)."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from posthouse.model.clock import Ids, SystemClock
from posthouse.model.event import Event, EventKind
from posthouse.pipeline.fold import count, fold
from posthouse.store import events, identity
from posthouse.store.connection import Connection
from posthouse.store.engine import connect
from unit.cli.calling import Cli, caller


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run a command line in an empty directory whose usual account has sent three letters."""
    run = caller(tmp_path, monkeypatch, capsys)
    run("domain", "add", "shop.test")
    with connect(_url(tmp_path)) as conn, conn.transaction():
        account = identity.find_account(conn, "default")
        assert account is not None
        _send(conn, account.id)
    return run


def _url(folder: Path) -> str:
    return f"sqlite:///{folder}/var/posthouse.db"


def _send(conn: Connection, account_id: str) -> None:
    ids, now = Ids(SystemClock()), time.time()
    data = {"tags": ["welcome"], "site": "mx.good.test", "took_s": 0.5, "attempt": 1}
    for kind in (EventKind.ACCEPTED, EventKind.DELIVERED):
        facts = [Event(ids.new(), kind, now, account_id, "shop.test", f"M{n}", data=data) for n in range(3)]
        events.append(conn, facts)
    fold(conn, [count])


def test_figures_over_time_by_name_and_in_json(house: Cli) -> None:
    lines = house("stats").out.splitlines()
    assert lines[0].split()[:3] == ["TIME", "ACCEPTED", "DELIVERED"]
    assert lines[-3].split()[:3] == ["total", "3", "3"] and lines[-2].startswith("before")
    assert "delivered 100 %" in lines[-1]
    assert house("stats", "--by", "tag").out.splitlines()[1].split()[:3] == ["welcome", "3", "3"]
    (found,) = house("stats", "--by", "tag", "--name", "welcome", "--span", "hour", "--json").rows
    assert found["totals"]["delivered"] == 3 and found["by"] == "tag"
    assert house("stats", "--by", "ip").out == "Nothing was counted by ip in this time.\n"
    assert house("stats", "--by", "site", "--metric", "delivered.first").out.splitlines()[1].split()[1] == "3"


def test_delivery_times(house: Cli) -> None:
    assert [line.split() for line in house("stats", "times").out.splitlines()[1:3]] == [
        ["p50", "0.5s"],
        ["p90", "0.5s"],
    ]
    (found,) = house("stats", "times", "--by", "site", "--name", "mx.good.test", "--json").rows
    assert found["deliveries"] == 3
    assert house("stats", "times", "--by", "domain", "--name", "x.test").out.startswith(
        "Nothing was delivered"
    )


def test_wrong_words_are_told_in_a_sentence(house: Cli) -> None:
    for words in (("--by", "colour"), ("--span", "year"), ("--since", "soon")):
        answer = house("stats", *words)
        assert answer.code == 1 and answer.err.startswith("posthouse: ")
    assert house("stats", "--account", "all").code == 2
    assert house("stats", "rebuild", "--since", "2001-01-01", "--until", "2001-01-01").code == 1


def test_what_is_wrong_is_found_and_put_right(house: Cli, tmp_path: Path) -> None:
    assert house("stats", "check").out == "The counters equal the events.\n"
    with connect(_url(tmp_path)) as conn, conn.transaction():
        conn.script("UPDATE tally SET count = 7 WHERE dim = 'tag' AND span = 'day' AND metric = 'accepted'")
    answer = house("stats", "check")
    assert answer.code == 1 and answer.out.splitlines()[1].split()[-2:] == ["7", "3"]
    (row,) = house("stats", "check", "--json").rows
    assert (row["name"], row["metric"], row["counted"], row["events"]) == ("welcome", "accepted", 7, 3)
    assert house("stats", "rebuild").code == 0
    assert house("stats", "check").code == 0
    assert house("stats", "rebuild").out == "The counters equal the events; nothing was changed.\n"
