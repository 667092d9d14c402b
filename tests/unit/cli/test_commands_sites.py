"""`posthouse site …` on a real SQLite file: what it prints, its JSON, its exit code (D-05, W-04)."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from posthouse.model.site import SUSPEND, Rest
from posthouse.pipeline.nudges import RESUME
from posthouse.rules.shaping import BUILT_IN
from posthouse.store import sites, workers
from posthouse.store.engine import connect
from unit.cli.calling import Cli, caller

SITE = "mx1.good.test,mx2.good.test"
REPLY = {
    "code": 421,
    "enhanced": "4.7.0",
    "text": "[TSS04] not \x1b[31mnow",
    "phase": "mail",
    "mx": "mx1.good.test",
    "count": 3,
    "first_at": 1000.0,
    "last_at": 1060.0,
}
VIEW = {
    "origin": "built in: [default]",
    "limits": {"connections": 10},
    "active": 2,
    "waiting": 7,
    "width": 4,
    "share": 5,
    "taken": 12,
    "taken_at": 990.0,
    "domains": ["good.test", "also-good.test"],
    "replies": [REPLY],
}


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """A house with one worker that sees one site."""
    call = caller(tmp_path, monkeypatch, capsys)
    assert call("domain", "add", "example.com", "--assume-verified").code == 0
    now = time.time()
    with connect(store_url()) as conn, conn.transaction():
        workers.register(conn, workers.Worker("w1", "here", 1, now, now))
        sites.put_views(conn, "w1", now, [(SITE, json.dumps(VIEW))], [])
    return call


def store_url() -> str:
    return f"sqlite:///{Path.cwd()}/var/posthouse.db"


def test_list(house: Cli) -> None:
    (row,) = house("site", "list", "--json").rows
    assert (row["site"], row["active"], row["waiting"], row["window"], row["limit"]) == (SITE, 2, 7, 4, 5)
    assert (row["code"], row["suspended_until"], row["resting_until"]) == (421, None, None)
    table = house("site", "list").out
    assert "4/5" in table and "\\x1b[31m" in table and "\x1b" not in table


def test_show(house: Cli) -> None:
    story = house("site", "show", SITE, "--json").rows[0]
    assert story["next"] == "the next letter goes at once; 2 conversations more may begin"
    assert story["workers"][0]["replies"] == [REPLY]
    assert story["limits"]["connections"] == story["limits_now"]["connections"] == 10
    shown = house("site", "show", SITE).out
    for words in ("built in: [default]", "window 4 of 5", "12 taken", "3 x in 1m", "421 4.7.0 [TSS04]"):
        assert words in shown, shown
    assert "\x1b" not in shown


def test_a_site_may_be_suspended_before_any_worker_knows_it(house: Cli) -> None:
    told = house("site", "suspend", "mx.new.test,mx2.new.test", "--for", "1h30m", "--reason", "ticket 4711")
    assert told.code == 0 and "is suspended until" in told.out
    (row,) = [row for row in house("site", "list", "--json").rows if "new.test" in row["site"]]
    assert row["suspended_until"] == pytest.approx(time.time() + 5400, abs=20)
    shown = house("site", "show", "mx.new.test,mx2.new.test").out
    assert "by an operator" in shown and "ticket 4711" in shown and "nothing is sent for" in shown


def test_what_an_automation_decided_is_told_and_ended(house: Cli) -> None:
    now = time.time()
    rest = Rest(SITE, SUSPEND, "", now + 900, now, "421 4.7.0 [TSS04]", "yahoo-deferred", 2)
    with connect(store_url()) as conn, conn.transaction():
        sites.add_rests(conn, [rest])
    assert "automation yahoo-deferred, time 2" in house("site", "show", SITE).out
    assert "suspended until" in house("site", "list").out
    assert house("site", "resume", SITE, "--json").rows == [{"site": SITE, "ended": 1}]
    assert house("site", "resume", SITE).out == f"{SITE} goes on; ended: 0 decisions.\n"
    with connect(store_url()) as conn:
        assert [(nudge.kind, nudge.detail) for nudge in workers.nudges(conn, 0)] == [(RESUME, SITE)] * 2
        assert sites.rests_since(conn, now) == []


SPANS = {"30m": 1800, "2h": 7200, "1d12h": 129_600, "90s": 90, "30d": 2_592_000}


@pytest.mark.parametrize(("text", "seconds"), SPANS.items())
def test_spans(house: Cli, text: str, seconds: int) -> None:
    (row,) = house("site", "suspend", SITE, "--for", text, "--json").rows
    assert row["suspended_until"] == pytest.approx(time.time() + seconds, abs=20)


@pytest.mark.parametrize("text", ["", "0s", "5", "1h 30m", "-1h", "31d", "1w", "99999999s", "h"])
def test_a_span_that_is_none(house: Cli, text: str) -> None:
    answer = house("site", "suspend", SITE, "--for", text)
    assert answer.code == 2 and "is not a span such as 30m, 2h or 1d12h, up to 30d" in answer.err


def test_names_that_lead_nowhere(house: Cli) -> None:
    Path("posthouse.toml").write_text('[dns]\nservers = ["127.0.0.1:1"]\n')
    answer = house("site", "show", "unknown.test")
    assert answer.code == 1 and answer.err.count("\n") == 1, answer
    assert house("site", "show", "not a name").code == 1


def test_settings_and_the_operators_file_count(house: Cli) -> None:
    Path("own.toml").write_text('[[site]]\nname = "g"\nmx = ["good.test"]\nmessages_per_second = 3\n')
    Path("posthouse.toml").write_text('[delivery]\nshaping = "own.toml"\nconnections = 4\n')
    story = house("site", "show", "mx9.good.test,mx8.good.test", "--json").rows[0]
    assert story["origin"].endswith("own.toml: [[site]] g; settings: delivery.connections")
    assert (story["limits"]["connections"], story["limits"]["messages_per_second"]) == (4, 3)
    assert f"own.toml: {len(BUILT_IN.sites) + 1} sites, " in house("check").out
    Path("own.toml").write_text("[default]\nconnections = 0\n")
    for words in (["check"], ["site", "show", SITE]):
        answer = house(*words)
        assert answer.code and "own.toml: [default]: connections must be a number" in answer.out + answer.err


def test_the_shell_completes_site_names(house: Cli) -> None:
    from posthouse.cli.names import site_names

    assert site_names(None, "mx1") == [SITE]  # type: ignore[arg-type]
    assert site_names(None, "nothing") == []  # type: ignore[arg-type]
