"""The names under which tracked links live.

Public: tracking_host, host_name.
"""

from __future__ import annotations

from urllib.parse import urlsplit

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
