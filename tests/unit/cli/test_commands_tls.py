"""`posthouse tls-report`: what was counted, and the report as it goes out."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from posthouse.model.trust import NO_POLICY, TlsCheck
from posthouse.store import tls_results
from posthouse.store.engine import connect
from unit.cli.calling import Cli, caller

PLAIN = TlsCheck(NO_POLICY, "good.test")
FAILED = TlsCheck(NO_POLICY, "good.test", "starttls-not-supported", mx="mx\x1b[31m.good.test")


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    call = caller(tmp_path, monkeypatch, capsys)
    assert call("domain", "add", "example.com", "--assume-verified").code == 0
    with connect(f"sqlite:///{tmp_path}/var/posthouse.db") as conn, conn.transaction():
        today = int(time.time() // 86400)
        tls_results.add(conn, {(today, "good.test", PLAIN): 3, (today, "good.test", FAILED): 2})
    return call


def test_days_are_listed(house: Cli) -> None:
    (row,) = house("tls-report", "list", "--json").rows
    assert (row["domain"], row["sessions"], row["failures"]) == (
        "good.test",
        5,
        {"starttls-not-supported": 2},
    )
    assert "starttls-not-supported 2" in house("tls-report", "list").out


def test_a_report_is_shown_as_it_would_go(house: Cli) -> None:
    (report,) = house("tls-report", "show", "GOOD.test.", "--json").rows
    (policy,) = report["policies"]
    assert policy["summary"] == {"total-successful-session-count": 3, "total-failure-session-count": 2}
    shown = house("tls-report", "show", "good.test").out
    assert "\x1b" not in shown and json.loads(shown) == report


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["other.test"], "There was no connection for other.test on "),
        (["good.test", "--day", "yesterday"], "'yesterday' is no day; write it as 2026-11-26"),
        (["a b"], "Not a domain: "),
    ],
)
def test_what_cannot_be_shown(house: Cli, words: list[str], sentence: str) -> None:
    answer = house("tls-report", "show", *words)
    assert answer.code == 1 and sentence in answer.err
