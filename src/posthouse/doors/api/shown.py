"""What a request shows in its header: fields, and its key (RFC 7235) as a scheme and what follows it.

Public: field_of, client_address, scheme_and_key, bearer_key, basic_pair.
"""

from __future__ import annotations

from base64 import b64decode

from starlette.requests import Request


def field_of(request: Request, name: bytes) -> str:
    """The first field of that name (in lower case), "" for none. HOT: Starlette's mapping takes its time."""
    for each, value in request.scope["headers"]:
        if each == name:
            return str(value, "latin-1")
    return ""


def client_address(request: Request) -> str:
    """The client's address, "" when unknown."""
    client = request.scope.get("client")
    return client[0] if client else ""


def scheme_and_key(request: Request) -> tuple[str, str]:
    """The scheme in lower case and the rest; ("", "") without an Authorization field."""
    scheme, _, shown = field_of(request, b"authorization").partition(" ")
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
