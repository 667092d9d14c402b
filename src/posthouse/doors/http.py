"""The HTTP door: a status page for people, /healthz for supervisors, /metrics for Prometheus.

Nothing here changes anything or shows an address; the numbers come from a `StatusView` of the worker.
Starlette's routes, no framework above them.

Public: Status, StatusView, make_app.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from posthouse.doors.status_page import CONTENT_POLICY, render_page


@dataclass(frozen=True, slots=True)
class Status:
    """What the page shows. `ports` are (use, address) pairs, `since_start` (label, number) of this process,
    `queue` (state, number) of the whole store; `notes` are sentences, `trouble` is "" when all is well."""

    version: str
    hostname: str
    region: str
    uptime_s: float
    store: str
    trouble: str
    ports: tuple[tuple[str, str], ...]
    since_start: tuple[tuple[str, int], ...]
    queue: tuple[tuple[str, int], ...]
    notes: tuple[str, ...] = ()


class StatusView(Protocol):
    """What the door asks of the worker. None of these may wait for long or raise."""

    async def status(self) -> Status:
        """The numbers of now; when the store is away, with the last queue numbers and `trouble`."""
        ...

    async def trouble(self) -> str:
        """Why this worker cannot accept mail now; "" when it can."""
        ...

    async def metrics(self) -> str:
        """Prometheus text."""
        ...


def make_app(view: StatusView, more: Sequence[Route] = ()) -> Starlette:
    """The ASGI application of one worker; `more` are the routes of tracked links."""

    async def page(_: Request) -> Response:
        text = render_page(await view.status())
        return Response(text, media_type="text/html", headers={"Content-Security-Policy": CONTENT_POLICY})

    async def health(_: Request) -> Response:
        trouble = await view.trouble()
        if trouble:
            return JSONResponse({"status": "trouble", "trouble": trouble}, 503, {"Retry-After": "10"})
        return JSONResponse({"status": "ok"})

    async def metrics(_: Request) -> Response:
        return PlainTextResponse(
            await view.metrics(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        )

    return Starlette(routes=[_get("/", page), _get("/healthz", health), _get("/metrics", metrics), *more])


def _get(path: str, answer: Callable[[Request], Awaitable[Response]]) -> Route:
    return Route(path, answer, methods=["GET"])
