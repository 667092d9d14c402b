"""One HTTP door for many names: at the name of a customer's links there are links and nothing else.

No sign-in page, no figures: what stands under a customer's name is the customer's, and a page of ours there
would be one that others can point to.

Public: HostSplit, make_tracking_app.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send


@dataclass(frozen=True, slots=True)
class HostSplit:
    """An ASGI application of two: `everything`, or `tracked` where the Host field says so."""

    everything: ASGIApp
    tracked: Starlette
    is_tracking_host: Callable[[str], bool]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = next((value for name, value in scope.get("headers", ()) if name == b"host"), b"")
        is_tracked = self.is_tracking_host(host.decode("latin-1"))
        await (self.tracked if is_tracked else self.everything)(scope, receive, send)


def make_tracking_app(routes: Sequence[Route]) -> Starlette:
    """Links, a robots.txt, and nothing else."""

    async def robots(_: Request) -> Response:
        return PlainTextResponse("User-agent: *\nDisallow: /\n")

    async def nothing(_: Request, __: Exception) -> Response:
        return PlainTextResponse("Not found\n", 404)

    return Starlette(
        routes=[*routes, Route("/robots.txt", robots, methods=["GET"])], exception_handlers={404: nothing}
    )
