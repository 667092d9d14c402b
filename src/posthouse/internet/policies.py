"""The web host of the fake internet that serves MTA-STS policies over HTTPS, and fails by script.

Public: `PolicyHost`, `Served`.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass

from posthouse.internet.certificates import Certificates
from posthouse.internet.scripts import Tls


@dataclass(frozen=True, slots=True)
class Served:
    """What `https://mta-sts.<domain>/.well-known/mta-sts.txt` answers. `hangs`: nothing at all."""

    body: str
    status: int = 200
    content_type: str = "text/plain"
    tls: Tls = Tls.GOOD
    location: str = ""
    hangs: bool = False


class PolicyHost:
    """`served` by domain may be changed at any time; `asked` are the domains that were fetched."""

    def __init__(self, certificates: Certificates) -> None:
        self.served: dict[str, Served] = {}
        self.asked: list[str] = []
        self.port = 0
        self._certificates = certificates
        self._server: asyncio.Server | None = None

    async def start(self, address: str = "127.0.0.1", port: int = 0) -> None:
        """Raises OSError when a given port is taken."""
        context = self._certificates.context("nobody.invalid", Tls.GOOD)
        context.sni_callback = self._choose
        self._server = await asyncio.start_server(self._serve, address, port, ssl=context)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    def _choose(self, session: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        """A certificate for the name that the client asks for."""
        if name:
            kind = self._of(name).tls
            session.context = self._certificates.context(name, kind)

    def _of(self, name: str) -> Served:
        return self.served.get(name.removeprefix("mta-sts."), Served("", status=404))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            name = head.lower().partition("\r\nhost:")[2].partition("\r\n")[0].strip().partition(":")[0]
            self.asked.append(name.removeprefix("mta-sts."))
            served = self._of(name)
            if served.hangs:
                await reader.read()
                return
            if head.split()[1] != "/.well-known/mta-sts.txt":
                served = Served("", status=404)
            writer.write(_response(served))
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


def _response(served: Served) -> bytes:
    body = served.body.encode()
    where = f"Location: {served.location}\r\n" if served.location else ""
    head = (
        f"HTTP/1.1 {served.status} So\r\nContent-Type: {served.content_type}\r\n{where}"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
