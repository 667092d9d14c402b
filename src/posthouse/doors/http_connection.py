"""One HTTP connection with limits: uvicorn itself waits for ever for a request, reads a head of any size, and
counts connections only when they ask.

A head must come in half a minute. A body may take longer as long as it comes at the least rate of the SMTP
door, so that a large attachment passes a slow line. A body that comes after the answer is read and thrown
away, or its client would never see the answer; but not for ever.

Public: HttpConnection, MOST_CONNECTIONS.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_CONNECTIONS = 1000
REQUEST_S = 30.0  # from the connection, or the first byte of a later request, to the end of its head
LEAST_BYTES_S = 500.0  # of a body, counted after REQUEST_S
MOST_REQUEST_S = 3600.0
MOST_HEAD_BYTES = 64 * 1024
MOST_THROWN_BYTES = 64 * 1024 * 1024
_TOO_LARGE = f"The head of a request may have {MOST_HEAD_BYTES} bytes.\n"
_HEAD_TOO_LARGE = (
    "HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
    f"content-length: {len(_TOO_LARGE)}\r\nconnection: close\r\n\r\n{_TOO_LARGE}"
).encode()
STUCK_S = 60.0  # a client that takes nothing of an answer for so long


class HttpConnection(HttpToolsProtocol):
    """Who sends no whole request in time, or too much of a head, or comes as one too many, is cut off."""

    _deadline: asyncio.TimerHandle | None = None
    _begun_at = 0.0
    _octets = 0  # of this request
    _body_octets = 0
    _thrown_octets = 0
    _is_in_head = True
    _unsent = 0
    _stuck: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()
        else:
            self._wait_for_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        if self._stuck is not None:
            self._stuck.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._octets += len(data)
        super().data_received(data)
        # chunked bodies have lines of their own, and fields behind their end (RFC 9112 7.1)
        if self._octets - 2 * self._body_octets > MOST_HEAD_BYTES and not self.transport.is_closing():
            self._refuse_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._wait_for_request()

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        _judge(self.parser.get_http_version(), self.url, self.headers)
        super().on_headers_complete()
        self.headers = []  # fields behind a chunked body are no fields of the request

    def on_body(self, body: bytes) -> None:
        self._body_octets += len(body)
        if self.cycle.response_complete:
            self._thrown_octets += len(body)
            if self._thrown_octets > MOST_THROWN_BYTES:
                self.transport.abort()
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._stop_waiting()
        self._is_in_head, self._octets, self._body_octets, self._thrown_octets = True, 0, 0, 0

    def _refuse_head(self) -> None:
        """RFC 6585 5, unless an answer is under way: the client would take this for its rest."""
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if is_answering or not self._is_in_head:
            self.transport.abort()
        else:
            self.transport.write(_HEAD_TOO_LARGE)
            self.transport.close()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stuck is None:
            self._unsent = self.transport.get_write_buffer_size()
            self._stuck = self.loop.call_later(STUCK_S, self._look_at_unsent)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None

    def _look_at_unsent(self) -> None:
        unsent = self.transport.get_write_buffer_size()
        if unsent >= self._unsent:
            self.transport.abort()
        else:
            self._unsent = unsent
            self._stuck = self.loop.call_later(STUCK_S, self._look_at_unsent)

    def timeout_keep_alive_handler(self) -> None:
        """As uvicorn's own, but an answer that is still being taken may go on."""
        if self._stuck is not None:
            return
        if self.transport.get_write_buffer_size():
            self.transport.abort()  # closing would wait for a client that takes nothing
        else:
            super().timeout_keep_alive_handler()

    def _wait_for_request(self) -> None:
        self._stop_waiting()
        self._begun_at = self.loop.time()
        self._deadline = self.loop.call_later(REQUEST_S, self._look)

    def _look(self) -> None:
        """Cut it off, or look again when what came meanwhile is used up."""
        spent_s = self.loop.time() - self._begun_at
        may_take_s = min(MOST_REQUEST_S, REQUEST_S + self._body_octets / LEAST_BYTES_S)
        if self._is_in_head or spent_s >= may_take_s:
            self.transport.abort()
        else:
            self._deadline = self.loop.call_later(max(1.0, may_take_s - spent_s), self._look)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _judge(version: str, url: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    """A head that two programs could read in two ways, or one that came whole but is too large. Raises
    ValueError, which is answered 400."""
    if len(url) + sum([len(name) + len(value) for name, value in headers]) > MOST_HEAD_BYTES:
        raise ValueError("too large a head")
    if version == "0.9":
        raise ValueError("no version of HTTP")  # it has no fields, and its answers no status
    if version == "1.1" and sum([name == b"host" for name, _ in headers]) != 1:
        raise ValueError("not one Host field")  # RFC 9112 3.2
    for name, value in headers:
        if name == b"transfer-encoding" and value.strip().lower() != b"chunked":
            raise ValueError("a transfer coding that is not known here")  # RFC 9112 6.1
