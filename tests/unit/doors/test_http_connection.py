"""doors.http_connection: what a client may cost before it has asked for anything."""

from __future__ import annotations

import asyncio
from typing import Any
from unittest.mock import Mock

import pytest
import uvicorn
from uvicorn.server import ServerState

from posthouse.doors.http_connection import (
    MOST_CONNECTIONS,
    MOST_HEAD_BYTES,
    MOST_THROWN_BYTES,
    HttpConnection,
)

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
        self.now = 1000.0
        self.timers: list[tuple[float, Any, Any]] = []
        self.loop.create_task = lambda work, **_: work.close() or Mock()
        self.loop.call_later.side_effect = self._later
        self.loop.time.side_effect = lambda: self.now
        self.transport = Mock(spec=asyncio.Transport)
        self.transport.get_extra_info.return_value = None
        self.transport.is_closing.side_effect = lambda: self.is_cut or self.transport.close.called
        self.connection = HttpConnection(config, state, {}, self.loop)
        self.connection.connection_made(self.transport)

    def _later(self, seconds: float, call: Any) -> Any:
        timer = Mock()
        self.timers.append((self.now + seconds, call, timer))
        return timer

    def feed(self, data: bytes) -> None:
        self.connection.data_received(data)

    def pass_time(self, seconds: float) -> None:
        """What is due by then happens in order."""
        end = self.now + seconds
        while due := [each for each in self.timers if each[0] <= end]:
            first = min(due, key=lambda each: each[0])
            self.timers.remove(first)
            self.now, call, timer = first
            if not timer.cancel.called:
                call()
        self.now = end

    @property
    def waits(self) -> bool:
        return self.connection._deadline is not None

    @property
    def is_cut(self) -> bool:
        return bool(self.transport.abort.called)

    @property
    def said(self) -> bytes:
        return b"".join(call.args[0] for call in self.transport.write.call_args_list)


def test_a_whole_request_must_come_in_time() -> None:
    scene = Scene()
    scene.pass_time(29)
    scene.feed(REQUEST[:-2])
    scene.pass_time(29)
    assert scene.waits and not scene.is_cut
    scene.feed(REQUEST[-2:])
    assert not scene.waits and not scene.is_cut
    scene.feed(b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nab")
    assert scene.waits
    scene.feed(b"cde")
    assert not scene.waits


def test_who_sends_a_head_slowly_is_cut_off() -> None:
    scene = Scene()
    for octet in REQUEST[:20]:
        scene.feed(bytes([octet]))
        scene.pass_time(2)
    assert scene.is_cut


def test_a_body_may_come_slowly_but_not_slower_than_the_least_rate() -> None:
    scene = Scene()
    scene.feed(b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000000\r\n\r\n")
    for _ in range(120):
        scene.feed(b"x" * 600)
        scene.pass_time(1)
    assert not scene.is_cut
    for _ in range(500):
        scene.feed(b"x" * 100)
        scene.pass_time(1)
    assert scene.is_cut


def test_a_request_has_an_hour_at_most() -> None:
    scene = Scene()
    scene.feed(b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000000\r\n\r\n")
    for minute in range(61):
        assert scene.is_cut is (minute == 60)
        scene.feed(b"x" * 100_000)
        scene.pass_time(60)


@pytest.mark.parametrize(
    "line",
    [b"5;" + b"x" * 1000, b"0\r\n" + b"X: y\r\n" * 200],
    ids=["extensions of chunks", "fields behind the body"],
)
def test_what_stands_between_and_behind_chunks_has_a_limit(line: bytes) -> None:
    scene = Scene()
    scene.feed(b"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n")
    for number in range(100):
        scene.feed(line if number == 0 else b"X: y\r\n" * 200 if line[:1] == b"0" else b"x" * 1000)
    assert scene.is_cut


def test_fields_behind_the_body_are_no_fields_of_the_request() -> None:
    scene = Scene()
    scene.feed(b"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n")
    scene.feed(b"1\r\nx\r\n0\r\nAuthorization: Bearer x\r\n\r\n")
    names = [name for name, _ in scene.connection.scope["headers"]]
    assert names == [b"host", b"transfer-encoding"] and not scene.waits


@pytest.mark.parametrize(
    ("head", "is_refused"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n\r\n", True),
        (b"GET / HTTP/1.0\r\n\r\n", False),
        (REQUEST, False),
    ],
    ids=["none", "two", "HTTP/1.0 needs none", "one"],
)
def test_a_request_names_one_host(head: bytes, is_refused: bool) -> None:
    scene = Scene()
    scene.feed(head)
    said = _said(scene)
    assert said.startswith(b"HTTP/1.1 400") is is_refused


@pytest.mark.parametrize(
    ("coding", "is_refused"),
    [(b"chunked", False), (b"Chunked", False), (b"gzip, chunked", True), (b"identity, chunked", True)],
)
def test_S24_a_body_has_no_coding_that_is_not_undone(coding: bytes, is_refused: bool) -> None:
    scene = Scene()
    scene.feed(b"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: " + coding + b"\r\n\r\n0\r\n\r\n")
    assert _said(scene).startswith(b"HTTP/1.1 400 ") is is_refused


def test_S24_a_line_without_a_version_is_no_request() -> None:
    scene = Scene()
    scene.feed(b"GET /\r\n\r\n")
    assert _said(scene).startswith(b"HTTP/1.1 400 ")


def _said(scene: Scene) -> bytes:
    return b"".join(call.args[0] for call in scene.transport.write.call_args_list)


def test_a_client_that_takes_no_answer_is_cut_off_and_a_slow_one_is_not() -> None:
    scene = Scene()
    scene.connection._stop_waiting()
    unsent = scene.transport.get_write_buffer_size
    unsent.return_value = 1_000_000
    scene.connection.pause_writing()
    for _ in range(5):
        unsent.return_value -= 50_000
        scene.pass_time(60)
    scene.connection.timeout_keep_alive_handler()
    assert not scene.is_cut
    scene.pass_time(60)
    assert scene.is_cut


def test_nothing_is_looked_at_once_an_answer_is_taken() -> None:
    scene = Scene()
    scene.connection._stop_waiting()
    scene.connection.pause_writing()
    scene.connection.resume_writing()
    scene.pass_time(1000)
    assert not scene.is_cut
    scene.transport.get_write_buffer_size.return_value = 1
    scene.connection.timeout_keep_alive_handler()
    assert scene.is_cut


def test_a_body_behind_an_early_answer_is_thrown_away_up_to_a_limit() -> None:
    scene = Scene()
    scene.feed(b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000000000\r\n\r\n")
    scene.connection.cycle.response_complete = True
    for _ in range(MOST_THROWN_BYTES // 1_000_000):
        scene.feed(b"GET /second HTTP/1.1\r\n\r\n".ljust(1_000_000))
    assert not scene.is_cut and scene.connection.url == b"/"
    scene.feed(bytes(1_000_000))
    assert scene.is_cut


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
    assert scene.transport.close.called is (octets > MOST_HEAD_BYTES)
    assert scene.said.startswith(b"HTTP/1.1 431 ") is (octets > MOST_HEAD_BYTES)
    assert not scene.is_cut


def test_a_head_that_comes_whole_has_the_limit_too() -> None:
    scene = Scene()
    scene.feed(b"GET / HTTP/1.1\r\nHost: a.test\r\nX: " + b"x" * MOST_HEAD_BYTES + b"\r\n\r\n")
    assert scene.said.startswith(b"HTTP/1.1 400 ") and scene.transport.close.called
    assert scene.connection.cycle is None and not scene.is_cut


def test_a_head_too_large_behind_a_request_that_is_not_answered_is_cut_off() -> None:
    scene = Scene()
    scene.feed(REQUEST)
    scene.feed(b"GET / HTTP/1.1\r\nX: ".ljust(MOST_HEAD_BYTES + 1000, b"x"))
    assert scene.is_cut and not scene.said


def test_the_limit_is_for_heads_and_not_for_bodies() -> None:
    scene = Scene()
    scene.feed(b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 200000\r\n\r\n" + b"x" * 100_000)
    scene.feed(b"x" * 100_000)
    assert not scene.is_cut and not scene.waits


@pytest.mark.parametrize(("others", "is_cut"), [(MOST_CONNECTIONS - 1, False), (MOST_CONNECTIONS, True)])
def test_one_too_many_is_cut_off(others: int, is_cut: bool) -> None:
    scene = Scene(others)
    assert scene.is_cut is is_cut and scene.waits is not is_cut
