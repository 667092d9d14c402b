"""The addresses behind tracked mail: `/c/` clicks, `/o/` opens, `/u/` unsubscribes and choices.

A click is answered from its token alone, so it works while the store is away; only destinations that we
signed are followed, and only at hosts that are not another customer's, so this is no open redirect (S17).
Looking at an unsubscribe page changes nothing: scanners send GET and HEAD (S28); a form's POST does, and so
does the POST of RFC 8058.

Public: routes, Tracking, Estate.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from posthouse.doors import track_pages as pages
from posthouse.doors.track_choices import Choices, choices_of
from posthouse.doors.track_forms import Fields, read_form
from posthouse.doors.track_pages import Look, Page
from posthouse.doors.track_words import LANGUAGES
from posthouse.doors.visitors import visitor_of
from posthouse.mail.tokens import CLICK, OPEN, UNSUBSCRIBE, Token, read_token, verify
from posthouse.model.account import Domain
from posthouse.pipeline.engage import GLOBAL, Engagement, Found, Visitor
from posthouse.pipeline.visits import Visits
from posthouse.rules.languages import choose_language
from posthouse.store.groups import Group

log = structlog.get_logger()

# a transparent picture of one pixel
PIXEL = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b"
)
_CACHE = "no-store, private"


class Estate(Protocol):
    """What the door asks about domains and groups; `desk.identity_view.IdentityView` knows."""

    def domain_by_tag(self, tag: bytes) -> Domain | None: ...
    def link_key(self, domain: str) -> bytes: ...
    def may_use_host(self, domain: Domain, host: str) -> bool: ...
    def group(self, account_id: str, number: int) -> Group | None: ...
    def default_groups(self, account_id: str) -> Sequence[int]: ...


@dataclass(frozen=True, slots=True)
class Tracking:
    """What the routes share. `zone_of`: the time zone of a client address, "" for unknown."""

    engagement: Engagement
    visits: Visits
    estate: Estate
    zone_of: Callable[[str], str] = lambda address: ""

    def read(self, request: Request, kind: str) -> tuple[Token, Domain] | None:
        """The token of the path if we wrote it, for this use, and its sending domain."""
        token = read_token(request.path_params["token"])
        if token is None or token.kind != kind:
            return None
        domain = self.estate.domain_by_tag(token.tag)
        if domain is None or not verify(token, self.estate.link_key(domain.name)):
            return None
        if not self.estate.may_use_host(domain, request.headers.get("host", "")):
            return None
        return token, domain

    def visitor(self, request: Request, domain: Domain) -> Visitor:
        return visitor_of(request, domain.settings.track_privacy, self.zone_of)


def routes(tracking: Tracking) -> list[Route]:
    """For the HTTP door's application."""

    def route(path: str, answer: Callable[[Tracking, Request], Awaitable[Response]], *methods: str) -> Route:
        async def answered(request: Request) -> Response:
            response = await answer(tracking, request)
            response.headers["Cache-Control"] = _CACHE
            return response

        return Route(path, answered, methods=list(methods))

    return [
        route("/c/{token}", _click, "GET", "HEAD"),
        route("/o/{token}", _open, "GET", "HEAD"),
        route("/u/{token}", _unsubscribe, "GET", "HEAD", "POST"),
    ]


async def _click(tracking: Tracking, request: Request) -> Response:
    known = tracking.read(request, CLICK)
    if known is None or not known[0].leads_to_the_web:
        return _missing(request)
    token, domain = known
    if request.method == "GET":
        visitor = tracking.visitor(request, domain)
        tracking.visits.clicked(token.delivery_id, visitor, token.url, token.index, token.part)
    return RedirectResponse(token.url, status_code=302)


async def _open(tracking: Tracking, request: Request) -> Response:
    request.path_params["token"] = request.path_params["token"].removesuffix(".gif")
    known = tracking.read(request, OPEN)
    if known is None:
        return Response(PIXEL, 404, media_type="image/gif")
    token, domain = known
    if request.method == "GET":
        tracking.visits.opened(token.delivery_id, tracking.visitor(request, domain))
    return Response(PIXEL, media_type="image/gif")


# Unsubscribing


@dataclass(frozen=True, slots=True)
class _Visit:
    """Somebody at the page of a copy."""

    tracking: Tracking
    found: Found
    choices: Choices
    look: Look
    visitor: Visitor

    @property
    def names(self) -> tuple[str, str]:
        """(address, sender) as people read them."""
        return self.found.address, self.look.name or self.found.message.domain


async def _unsubscribe(tracking: Tracking, request: Request) -> Response:
    known = tracking.read(request, UNSUBSCRIBE)
    if known is None:
        return _missing(request)
    token, domain = known
    look = _look(request, domain)
    try:
        found = await tracking.engagement.find(token.delivery_id)
        if found is None:
            return _missing(request, look)
        choices = choices_of(found, token.scope, look, tracking.estate)
        visit = _Visit(tracking, found, choices, look, tracking.visitor(request, domain))
        if request.method == "POST":
            return await _change(visit, await read_form(request))
    except Exception as error:  # the rim of a request: its sender can do nothing but come back
        log.warning("an unsubscribe page could not be answered", error=str(error))
        return _answer(pages.later_page(look), 503, {"Retry-After": "30"})
    return _answer(_first_page(visit))


async def _change(visit: _Visit, form: Fields) -> Response:
    """RFC 8058: the body `List-Unsubscribe=One-Click` takes what the link stands for, without a page."""
    choices = visit.choices
    if form.get("List-Unsubscribe") == ["One-Click"]:
        return await _leave(visit, choices.meant)
    if choices.is_preferences and form.get("form") == ["choices"]:
        return await _save(visit, form)
    if "again" in form:
        return await _come_back(visit, choices.allowed(form["again"]))
    scopes = choices.chosen(form.get("scope", []))
    return await _leave(visit, scopes) if scopes else _answer(_first_page(visit, asks=True), 400)


async def _leave(visit: _Visit, scopes: Sequence[str]) -> Response:
    await visit.tracking.engagement.unsubscribed(visit.found, scopes, visit.visitor)
    return _answer(pages.done_page(visit.look, *visit.names, scopes))


async def _come_back(visit: _Visit, scopes: Sequence[str]) -> Response:
    if not scopes:
        return _answer(_first_page(visit, asks=True), 400)
    await visit.tracking.engagement.resubscribed(visit.found, scopes, visit.visitor)
    return _answer(pages.back_page(visit.look, *visit.names))


async def _save(visit: _Visit, form: Fields) -> Response:
    """The page of choices: what is not ticked is left, what is comes back."""
    leaving, coming = visit.choices.changes(form.get("wanted", []), GLOBAL in form.get("nothing", []))
    engagement = visit.tracking.engagement
    await engagement.unsubscribed(visit.found, leaving, visit.visitor)
    await engagement.resubscribed(visit.found, coming, visit.visitor)
    found = await engagement.find(visit.found.delivery.id) or visit.found
    choices = choices_of(found, "preferences", visit.look, visit.tracking.estate)
    page = pages.preferences_page(
        visit.look, *visit.names, choices.offered, choices.everything, is_saved=True
    )
    return _answer(page)


def _first_page(visit: _Visit, *, asks: bool = False) -> Page:
    choices = visit.choices
    if choices.is_preferences:
        return pages.preferences_page(
            visit.look, *visit.names, choices.offered, choices.everything, is_saved=False
        )
    return pages.unsubscribe_page(visit.look, *visit.names, choices.offered, asks=asks)


def _look(request: Request, domain: Domain | None = None) -> Look:
    language = choose_language(request.headers.get("accept-language", ""), LANGUAGES)
    if domain is None:
        return Look(language=language)
    own = domain.settings
    return Look(own.page_name, own.page_colour, own.page_text, language)


def _missing(request: Request, look: Look | None = None) -> Response:
    return _answer(pages.missing_page(look or _look(request)), 404)


def _answer(page: Page, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    more = {"Content-Security-Policy": page.policy, "Vary": "Accept-Language"}
    return HTMLResponse(page.html, status, headers={**more, **(headers or {})})
