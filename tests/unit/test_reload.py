"""New settings under a running supervisor: taken whole or not at all."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from posthouse.config import Settings, settings_from
from posthouse.model.errors import SettingsError
from posthouse.net.listen import open_socket
from posthouse.startup import open_all
from posthouse.supervisor import Supervisor

Given = dict[str, Any]


def free() -> str:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{found.getsockname()[1]}"


def settings(folder: Path, **families: Any) -> Settings:
    return settings_from({"state_dir": ".", **families}, base=folder, environ={})


class Scene:
    """A supervisor that has not begun, and the settings that it will read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.smtp, self.http = free(), free()
        self.supervisor = Supervisor(self.settings(), [])
        self.supervisor.listening = open_all(self.supervisor.settings)

    def settings(self, **smtp: Any) -> Settings:
        given: Given = {"listen": [self.smtp], "listen_tls": [], "hostname": "old.test"} | smtp
        return settings(self.folder, smtp=given, http={"listen": [self.http]})

    def take(self, fresh: Callable[[], Settings]) -> list[str]:
        """Reload; the places where it listens now."""
        self.supervisor._take_settings(fresh)
        return self.places()

    def places(self) -> list[str]:
        names = [door.socket.getsockname() for door in self.supervisor.listening]
        return [f"{host}:{port}" for host, port in names]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    for door in made.supervisor.listening:
        door.socket.close()


def test_F64_new_settings_are_taken_and_sockets_stay(scene: Scene) -> None:
    before = list(scene.supervisor.listening)
    scene.take(lambda: scene.settings(hostname="new.test"))
    assert scene.supervisor.settings.smtp.hostname == "new.test"
    assert scene.supervisor.listening == before


def test_F64_sockets_come_and_go(scene: Scene) -> None:
    old, new = scene.smtp, free()
    kept = scene.supervisor.listening[1]
    assert scene.take(lambda: scene.settings(listen=[new])) == [new, scene.http]
    assert scene.supervisor.listening[1] is kept
    host, _, port = old.rpartition(":")
    open_socket(host, int(port), "x").close()  # the old one is free again


def _wrong() -> Settings:
    raise SettingsError("posthouse.toml: smtp.hostnam is not a setting")


def _breaks() -> Settings:
    raise OSError("the disk is gone")


@pytest.mark.parametrize("fresh", [_wrong, _breaks])
def test_F64_wrong_settings_change_nothing(scene: Scene, fresh: Callable[[], Settings]) -> None:
    before = scene.supervisor.settings
    assert scene.take(fresh) == [scene.smtp, scene.http]
    assert scene.supervisor.settings is before


def test_F64_a_taken_port_changes_nothing(scene: Scene) -> None:
    other, taken = free(), open_socket("127.0.0.1", 0, "x")
    with taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        now = scene.take(lambda: scene.settings(hostname="new.test", listen=[other, place]))
    assert now == [scene.smtp, scene.http]
    assert scene.supervisor.settings.smtp.hostname == "old.test"
    host, _, port = other.rpartition(":")
    open_socket(host, int(port), "x").close()


def test_F64_a_broken_certificate_changes_nothing(scene: Scene, tmp_path: Path) -> None:
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("hello")
    pair = {"tls_cert": str(tmp_path / "cert.pem"), "tls_key": str(tmp_path / "key.pem")}
    scene.take(lambda: scene.settings(hostname="new.test", **pair))
    assert scene.supervisor.settings.smtp.hostname == "old.test"


def test_F64_the_store_stays_until_a_restart(scene: Scene, tmp_path: Path) -> None:
    def fresh() -> Settings:
        given = {"listen": [scene.smtp], "listen_tls": [], "hostname": "new.test"}
        store = {"url": "sqlite:///elsewhere.db"}
        return settings(tmp_path, smtp=given, http={"listen": [scene.http]}, store=store)

    before = scene.supervisor.settings
    scene.take(fresh)
    assert scene.supervisor.settings.smtp.hostname == "new.test"
    assert scene.supervisor.settings.store == before.store


def test_a_port_may_begin_to_take_returned_mail_and_end_it(scene: Scene) -> None:
    port = int(scene.smtp.rpartition(":")[2])
    before = scene.supervisor.listening[0].socket

    def fresh(number: int) -> Settings:
        given: Given = {"listen": [scene.smtp], "listen_tls": [], "hostname": "old.test"}
        return settings(scene.folder, smtp=given, http={"listen": [scene.http]}, returns={"port": number})

    for number, speaks in ((port, "mx"), (0, "smtp")):
        scene.take(lambda number=number: fresh(number))  # type: ignore[misc]
        door = scene.supervisor.listening[0]
        assert (door.speaks, door.socket) == (speaks, before)
        assert before.fileno() >= 0, "the socket stays open"
