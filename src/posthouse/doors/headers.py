"""What every HTTP answer of ours says to browsers, whoever made it: a page, a call, or the routes themselves
when they know no such path. An answer that says something else of its own keeps it.

Public: ALWAYS, with_headers.
"""

from __future__ import annotations

from types import MappingProxyType

from starlette.types import ASGIApp, Message, Receive, Scope, Send

ALWAYS = MappingProxyType(
    {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "X-Robots-Tag": "noindex",
    }
)
_LINES = tuple((name.lower().encode(), value.encode()) for name, value in ALWAYS.items())


def with_headers(app: ASGIApp) -> ASGIApp:
    """The same application, with `ALWAYS` where an answer does not bring its own."""

    async def answered(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = message.get("headers") or ()
                names = {bytes(name).lower() for name, _ in said}
                message["headers"] = [*said, *(line for line in _LINES if line[0] not in names)]
            await send(message)

        await app(scope, receive, sending)

    return answered
