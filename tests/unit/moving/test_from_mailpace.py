"""What a MailPace customer has comes along from files, and the token stays (MP-04)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from unit.cli.calling import Cli
from unit.moving.moves import Move, came, mover, rows_of, there

TOKEN = "3f2b8c1e-1111-4222-8333-123456789abc"


@pytest.fixture
def cli_and_move(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[Cli, Move]:
    call, move = mover(tmp_path, monkeypatch, capsys)
    assert call("domain", "add", "other.example.org").code == 0
    return call, move


def test_MP_04_lists_webhooks_domains_and_the_token_come(
    cli_and_move: tuple[Cli, Move], tmp_path: Path
) -> None:
    call, move = cli_and_move
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "blocked.csv").write_text("gone@x.test\nold@x.test\n")
    (folder / "allow list.csv").write_text("boss@x.test\n")
    (folder / "webhooks.json").write_text(
        json.dumps([{"url": "https://h.test/", "events": ["email.delivered", "email.bounced"]}])
    )
    (tmp_path / "token").write_text(TOKEN)
    words = ("mailpace", "exports", "--domain", "mail.example.com", "--given-key", "token")
    dry = move(*words, "--dry-run")
    report = move(*words)
    expected = {"domains": 1, "webhooks": 1, "api_keys": 1, "suppressions": 2, "allowed": 1}
    assert came(report) == came(dry) == expected
    assert there(move(*words)) == expected
    (token,) = rows_of(call, "token", "list")
    assert token["domain"] == "mail.example.com"
    assert TOKEN not in json.dumps(report)


def test_a_token_needs_its_domain(cli_and_move: tuple[Cli, Move], tmp_path: Path) -> None:
    call, _ = cli_and_move
    (tmp_path / "token").write_text(TOKEN)
    answer = call("import", "mailpace", "--given-key", "token")
    assert answer.code == 1 and "--domain" in answer.err
