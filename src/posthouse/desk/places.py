"""Where programs are told to send: the host, port and security of this installation's SMTP door.

Public: SmtpPlace, smtp_place.
"""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

from posthouse.config import Settings

_LIKED = (587, 2525, 25)  # a network that blocks one rarely blocks the next


class SmtpPlace(NamedTuple):
    """`has_tls`: STARTTLS is to be used; on the machine itself it is not, for its certificate is our own."""

    host: str
    port: int
    has_tls: bool


def smtp_place(settings: Settings) -> SmtpPlace:
    """The door for programs. Only doors on the machine itself: that address, without TLS."""
    doors = settings.smtp.listen
    local = [door for door in doors if _is_loopback(door.host)]
    if len(local) == len(doors) and local:
        host = "::1" if ":" in local[0].host else "127.0.0.1"
        return SmtpPlace(host, local[0].port, False)
    ports = {door.port for door in doors if not _is_loopback(door.host)}
    port = next((liked for liked in _LIKED if liked in ports), min(ports, default=587))
    return SmtpPlace(settings.smtp.hostname, port, True)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
