"""The certificate that we show, taken anew when its files change, without a connection noticing.

A listening socket keeps the context that it was opened with, so that context never changes: at each handshake
it hands over to the newest one (the callback that OpenSSL calls for the ClientHello, RFC 6066 3, also where
the client names no server). A pair is loaded into a context of its own: half a pair, or a key that does not
fit, never touches what is in use.

Public: TlsPair.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from posthouse.model.errors import SettingsError
from posthouse.net.listen import server_tls

LOOK_S = 2.0

log = logging.getLogger(__name__)

_Mark = tuple[int, int, int]


class TlsPair:
    """`context` is for sockets and for STARTTLS; `alpn` as in `bare_server_tls`. Raises SettingsError when
    the pair cannot be used."""

    def __init__(self, cert: Path, key: Path, alpn: Sequence[str] = ()) -> None:
        self._files = cert, key
        self._alpn = alpn
        self._seen = self._marks()
        self.context = self._newest = server_tls(cert, key, alpn)
        self.context.sni_callback = self._hand_over
        self._told = ""

    def _hand_over(self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        if self._newest is not context:
            connection.context = self._newest

    def refresh(self) -> bool:
        """Look at the files and take a new pair; True when there was one. The old one stays, with a line in
        the log, while the files hold none that can be used. Touches the disk: not for the event loop."""
        try:
            marks = self._marks()
            if marks == self._seen:
                return False
            self._newest = server_tls(*self._files, self._alpn)
        except SettingsError as error:  # half-written, or a part is missing: it is tried again
            self._tell(str(error))
            return False
        self._seen, self._told = marks, ""
        log.info("the certificate of %s has changed and is in use", self._files[0])
        return True

    async def follow(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Refresh for ever."""
        while True:
            await sleep(LOOK_S)
            await asyncio.to_thread(self.refresh)

    def _marks(self) -> tuple[_Mark, ...]:
        """What changes when a file, or the link to it, is replaced or written."""
        return tuple(_mark(file) for file in self._files)

    def _tell(self, cause: str) -> None:
        if cause != self._told:
            log.warning("the new certificate cannot be used, the old one stays: %s", cause)
            self._told = cause


def _mark(file: Path) -> _Mark:
    try:
        status = file.stat()
    except OSError:
        return 0, 0, 0
    return status.st_mtime_ns, status.st_ino, status.st_size
