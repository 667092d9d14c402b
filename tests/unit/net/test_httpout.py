"""S15: what may be posted to, and what comes of a post."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from posthouse.net import httpout
from posthouse.net.httpout import HttpOut, PrivateAddress, checked_socket, is_public, split_credentials


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "::1",
     "::ffff:127.0.0.1", "::ffff:10.0.0.1", "fe80::1%eth0", "fd00::1", "2002:7f00:1::", "64:ff9b::7f00:1",
     "224.0.0.1", "ff02::1", "255.255.255.255", "not an address", "::", "fec0::1", "::127.0.0.1",
     "::ffff:0:127.0.0.1", "64:ff9b:1::7f00:1"],
)  # fmt: skip
def test_S15_private_addresses(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::"]
)
def test_S15_public_addresses(address: str) -> None:
    assert is_public(address)


class Listener:
    """Answers every request with what it was given to say; keeps what it heard."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.heard: list[bytes] = []
        self.connections = 0
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        self.heard.append(head + await reader.readexactly(length))
        writer.write(self.answer)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def listening(answer: bytes) -> AsyncIterator[Listener]:
    listener = Listener(answer)
    server = await asyncio.start_server(listener.serve, "127.0.0.1", 0)
    listener.port = server.sockets[0].getsockname()[1]
    async with server:
        yield listener


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nfine"


async def test_MG_23_the_exact_bytes_arrive() -> None:
    async with listening(OK) as listener:
        out = HttpOut(allows_private=True)
        content = b"Subject: x\r\n\r\n\x00\xff body\r\n"
        result = await out.post(f"http://127.0.0.1:{listener.port}/archive", content, "application/mime")
        await out.close()
    assert (result.status, result.text, result.is_taken) == (200, "fine", True)
    head, _, body = listener.heard[0].partition(b"\r\n\r\n")
    assert body == content
    assert b"content-type: application/mime" in head.lower()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
async def test_S15_a_private_address_is_not_reached(host: str) -> None:
    async with listening(OK) as listener:
        out = HttpOut(allows_private=False)
        result = await out.post(f"http://{host}:{listener.port}/", b"x", "text/plain")
        await out.close()
    assert result.status == 0
    assert listener.connections == 0


async def test_S15_a_redirect_is_not_followed() -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    async with listening(moved) as listener:
        out = HttpOut(allows_private=True)
        result = await out.post(f"http://127.0.0.1:{listener.port}/", b"x", "text/plain")
        await out.close()
    assert (result.status, result.is_taken) == (302, False)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/", "nonsense", "ftp://x/", "http://[::1", "http://nowhere.invalid/"]
)
async def test_trouble_is_told_not_raised(url: str) -> None:
    out = HttpOut(allows_private=True)
    result = await out.post(url, b"x", "text/plain")
    await out.close()
    assert result.status == 0
    assert result.text


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f.1", "0177.0.0.1", "127.1", "0", "[::]", "[::127.0.0.1]"]
)
async def test_S15_odd_forms_of_an_address_lead_nowhere_else(host: str) -> None:
    async with listening(OK) as listener:
        out = HttpOut(allows_private=False)
        result = await out.post(f"http://{host}:{listener.port}/", b"x", "text/plain")
        await out.close()
    assert result.status == 0 and listener.connections == 0


async def test_S15_a_name_that_changes_its_address_is_checked_at_each_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rebinding: the first look-up gives a public address, the next one ours."""
    asked: list[str] = []
    checked: list[str] = []
    check = httpout.checked_socket

    def look_up(host: str, port: int, family: int) -> list[object]:
        asked.append(host)
        address = "192.0.2.1" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    def note(place: tuple[object, ...], *, allows_private: bool) -> socket.socket:
        checked.append(place[4][0])  # type: ignore[index]
        return check(place, allows_private=allows_private)

    monkeypatch.setattr(httpout, "_look_up", look_up)
    monkeypatch.setattr(httpout, "checked_socket", note)
    async with listening(OK) as listener:
        for _ in range(2):
            out = HttpOut(allows_private=False)
            result = await out.post(f"http://rebinds.test:{listener.port}/", b"x", "text/plain")
            await out.close()
            assert result.status == 0
    assert checked == ["192.0.2.1", "127.0.0.1"]
    assert listener.connections == 0


@pytest.mark.parametrize(
    ("port", "is_open"), [(80, True), (443, True), (1024, True), (8443, True), (25, False), (22, False)]
)
def test_S15_ports_of_other_services_are_closed(port: int, is_open: bool) -> None:
    place = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", port))
    if is_open:
        checked_socket(place, allows_private=False).close()
        return
    with pytest.raises(PrivateAddress, match=f"port {port}"):
        checked_socket(place, allows_private=False)


@pytest.mark.parametrize(
    ("url", "bare", "header"),
    [
        ("https://x.test/in", "https://x.test/in", None),
        ("https://joe:p%40ss@x.test:8443/in?a=b", "https://x.test:8443/in?a=b", "Basic am9lOnBAc3M="),
        ("https://joe@x.test/", "https://x.test/", "Basic am9lOg=="),
    ],
)
def test_user_and_password_become_a_header(url: str, bare: str, header: str | None) -> None:
    assert split_credentials(url) == (bare, {"Authorization": header} if header else {})


async def test_S22_no_error_tells_the_password() -> None:
    out = HttpOut(allows_private=True)
    for url in ("http://joe:marker-secret@127.0.0.1:1/", "http://joe:marker-secret@[::1/"):
        result = await out.post(url, b"x", "text/plain")
        assert result.status == 0 and "marker-secret" not in result.text
    await out.close()


async def test_plain_http_only_where_it_is_allowed() -> None:
    async with listening(OK) as listener:
        out = HttpOut(allows_private=True, allows_plain=False)
        result = await out.post(f"http://127.0.0.1:{listener.port}/", b"x", "text/plain")
        await out.close()
    assert (result.status, result.text) == (0, "the operator allows https only")
    assert listener.connections == 0


async def test_what_a_receiver_asks_for_is_told() -> None:
    busy = b"HTTP/1.1 429 Slow\r\nRetry-After: 90\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    async with listening(busy) as listener:
        out = HttpOut(allows_private=True)
        result = await out.post(f"http://127.0.0.1:{listener.port}/", b"x", "text/plain")
        await out.close()
    assert (result.status, result.retry_after) == (429, "90")
