"""Signing in and out: `/sign-in` step by step, `/sign-out`.

A step that went well leads to the next by a redirect, so going back or reloading sends no password twice;
what the browser holds between two steps is a ticket of `desk.entrance`.

Public: routes.
"""

from __future__ import annotations

import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from posthouse.desk.entrance import TICKET_S, Step
from posthouse.desk.sessions import LONGEST_S
from posthouse.doors.web import pages
from posthouse.doors.web.forms import (
    FORM,
    FORM_S,
    SESSION,
    TICKET,
    TO,
    Form,
    FormTrouble,
    cookie,
    drop_cookie,
    form_token,
    must_be_ours,
    new_form_cookie,
    new_password,
    put_cookie,
    read_form,
)
from posthouse.doors.web.parts import WebParts
from posthouse.doors.web.rim import address_of, retry, route, sentence, status_of
from posthouse.model.account import Person
from posthouse.model.errors import PosthouseError

log = structlog.get_logger()

_SIGNED_OUT = "You are signed out."


def routes(parts: WebParts) -> list[Route]:
    """For the HTTP door's application."""
    return [
        route(parts, "/sign-in", _look, "GET"),
        route(parts, "/sign-in", _sign_in, "POST"),
        route(parts, "/sign-out", _to_account, "GET"),
        route(parts, "/sign-out", _sign_out, "POST"),
    ]


async def _look(parts: WebParts, request: Request) -> Response:
    if "again" in request.query_params:
        response = RedirectResponse("/sign-in", 303)
        drop_cookie(request, response, TICKET)
        return response
    if await parts.signed(request):
        return RedirectResponse("/accounts", 303)
    done = _SIGNED_OUT if "out" in request.query_params else ""
    held = await parts.entrance.holder(cookie(request, TICKET))
    if held is None:
        return _page(parts, request, None, "", done=done)
    return _page(parts, request, held[1], held[0].email)


async def _sign_in(parts: WebParts, request: Request) -> Response:
    form = await read_form(request)
    must_be_ours(request, form, parts.installation)
    if form.get("step") == "password":
        return await _password(parts, request, form)
    held = await parts.entrance.holder(cookie(request, TICKET))
    if held is None or form.get("step") != held[1]:
        raise FormTrouble(403, "This took too long; please sign in again.")
    return await (_code if held[1] is Step.CODE else _choose)(parts, request, form, held[0])


async def _password(parts: WebParts, request: Request, form: Form) -> Response:
    email, password = form.get("email", ""), form.get("password", "")
    try:
        person = await parts.guard.tried(
            address_of(request), email, lambda: parts.entrance.check_password(email, password)
        )
    except PosthouseError as error:
        return _page(parts, request, None, email, error)
    return await _go_on(parts, request, person, has_shown_code=False)


async def _code(parts: WebParts, request: Request, form: Form, person: Person) -> Response:
    try:
        person = await parts.guard.tried(
            address_of(request),
            person.email,
            lambda: parts.entrance.check_code(person, form.get("code", "")),
        )
    except PosthouseError as error:
        return _page(parts, request, Step.CODE, person.email, error)
    return await _go_on(parts, request, person, has_shown_code=True)


async def _choose(parts: WebParts, request: Request, form: Form, person: Person) -> Response:
    try:
        person = await parts.own.choose_first(person, new_password(form), address_of(request))
    except PosthouseError as error:
        return _page(parts, request, Step.CHOOSE, person.email, error)
    return await _go_on(parts, request, person, has_shown_code=True)


async def _go_on(parts: WebParts, request: Request, person: Person, *, has_shown_code: bool) -> Response:
    """To the next step, or in."""
    step = parts.entrance.next_step(person, has_shown_code=has_shown_code)
    if step is not Step.IN:
        response = RedirectResponse("/sign-in", 303)
        put_cookie(request, response, TICKET, parts.entrance.ticket(person, step), TICKET_S)
        return response
    token = await parts.entrance.begin(person, address_of(request), request.headers.get("user-agent", ""))
    log.info("a person signed in", person=person.id, address=address_of(request))
    response = RedirectResponse(_wanted(request), 303)
    put_cookie(request, response, SESSION, token, LONGEST_S)
    drop_cookie(request, response, TICKET)
    if TO in request.cookies:
        drop_cookie(request, response, TO)
    return response


def _wanted(request: Request) -> str:
    """The page of the dashboard that was asked for before, else its first."""
    address = cookie(request, TO)
    return address if address.startswith("/accounts/") else "/accounts"


def _page(
    parts: WebParts,
    request: Request,
    step: Step | None,
    email: str,
    error: PosthouseError | None = None,
    done: str = "",
) -> Response:
    """The form of a step, None for the first."""
    known = cookie(request, FORM) or new_form_cookie()
    token = form_token(parts.installation, known)
    trouble = sentence(error)
    if step is Step.CODE:
        text = pages.code_page(token, trouble=trouble)
    elif step is Step.CHOOSE:
        text = pages.choose_page(token, email=email, trouble=trouble)
    else:
        text = pages.sign_in_page(token, email=email, trouble=trouble, done=done)
    response = HTMLResponse(text, status_of(error), retry(error))
    put_cookie(request, response, FORM, known, FORM_S)
    return response


async def _to_account(parts: WebParts, request: Request) -> Response:
    """A link or a typed address signs nobody out: the button there does."""
    return RedirectResponse("/account", 303)


async def _sign_out(parts: WebParts, request: Request) -> Response:
    form = await read_form(request)
    signed = await parts.signed(request)
    if signed:
        must_be_ours(request, form, parts.installation, cookie(request, SESSION))
        await parts.own.end_session(signed, signed.session.id)
    response = RedirectResponse("/sign-in?out=1", 303)
    drop_cookie(request, response, SESSION)
    return response
