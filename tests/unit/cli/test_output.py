"""Printing: plain columns, harmless texts, spans; and the bookkeeping of `events --follow`."""

from __future__ import annotations

import pytest

from posthouse.cli.events import Recent
from posthouse.cli.output import Output, span, visible, when
from posthouse.doors.status_page import span_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ü 漢", "plain ü 漢"),
        ("\x1b[31m", "\\x1b[31m"),
        ("a\r\nb\tc", "a\\r\\nb\\tc"),
        ("\u202eabc", "\\u202eabc"),
        ("\x9b0m", "\\x9b0m"),
    ],
)
def test_no_text_can_steer_a_terminal(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    ("seconds", "short", "long"),
    [
        (0, "0s", "0 s"),
        (75, "1m15s", "1 min 15 s"),
        (5400, "1h30m", "1 h 30 min"),
        (90061, "1d1h", "1 d 1 h"),
    ],
)
def test_spans(seconds: float, short: str, long: str) -> None:
    assert span(seconds) == short
    assert span_text(seconds) == long


def test_instants_are_utc() -> None:
    assert when(1_700_000_000.0) == "2023-11-14 22:13:20Z"
    assert when(None) == when(0) == "-"


def test_plain_columns_are_aligned_and_not_cut(capsys: pytest.CaptureFixture[str]) -> None:
    Output(False).table(["A", "B"], [["x", "y" * 300], ["long", "z"]], "none")
    assert capsys.readouterr().out == "A     B\nx     " + "y" * 300 + "\nlong  z\n"
    Output(False).table(["A"], [], "none")
    assert capsys.readouterr().out == "none\n"


def test_rich_tables_take_brackets_literally(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    Output(False).table(["SUBJECT"], [["[bold]x[/bold]"], ["[/"]], "none")
    shown = capsys.readouterr().out
    assert "[bold]x[/bold]" in shown
    assert "[/" in shown


def row(number: int) -> dict[str, object]:
    return {"id": f"{number:026}"}


def test_followed_events_are_printed_once_even_when_they_appear_late() -> None:
    recent = Recent(f"{1:026}", [row(1), row(3)])
    assert recent.fresh([row(2), row(3)]) == [row(2)]
    assert recent.fresh([row(2), row(3)]) == []
    recent.settle(f"{2:026}")
    assert recent.after_id == f"{2:026}"
    assert recent.fresh([row(3), row(4)]) == [row(4)]
    recent.settle("0")
    assert recent.after_id == f"{2:026}", "never back"
