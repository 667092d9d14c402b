"""What a request shows as its key (RFC 7235): a scheme and what follows it.

Public: scheme_and_key, bearer_key, basic_pair.
"""

from __future__ import annotations

from base64 import b64decode

from starlette.requests import Request


def scheme_and_key(request: Request) -> tuple[str, str]:
    """The scheme in lower case and the rest; ("", "") without an Authorization field."""
    scheme, _, shown = request.headers.get("authorization", "").partition(" ")
    return scheme.lower(), shown


def bearer_key(request: Request) -> str | None:
    """As `Service.secret`, for services that know Bearer keys only."""
    scheme, shown = scheme_and_key(request)
    if not scheme:
        return None
    return shown.strip() if scheme == "bearer" else ""


def basic_pair(shown: str) -> tuple[str, str]:
    """User and password of RFC 7617, ("", "") for what is none."""
    try:
        user, _, password = b64decode(shown, validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return user, password
