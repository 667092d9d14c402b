"""doors.http_connection: what a client may cost before it has asked for anything."""

from __future__ import annotations

import asyncio
from typing import Any
from unittest.mock import Mock

import pytest
import uvicorn
from uvicorn.server import ServerState

from posthouse.doors.http_connection import MOST_CONNECTIONS, MOST_HEAD_BYTES, HttpConnection

REQUEST = b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"


class Scene:
    """A connection on a transport and a loop that only note what is done to them."""

    def __init__(self, others: int = 0) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None: ...

        config = uvicorn.Config(app, http=HttpConnection, ws="none", lifespan="off", log_config=None)
        config.load()
        state = ServerState()
        state.connections |= {Mock() for _ in range(others)}
        self.loop = Mock()
        self.loop.create_task = lambda work, **_: work.close() or Mock()
        self.loop.call_later.side_effect = lambda *_: Mock()
        self.transport = Mock(spec=asyncio.Transport)
        self.transport.get_extra_info.return_value = None
        self.connection = HttpConnection(config, state, {}, self.loop)
        self.connection.connection_made(self.transport)

    def feed(self, data: bytes) -> None:
        self.connection.data_received(data)

    @property
    def waits(self) -> bool:
        return self.connection._deadline is not None

    @property
    def is_cut(self) -> bool:
        return bool(self.transport.abort.called)


def test_a_whole_request_must_come_in_time() -> None:
    scene = Scene()
    seconds, cut = scene.loop.call_later.call_args.args
    assert seconds == 30 and cut == scene.transport.abort
    scene.feed(REQUEST[:-2])
    assert scene.waits
    scene.feed(REQUEST[-2:])
    assert not scene.waits and not scene.is_cut
    scene.feed(b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nab")
    assert scene.waits
    scene.feed(b"cde")
    assert not scene.waits


def test_nothing_waits_for_who_is_gone() -> None:
    scene = Scene()
    scene.connection.connection_lost(None)
    assert not scene.waits


@pytest.mark.parametrize("octets", [MOST_HEAD_BYTES - 1000, MOST_HEAD_BYTES + 1000])
def test_a_head_has_a_limit(octets: int) -> None:
    scene = Scene()
    scene.feed(b"GET / HTTP/1.1\r\nX: ")
    for _ in range(octets // 1000):
        scene.feed(b"x" * 1000)
    assert scene.is_cut is (octets > MOST_HEAD_BYTES)


def test_the_limit_is_for_heads_and_not_for_bodies() -> None:
    scene = Scene()
    scene.feed(b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 200000\r\n\r\n" + b"x" * 100_000)
    scene.feed(b"x" * 100_000)
    assert not scene.is_cut and not scene.waits


@pytest.mark.parametrize(("others", "is_cut"), [(MOST_CONNECTIONS - 1, False), (MOST_CONNECTIONS, True)])
def test_one_too_many_is_cut_off(others: int, is_cut: bool) -> None:
    scene = Scene(others)
    assert scene.is_cut is is_cut and scene.waits is not is_cut
