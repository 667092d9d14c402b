"""`posthouse dev`: its settings file, its user, and what it prints (issue item 9)."""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path

import dns.message
import pytest

from posthouse.cli import dev, world
from posthouse.cli.house import House
from posthouse.config import Endpoint
from posthouse.desk.identity import load_identity
from posthouse.internet.world import World
from posthouse.store.engine import connect


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "var" / "dev"


def test_the_sandbox_captures_on_high_ports(directory: Path) -> None:
    settings = dev.prepared_settings(directory, captures=True, world={})
    assert settings.smtp.listen == (Endpoint("127.0.0.1", 2525),)
    assert settings.smtp.listen_tls == (Endpoint("127.0.0.1", 4650),)
    assert settings.http.listen == (Endpoint("127.0.0.1", 8025),)
    assert settings.delivery.capture is True
    assert settings.state_dir == directory
    assert settings.store.url == f"sqlite:///{directory}/posthouse.db"


def test_the_world_changes_where_mail_goes(directory: Path) -> None:
    world = {
        "dns": {"servers": ["127.0.0.1:5353"]},
        "delivery": {"port": 2626, "private_networks": "allow", "retry_s": [5, 15]},
    }
    settings = dev.prepared_settings(directory, captures=False, world=world)
    assert settings.delivery.capture is False
    assert settings.delivery.port == 2626
    assert settings.delivery.retry_s == (5.0, 15.0)
    assert settings.dns.servers == (Endpoint("127.0.0.1", 5353),)


def test_environment_overrides_the_sandbox_too(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTHOUSE_SMTP__LISTEN", "127.0.0.1:7777")
    assert dev.prepared_settings(directory, captures=True, world={}).smtp.listen[0].port == 7777


def test_every_start_prints_a_password_that_works(directory: Path) -> None:
    house = House(dev.prepared_settings(directory, captures=True, world={}))
    password = dev.sandbox_user(house, directory)
    assert dev.sandbox_user(house, directory) == password
    file = directory / "password"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.unlink()
    renewed = dev.sandbox_user(house, directory)
    assert renewed != password
    with connect(house.settings.store.url) as conn:
        seen = load_identity(conn, "us", -1, 0.0)
    assert seen is not None
    assert seen.sign_ins.users[dev.LOGIN].secret_hash == house.installation.secret_hash(renewed)
    assert seen.sign_ins.users[dev.LOGIN].principal.verified is True


def test_a_new_installation_key_makes_a_new_password(directory: Path) -> None:
    house = House(dev.prepared_settings(directory, captures=True, world={}))
    password = dev.sandbox_user(house, directory)
    (directory / "installation.key").unlink()
    assert dev.sandbox_user(house, directory) != password


def test_what_is_printed_can_be_pasted(directory: Path) -> None:
    settings = dev.prepared_settings(directory, captures=True, world={})
    text = dev.ready_text(settings, directory, "pass-word", "captured")
    assert "swaks --auth --server 127.0.0.1:2525 --au dev@sandbox.posthouse.test --ap pass-word \\\n" in text
    assert "http://127.0.0.1:8025/" in text
    assert "--config var/dev/posthouse.toml" in text
    snippet = text.partition("With Python:\n\n")[2].partition("\n\nWhat happened")[0]
    compile("\n".join(line[2:] for line in snippet.split("\n")), "snippet", "exec")


def test_the_file_is_toml(directory: Path) -> None:
    values = {"": {"region": "us"}, "smtp": {"hide_client": True, "listen": ['a"b\\', "ü"], "idle_s": 1.5}}
    assert tomllib.loads(dev.toml_text(values)) == {"region": "us", "smtp": values["smtp"]}


def test_records_of_ones_own_are_served_and_a_broken_file_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pretended = World.default()
    file = tmp_path / "zone.txt"
    world._load(pretended, file, '$ORIGIN shop.test.\n@ IN TXT "hello"')
    question = dns.message.make_query("shop.test", "TXT").to_wire()
    answer = pretended.dns.respond(question, is_tcp=True)
    assert answer is not None and b"hello" in answer
    world._load(pretended, file, "shop.test TXT (")
    assert "zone.txt is no zone text, what it said before stays" in capsys.readouterr().err
    assert pretended.dns.respond(question, is_tcp=True) == answer
