"""What must hold before workers start, and the sockets that they inherit; both again at a reload.

Public: prove, kept, open_all, open_new.
"""

from __future__ import annotations

import time
from dataclasses import replace

import structlog

from posthouse.config import Endpoint, Settings
from posthouse.desk.certificates import ensure_pair
from posthouse.desk.installation import Installation
from posthouse.dialects.table import session_limits
from posthouse.doors.opening import Listening
from posthouse.model.errors import SettingsError
from posthouse.net.listen import open_socket, server_tls
from posthouse.net.roots import trusting_context
from posthouse.net.zones import ZoneDatabase
from posthouse.rules.shaping import load_shaping

log = structlog.get_logger()


def prove(settings: Settings) -> None:
    """Make or load what every worker needs, only to say now what is wrong with it. Raises SettingsError."""
    session_limits(settings.limits.connection_messages, settings.limits.address_connections)
    ZoneDatabase(settings.tracking.zones)
    trusting_context(settings.delivery.tls_ca)
    load_shaping(*filter(None, [settings.delivery.shaping]))
    Installation.load_or_make(settings.state_dir)
    smtp = settings.smtp
    ensure_pair(smtp.tls_cert, smtp.tls_key, smtp.hostname, time.time())
    server_tls(smtp.tls_cert, smtp.tls_key)


def kept(old: Settings, fresh: Settings) -> Settings:
    """The new settings, but for those that only a restart can change: each is said in the log."""
    if fresh.store != old.store or fresh.state_dir != old.state_dir:
        log.warning("store.url and state_dir change with the next restart; until then the old ones hold")
    return replace(fresh, store=old.store, state_dir=old.state_dir)


_Door = tuple[str, str, Endpoint]  # what speaks there, the setting, the place


def _doors(settings: Settings) -> list[_Door]:
    smtp = settings.smtp.listen
    doors = [("smtp" if each.port != settings.returns.port else "mx", "smtp.listen", each) for each in smtp]
    doors += [("smtps", "smtp.listen_tls", each) for each in settings.smtp.listen_tls]
    doors += [("http", "http.listen", each) for each in settings.http.listen]
    return doors + [("https", "http.listen_tls", each) for each in settings.http.listen_tls]


def open_all(settings: Settings) -> list[Listening]:
    """All sockets of the settings. Raises SettingsError."""
    return [_open(door) for door in _doors(settings)]


def open_new(listening: list[Listening], old: Settings, fresh: Settings) -> list[Listening]:
    """The sockets of the new settings; those of before stay open. Raises SettingsError, then nothing is
    opened."""
    # what speaks at a place may change, its socket stays
    before = {door[1:]: held for door, held in zip(_doors(old), listening, strict=True)}
    opened: list[Listening] = []
    try:
        for door in _doors(fresh):
            if door[1:] not in before:
                opened.append(_open(door))
                before[door[1:]] = opened[-1]
    except SettingsError:
        for made in opened:
            made.socket.close()
        raise
    return [_speaking(before[door[1:]], door[0]) for door in _doors(fresh)]


def _speaking(held: Listening, speaks: str) -> Listening:
    return held if held.speaks == speaks else replace(held, speaks=speaks)


def _open(door: _Door) -> Listening:
    speaks, setting, endpoint = door
    return Listening(open_socket(endpoint.host, endpoint.port, setting), speaks)
