"""HTTP POSTs to addresses that customers name, with limits: no private networks, no redirects, no waiting.

The check stands on the socket itself, after every look-up: literals, IPv4 addresses inside IPv6 ones, names
that change their address between two questions (rebinding): all pass through it (S15).

Public: HttpOut, PostResult, checked_socket, is_public.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import aiohttp

_CONNECT_S = 10.0
_TOTAL_S = 60.0
_READ_BYTES = 2000
_USER_AGENT = "Posthouse"


@dataclass(frozen=True, slots=True)
class PostResult:
    """`status` 0: there was no answer, `text` says why in one line; else the beginning of the answer."""

    status: int
    text: str

    @property
    def is_taken(self) -> bool:
        return 200 <= self.status < 300


class PrivateAddress(OSError):
    """The name leads to an address that outsiders must not reach through us."""


class HttpOut:
    """One per worker; the connections are made at the first post."""

    def __init__(self, *, allows_private: bool) -> None:
        self._allows_private = allows_private
        self._session: aiohttp.ClientSession | None = None

    async def post(
        self, url: str, content: bytes, content_type: str, headers: Mapping[str, str] | None = None
    ) -> PostResult:
        """One try. Never raises for what the other side, its name or its address does."""
        import aiohttp

        fields = {"Content-Type": content_type, "User-Agent": _USER_AGENT, **(headers or {})}
        try:
            async with self._open().post(url, data=content, headers=fields, allow_redirects=False) as answer:
                beginning = await answer.content.read(_READ_BYTES)
                return PostResult(answer.status, beginning.decode("utf-8", "replace"))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return PostResult(0, _reason(error))

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            import aiohttp  # 0.4 s: only those who post pay for it

            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(socket_factory=self._socket, limit=50, limit_per_host=5),
                timeout=aiohttp.ClientTimeout(total=_TOTAL_S, sock_connect=_CONNECT_S),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        return self._session

    def _socket(self, place: tuple[Any, ...]) -> socket.socket:
        return checked_socket(place, allows_private=self._allows_private)


def checked_socket(place: tuple[Any, ...], *, allows_private: bool) -> socket.socket:
    """A socket for one final address (`getaddrinfo`'s five values). Raises PrivateAddress."""
    family, kind, protocol, _, target = place
    if not allows_private and not is_public(str(target[0])):
        raise PrivateAddress("the address is private, which the operator does not allow")
    made = socket.socket(family, kind, protocol)
    made.setblocking(False)
    return made


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


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError | asyncio.TimeoutError):
        return "no answer in time"
    cause = getattr(error, "os_error", None) or error
    return f"{type(error).__name__}: {cause}"[:200].replace("\n", " ")
