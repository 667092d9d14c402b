"""`posthouse trust`: bad names, routes, nobody to ask; the rest is in the whole-house tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from unit.cli.calling import Cli, caller

NOBODY = "[dns]\nservers = ['127.0.0.1:9']\n"  # where no name server is


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    return caller(tmp_path, monkeypatch, capsys)


@pytest.mark.parametrize("name", ["not a name", "a..b", "-", "x" * 300])
def test_what_is_no_domain_is_told(cli: Cli, name: str) -> None:
    answer = cli("trust", name) if not name.startswith("-") else cli("trust", "--", name)
    assert answer.code != 0
    assert "is not a domain" in answer.err


def test_a_static_route_is_the_operators_word(cli: Cli) -> None:
    Path("posthouse.toml").write_text(
        "[[delivery.route]]\ndomain = '*'\nhost = '127.0.0.1'\nport = 2600\n" + NOBODY
    )
    answer = cli("trust", "Example.COM.")
    assert answer.code == 0
    assert "a static route decides" in answer.out
    assert "static route of the operator; TLS if offered" in answer.out
    (told,) = cli("trust", "example.com", "--json").rows
    assert (told["domain"], told["is_route"], told["published"]) == ("example.com", True, None)
    assert told["site"] == "127.0.0.1:2600" and "SITE      127.0.0.1:2600\n" in answer.out


def test_nobody_answers(cli: Cli) -> None:
    Path("posthouse.toml").write_text(NOBODY)
    answer = cli("trust", "example.com")
    assert answer.code == 1
    assert "DNS lookup of example.com (MX) failed" in answer.err


def test_a_file_of_authorities_that_cannot_be_used(cli: Cli) -> None:
    Path("ca.pem").write_text("nothing")
    Path("posthouse.toml").write_text(NOBODY + "[delivery]\ntls_ca = 'ca.pem'\n")
    answer = cli("trust", "example.com")
    assert answer.code == 2
    assert "ca.pem cannot be used: it holds no PEM certificate" in answer.err
