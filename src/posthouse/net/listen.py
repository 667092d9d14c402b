"""Sockets that listen, and the TLS context behind them.

The supervisor opens all sockets once, before it starts workers: a wrong or taken port is told in one
sentence at start, privileged ports need no rights later, and while a worker is being replaced new
connections wait in the kernel's backlog instead of being refused.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from pathlib import Path

from posthouse.model.errors import SettingsError

_BACKLOG = 4096


def open_socket(host: str, port: int, what: str) -> socket.socket:
    """A listening TCP socket, non-blocking, inheritable. Raises SettingsError naming the setting `what`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        # accepted sockets inherit it: a reply never waits for a delayed acknowledgement
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        raise SettingsError(f"{what}: cannot listen on {host}:{port}: {_plain(error)}") from error
    listener.setblocking(False)
    listener.set_inheritable(True)
    return listener


def _plain(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    if isinstance(error, PermissionError):
        return f"{text} (ports below 1024 need root or CAP_NET_BIND_SERVICE; choose others such as 2525)"
    return str(text)


def server_tls(cert: Path, key: Path, alpn: Sequence[str] = ()) -> ssl.SSLContext:
    """The context for clients that come to us. Raises SettingsError when the pair cannot be used."""
    context = bare_server_tls(alpn)
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"smtp.tls_cert and smtp.tls_key: {cert} and {key} are no usable pair: {error}"
        ) from error
    return context


def bare_server_tls(alpn: Sequence[str] = ()) -> ssl.SSLContext:
    """The same without a certificate yet: TLS 1.2 and 1.3 (RFC 8996), no compression, session tickets; `alpn`
    are the protocols to agree on (RFC 7301), none: whatever the client wants is passed over."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    if alpn:
        context.set_alpn_protocols(alpn)
    return context
