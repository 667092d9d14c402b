"""The addresses behind tracked mail: `/c/` clicks, `/o/` opens, `/u/` unsubscribes.

A click is answered from its token alone, so it works while the store is away; only destinations that we
signed are followed, so this is no open redirect (S17). Looking at an unsubscribe page changes nothing:
scanners send GET and HEAD (S28); the form's POST does, and so does the POST of RFC 8058.

Public: routes, Tracking.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from posthouse.doors.track_pages import CONTENT_POLICY, done_page, later_page, missing_page, unsubscribe_page
from posthouse.mail.tokens import Token, read_token, verify
from posthouse.pipeline.engage import Engagement, Found, Visitor

log = structlog.get_logger()

# a transparent picture of one pixel
PIXEL = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b"
)
_FORM_BYTES = 4096
_FORM_FIELDS = 50
MOST_LATER = 1000
_HEADERS = {
    "Cache-Control": "no-store, private",
    "Content-Security-Policy": CONTENT_POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}

KeyOf = Callable[[bytes], bytes | None]


@dataclass(slots=True)
class Tracking:
    """What the routes share. `key_of` finds the link key of the sending domain with that tag; `group_name`
    (account id, number) names an unsubscribe group, "" when it is gone; `default_groups` are an account's."""

    engagement: Engagement
    key_of: KeyOf
    group_name: Callable[[str, int], str]
    default_groups: Callable[[str], Sequence[int]] = lambda account_id: ()
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def token(self, request: Request, kind: str) -> Token | None:
        """The token of the path if we wrote it, for this use."""
        token = read_token(request.path_params["token"])
        if token is None or token.kind != kind:
            return None
        key = self.key_of(token.tag)
        return token if key is not None and verify(token, key) else None

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """The visitor does not wait for our records; past a bound they are lost rather than our memory."""
        if len(self._tasks) >= MOST_LATER:
            work.close()
            log.warning("an event of a link was lost: the store is too slow", waiting=len(self._tasks))
            return
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def routes(tracking: Tracking) -> list[Route]:
    """For the HTTP door's application."""

    def route(path: str, answer: Callable[[Tracking, Request], Awaitable[Response]], *methods: str) -> Route:
        async def answered(request: Request) -> Response:
            response = await answer(tracking, request)
            for name, value in _HEADERS.items():
                response.headers.setdefault(name, value)
            return response

        return Route(path, answered, methods=list(methods))

    return [
        route("/c/{token}", _click, "GET", "HEAD"),
        route("/o/{token}", _open, "GET", "HEAD"),
        route("/u/{token}", _unsubscribe, "GET", "HEAD", "POST"),
    ]


async def _click(tracking: Tracking, request: Request) -> Response:
    token = tracking.token(request, "c")
    if token is None:
        return _missing()
    if request.method == "GET":
        place = {"index": token.index, "type": token.part}
        tracking.later(tracking.engagement.clicked(token.delivery_id, _visitor(request), token.url, place))
    return RedirectResponse(token.url, status_code=302)


async def _open(tracking: Tracking, request: Request) -> Response:
    request.path_params["token"] = request.path_params["token"].removesuffix(".gif")
    token = tracking.token(request, "o")
    if token is None:
        return Response(PIXEL, 404, media_type="image/gif")
    if request.method == "GET":
        tracking.later(tracking.engagement.opened(token.delivery_id, _visitor(request)))
    return Response(PIXEL, media_type="image/gif")


async def _unsubscribe(tracking: Tracking, request: Request) -> Response:
    token = tracking.token(request, "u")
    if token is None:
        return _missing()
    try:
        found = await tracking.engagement.find(token.delivery_id)
        if found is None:
            return _missing()
        choices = _choices(tracking, found, token.scope)
        if request.method == "POST":
            return await _do_unsubscribe(tracking, request, found, choices)
    except Exception as error:
        log.warning("an unsubscribe page could not be answered", error=str(error))
        return HTMLResponse(later_page(), 503, headers={"Retry-After": "30"})
    sender = found.message.domain
    return HTMLResponse(unsubscribe_page(found.address, sender, choices))


async def _do_unsubscribe(
    tracking: Tracking, request: Request, found: Found, choices: Sequence[tuple[str, str]]
) -> Response:
    """RFC 8058: the body `List-Unsubscribe=One-Click` takes what the link stands for, without a page."""
    form = _fields(await _body(request))
    if form.get("List-Unsubscribe") == ["One-Click"]:
        scopes = [choices[0][0]]
    else:
        allowed = [scope for scope, _ in choices]
        scopes = [scope for scope in form.get("scope", []) if scope in allowed]
    if not scopes:
        return HTMLResponse(unsubscribe_page(found.address, found.message.domain, choices), 400)
    wanted = [each for scope in scopes for each in _spread(found, scope)]
    await tracking.engagement.unsubscribed(found, wanted, _visitor(request))
    return HTMLResponse(done_page(found.address, found.message.domain))


async def _body(request: Request) -> bytes:
    content = b""
    async for chunk in request.stream():
        content += chunk
        if len(content) > _FORM_BYTES:
            break
    return content[:_FORM_BYTES]


def _fields(body: bytes) -> dict[str, list[str]]:
    """A form's fields; {} for one with more of them than ours has."""
    try:
        return parse_qs(body.decode("utf-8", "replace"), max_num_fields=_FORM_FIELDS)
    except ValueError:
        return {}


def _choices(tracking: Tracking, found: Found, scope: str) -> list[tuple[str, str]]:
    """(scope, label) to offer; the first is what the link stands for."""
    options = found.message.options
    everything = ("global", "mail of any kind from this sender")
    if scope == "preferences":
        numbers = options.groups_shown or _usual_groups(tracking, found)
        named = [
            (f"group:{number}", tracking.group_name(found.message.account_id, number)) for number in numbers
        ]
        return [*[pair for pair in named if pair[1]], everything]
    if scope.startswith("group:"):
        name = tracking.group_name(found.message.account_id, int(scope[6:]))
        return [(scope, f"mail of the kind “{name}”")] if name else [everything]
    if scope == "tags" and options.tags:
        return [("tags", f"mail about {', '.join(options.tags)}")]
    return [everything] if scope == "global" else [("", f"mail from {found.message.domain}")]


def _usual_groups(tracking: Tracking, found: Found) -> list[int]:
    """The message's own group and the account's default ones, each once."""
    own = found.message.options.unsubscribe_group
    defaults = tracking.default_groups(found.message.account_id)
    return list(dict.fromkeys([own, *defaults] if own else defaults))


def _spread(found: Found, scope: str) -> list[str]:
    return [f"tag:{tag.lower()}" for tag in found.message.options.tags] if scope == "tags" else [scope]


def _visitor(request: Request) -> Visitor:
    address = request.client.host if request.client else ""
    return Visitor(address, request.headers.get("user-agent", "")[:300])


def _missing() -> Response:
    return HTMLResponse(missing_page(), 404)
