"""Addresses on the web that mail names for posts to its sender. Whether one may be reached is judged when
something is posted.

Public: is_web_url.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_URL = re.compile(r"[\x21-\x7e]{1,2000}")


def is_web_url(text: str) -> bool:
    """http or https, a host, and nothing that a URL cannot have."""
    try:
        parts = urlsplit(text)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets without an address, a port that is none
        return False
    return is_url and _URL.fullmatch(text) is not None
