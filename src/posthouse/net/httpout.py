"""HTTP POSTs to addresses that customers name, with limits: no private networks, no redirects, no waiting.

The check stands on the socket itself, after every look-up: literals, IPv4 addresses inside IPv6 ones, names
that change their address between two questions (rebinding): all pass through it (S15). A kept connection
was checked when it was made. Names are looked up by threads of our own: strangers' name servers that do not
answer hold up nobody else's work.

Public: HttpOut, PostResult, checked_socket, is_public, is_open_port, split_credentials.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import socket
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote, urlsplit, urlunsplit

from posthouse.net.unanswered import why_unanswered

if TYPE_CHECKING:
    import aiohttp
    from aiohttp.abc import AbstractResolver

_CONNECT_S = 10.0
_TOTAL_S = 60.0
_READ_BYTES = 2000
_LOOKUPS_AT_ONCE = 32
_USER_AGENT = "Posthouse"


@dataclass(frozen=True, slots=True)
class PostResult:
    """`status` 0: there was no answer, `text` says why in one line; else the beginning of the answer.
    `retry_after`: that field of the answer as it came."""

    status: int
    text: str
    retry_after: str = ""

    @property
    def is_taken(self) -> bool:
        return 200 <= self.status < 300


class PrivateAddress(OSError):
    """The name leads to an address that outsiders must not reach through us."""


class HttpOut:
    """One for each kind of posts of a worker; the connections are made at the first post. `most` and
    `most_per_host` 0: whoever posts keeps within bounds. `allows_plain`: http and not only https."""

    def __init__(
        self,
        *,
        allows_private: bool,
        allows_plain: bool = True,
        most: int = 50,
        most_per_host: int = 5,
    ) -> None:
        self._allows_private = allows_private
        self._allows_plain = allows_plain
        self._most, self._most_per_host = most, most_per_host
        self._session: aiohttp.ClientSession | None = None

    async def post(
        self,
        url: str,
        content: bytes,
        content_type: str,
        headers: Mapping[str, str] | None = None,
        *,
        total_s: float = _TOTAL_S,
    ) -> PostResult:
        """One try. Never raises for what the other side, its name or its address does. User and password in
        the URL are sent as a header and stand in no error."""
        if self._session is None:  # half a second of work: beside the loop, and only for those who post
            await asyncio.to_thread(import_module, "aiohttp")
        import aiohttp

        try:
            bare, authorization = split_credentials(url)
            if not self._allows_plain and not bare.lower().startswith("https:"):
                return PostResult(0, "the operator allows https only")
            fields = {"Content-Type": content_type, "User-Agent": _USER_AGENT, **authorization}
            fields.update(headers or {})
            limit = aiohttp.ClientTimeout(total=total_s, sock_connect=_CONNECT_S)
            session = self._open()
            async with session.post(
                bare, data=content, headers=fields, allow_redirects=False, timeout=limit
            ) as answer:
                beginning = await _beginning(answer.content)
                text = beginning.decode("utf-8", "replace")
                return PostResult(answer.status, text, answer.headers.get("Retry-After", "")[:100])
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return PostResult(0, why_unanswered(error, total_s))

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            import aiohttp

            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    socket_factory=self._socket,
                    resolver=cast("AbstractResolver", _Names()),
                    limit=self._most,
                    limit_per_host=self._most_per_host,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        return self._session

    def _socket(self, place: tuple[Any, ...]) -> socket.socket:
        return checked_socket(place, allows_private=self._allows_private)


async def _beginning(stream: aiohttp.StreamReader) -> bytes:
    """So much of an answer as is of interest; if that is all, the connection serves the next post."""
    found = bytearray()
    while len(found) < _READ_BYTES and (part := await stream.read(_READ_BYTES)):
        found += part
    return bytes(found[:_READ_BYTES])


class _Names:
    """aiohttp's resolver: the machine's own, asked by threads that do nothing else."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_LOOKUPS_AT_ONCE, thread_name_prefix="post-names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[dict[str, Any]]:
        """Raises OSError when there is no address."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, _look_up, host, port, family)
        return [
            {
                "hostname": host,
                "host": str(place[0]),
                "port": int(place[1]),
                "family": family,
                "proto": protocol,
                "flags": socket.AI_NUMERICHOST,
            }
            for family, _, protocol, _, place in found
        ]

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int, family: socket.AddressFamily) -> list[Any]:
    return socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)


def split_credentials(url: str) -> tuple[str, dict[str, str]]:
    """The URL without `user:password@`, and the header that says the same (RFC 7617). Raises ValueError."""
    if "@" not in url:
        return url, {}
    parts = urlsplit(url)
    user, at, place = parts.netloc.rpartition("@")
    if not at:
        return url, {}
    name, _, password = user.partition(":")
    word = base64.b64encode(f"{unquote(name)}:{unquote(password)}".encode()).decode()
    return urlunsplit(parts._replace(netloc=place)), {"Authorization": f"Basic {word}"}


def checked_socket(place: tuple[Any, ...], *, allows_private: bool) -> socket.socket:
    """A socket for one final address (`getaddrinfo`'s five values). Raises PrivateAddress."""
    family, kind, protocol, _, target = place
    if not allows_private and not is_public(str(target[0])):
        raise PrivateAddress("the address is private, which the operator does not allow")
    if not allows_private and not is_open_port(int(target[1])):
        raise PrivateAddress(f"port {target[1]} belongs to another service than the web")
    made = socket.socket(family, kind, protocol)
    made.setblocking(False)
    return made


def is_open_port(port: int) -> bool:
    """May outsiders be led to that port? Those of other services (mail, shells, names) are below 1024."""
    return port in (80, 443) or port >= 1024


def is_public(address: str) -> bool:
    """May outsiders be led there? Looks into IPv4-mapped, 6to4, NAT64 and Teredo forms."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    inner: ipaddress.IPv4Address | None = None
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        elif found.teredo:
            inner = found.teredo[1]
        if inner is None and (found.is_reserved or found.is_site_local):
            return False  # IPv4-compatible and translated forms (RFC 4291 2.5.5.1, RFC 8215), fec0::/10
    if inner is not None:
        return is_public(str(inner))
    return found.is_global and not found.is_multicast


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
