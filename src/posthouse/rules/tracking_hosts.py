"""The names under which tracked links live.

Public: tracking_host, host_name, owner_of, covers_name.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from posthouse.model.account import Domain

USUAL_LABEL = "email"


def tracking_host(domain: str, tracking_url: str) -> str:
    """The host of a domain's own links: of its `tracking_url` (one that `domain_settings` has judged), else
    `email.<domain>`."""
    return urlsplit(tracking_url).hostname or f"{USUAL_LABEL}.{domain}"


def host_name(field: str) -> str:
    """The name of a Host field (RFC 9110 7.2) in lower case, without port and final dot."""
    name, colon, port = field.strip().lower().rpartition(":")
    if not colon or not port.isdecimal():
        name = field.strip().lower()
    return name.rstrip(".")


def owner_of(host: str, domains: Iterable[Domain]) -> Domain | None:
    """The domain that a host name is, or is below; of several a verified one, then the nearest. None: it is
    nobody's here."""
    above = [item for item in domains if host == item.name or host.endswith(f".{item.name}")]
    return max(above, key=lambda item: (item.verified_at is not None, len(item.name)), default=None)


def covers_name(names: Iterable[str], host: str) -> bool:
    """Is a certificate with these DNS names one for the host? A star stands for the whole first label and for
    nothing else (RFC 9525 6.3)."""
    _, _, above = host.partition(".")
    return any(name.lower() in (host, f"*.{above}") for name in names)
