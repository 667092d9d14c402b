"""Which service a request means: by its path where that is one service's alone, else by the form of what it
shows as its key, because several services have the same paths.

Public: ApiSplit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

NATIVE, MAILPACE, SENDGRID, MAILGUN = "native", "mailpace", "sendgrid", "mailgun"
_OWN = (
    ("/posthouse/", NATIVE),
    ("/api/v1/", MAILPACE),
    ("/send", MAILPACE),
    ("/api/mail.send", SENDGRID),
)
_SHARED = ("/v1/", "/v2/", "/v3/", "/v4/", "/v5/")
_SENDGRIDS = (
    "/v3/mail/",
    "/v3/messages/",
    "/v3/user/",
    "/v3/asm/",
    "/v3/suppression/",
    "/v3/api_keys",
    "/v3/scopes",
)


@dataclass(frozen=True, slots=True)
class ApiSplit:
    """An ASGI application of several: the services' where the path is one of theirs, else `rest`."""

    services: Mapping[str, ASGIApp]
    rest: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self.rest
        if scope["type"] == "http" and (name := service_of(scope)):
            app = self.services.get(name, app)
        await app(scope, receive, send)


def service_of(scope: Scope) -> str:
    """The service's name, "" for what is no call of any."""
    path: str = "/" + scope["path"].lstrip("/")
    for beginning, name in _OWN:
        if path.startswith(beginning):
            return name
    if not path.startswith(_SHARED):
        return ""
    shown: bytes = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    if not shown:
        return SENDGRID if _is_sendgrids(path) else MAILGUN
    return SENDGRID if shown[:7].lower() == b"bearer " else MAILGUN


def _is_sendgrids(path: str) -> bool:
    """Only for calls without a key: in whose words they are told so, and links that need none."""
    return path.startswith(_SENDGRIDS)
