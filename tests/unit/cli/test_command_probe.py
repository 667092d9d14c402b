"""`posthouse probe` in plain words (W-02, W-04); tests/house/test_tester.py asks a running house."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from unit.cli.calling import Cli, caller

SECRET = "Marker-7731-Sesame"


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    return caller(tmp_path, monkeypatch, capsys)


@pytest.fixture
def closed() -> Iterator[int]:
    """A port where nobody listens, kept from others."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_W_02_the_conversation_and_its_meaning_are_printed(call: Cli, closed: int) -> None:
    answer = call("probe", f"127.0.0.1:{closed}")
    assert answer.code == 1 and f"** Connecting to 127.0.0.1 port {closed}" in answer.out
    assert f"nothing listens on its port {closed}" in answer.out and "{" not in answer.out


def test_W_02_the_json_form_is_one_value(call: Cli, closed: int) -> None:
    answer = call("probe", f"127.0.0.1:{closed}", "--json")
    (row,) = answer.rows
    assert (answer.code, row["ok"], row["end"]["fault"]) == (1, False, "no-listener")
    assert [each["word"] for each in row["advice"]] == ["no-listener"]


def test_S22_a_password_from_input_is_printed_nowhere(call: Cli, closed: int) -> None:
    words = ("--user", "app@shop.test", "--password-file", "-")
    answer = call("probe", f"127.0.0.1:{closed}", *words, "--json", given=f"{SECRET}\n".encode())
    assert SECRET not in answer.out + answer.err and json.loads(answer.out)["end"]["step"] == "connect"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("127.0.0.1:x",), "The port is a number"),
        (("a b:25",), "The host is a name"),
        (("mx.test", "--security", "ssl"), "none, starttls, tls"),
        (("mx.test", "--to", "ann@good.test"), "`from`"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(call: Cli, words: tuple[str, ...], said: str) -> None:
    answer = call("probe", *words)
    assert answer.code == 1 and said in answer.err
