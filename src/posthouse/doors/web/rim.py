"""The rim of every page for people: routes with our headers, and trouble turned into a sentence.

Public: route, address_of, sentence, status_of, retry.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from posthouse.doors.web import pages
from posthouse.doors.web.forms import FormTrouble
from posthouse.doors.web.layout import HEADERS
from posthouse.doors.web.parts import WebParts
from posthouse.model.errors import CommitInDoubt, PosthouseError, TryLater

log = structlog.get_logger()

_BUSY = ("busy", "many-codes", "many-tries")


Answer = Callable[[WebParts, Request], Awaitable[Response]]


def route(parts: WebParts, path: str, answer: Answer, method: str) -> Route:
    """A route whose every answer is a page with our headers, where it does not bring its own."""

    async def answered(request: Request) -> Response:
        try:
            response = await answer(parts, request)
        except Exception as error:
            response = _apology(error)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    return Route(path, answered, methods=[method])


def address_of(request: Request) -> str:
    """The client's; behind a proxy on this machine the one that X-Forwarded-For names."""
    return request.client.host if request.client else ""


def sentence(error: PosthouseError | None) -> str:
    """Its public text as a page says it, "" for no error."""
    if error is None:
        return ""
    return error.text if error.text.endswith(".") else f"{error.text}."


def status_of(error: PosthouseError | None) -> int:
    if error is None:
        return 200
    if isinstance(error, TryLater):
        return 429 if error.reason in _BUSY else 503
    return 400 if error.reason == "bad-password" else 403


def retry(error: PosthouseError | None) -> dict[str, str]:
    return {"Retry-After": "10"} if isinstance(error, TryLater) else {}


def _apology(error: Exception) -> Response:
    if isinstance(error, FormTrouble):
        return HTMLResponse(pages.trouble_page(error.text), error.status)
    if isinstance(error, PosthouseError):
        return HTMLResponse(pages.trouble_page(sentence(error)), status_of(error), retry(error))
    if isinstance(error, CommitInDoubt):
        text = "It is not certain whether this was done; please look, and try again in a moment."
        return HTMLResponse(pages.trouble_page(text), 503, {"Retry-After": "10"})
    log.error("a page failed", exc_info=error)
    return HTMLResponse(pages.trouble_page("Something went wrong here; it is written in the log."), 500)
