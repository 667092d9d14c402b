"""TLS for many names at one door: a host that has a certificate of its own shows that, every other name the
usual pair (server name indication, RFC 6066 3).

Public: HostTls, host_context, ALPN.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping

from posthouse.net.listen import bare_server_tls
from posthouse.net.tls_pair import TlsPair

ALPN = ("http/1.1",)


class HostTls(TlsPair):
    """The usual pair, followed as `TlsPair` does, and the contexts of hosts beside it."""

    _own: Mapping[str, ssl.SSLContext] = {}

    def show(self, own: Mapping[str, ssl.SSLContext]) -> None:
        """From the next handshake on these hosts (in lower case) have contexts of their own, no others."""
        self._own = own

    def _hand_over(self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        if name and (own := self._own.get(name.lower().rstrip("."))):
            connection.context = own
        else:
            super()._hand_over(connection, name, context)


def host_context(chain: bytes, key: bytes) -> ssl.SSLContext:
    """A context that shows this chain, both in PEM, the key without a passphrase. Raises ssl.SSLError.

    OpenSSL reads certificates from files only; this one is in memory and has no name, so that the key never
    touches a disk.
    """
    context = bare_server_tls(ALPN)
    held = os.memfd_create("certificate", os.MFD_CLOEXEC)
    with os.fdopen(held, "wb") as file:
        file.write(chain + b"\n" + key)
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{held}", password=lambda: b"")  # never ask at a terminal
    return context
