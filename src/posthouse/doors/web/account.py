"""`/account`: what people see and change about themselves.

Public: routes.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from posthouse.desk import second_step
from posthouse.desk.sessions import LONGEST_S, Signed
from posthouse.doors.web import pages
from posthouse.doors.web.forms import (
    FORM,
    FORM_S,
    SESSION,
    Form,
    FormTrouble,
    cookie,
    form_token,
    must_be_ours,
    new_form_cookie,
    new_password,
    put_cookie,
    read_form,
)
from posthouse.doors.web.parts import WebParts
from posthouse.doors.web.rim import address_of, retry, route, sentence, status_of
from posthouse.model.errors import PosthouseError, Refused
from posthouse.rules import totp

_DONE = {
    "password": "Your password is changed, and all other sessions have ended.",
    "ended": "Ended.",
    "totp-off": "The second step is off.",
}


def routes(parts: WebParts) -> list[Route]:
    """For the HTTP door's application."""
    return [route(parts, "/account", _look, "GET"), route(parts, "/account", _change, "POST")]


async def _look(parts: WebParts, request: Request) -> Response:
    signed = await parts.signed(request)
    if signed is None:
        return RedirectResponse("/sign-in", 303)
    return await _page(parts, request, signed, done=_DONE.get(request.query_params.get("done", ""), ""))


async def _change(parts: WebParts, request: Request) -> Response:
    form = await read_form(request)
    signed = await parts.signed(request)
    if signed is None:
        return RedirectResponse("/sign-in", 303)
    must_be_ours(request, form, parts.installation, cookie(request, SESSION))
    work = _WORKS.get(form.get("do", ""))
    if work is None:
        raise FormTrouble(400, "This form could not be read.")
    try:
        return await work(parts, request, signed, form)
    except PosthouseError as error:
        return await _page(parts, request, signed, error)


async def _page(
    parts: WebParts, request: Request, signed: Signed, error: PosthouseError | None = None, done: str = ""
) -> Response:
    sessions = await parts.own.sessions_of(signed)
    known = cookie(request, FORM) or new_form_cookie()
    token = form_token(parts.installation, known, cookie(request, SESSION))
    text = pages.account_page(signed, sessions, token, trouble=sentence(error), done=done)
    response = HTMLResponse(text, status_of(error), retry(error))
    put_cookie(request, response, FORM, known, FORM_S)
    return response


# What the forms do


async def _change_password(parts: WebParts, request: Request, signed: Signed, form: Form) -> Response:
    new = new_password(form)
    await _confirm(parts, request, signed, form)
    token = await parts.own.change_password(signed, new, address_of(request))
    response = _done("password")
    put_cookie(request, response, SESSION, token, LONGEST_S)
    return response


async def _end(parts: WebParts, request: Request, signed: Signed, form: Form) -> Response:
    await parts.own.end_session(signed, form.get("session", ""), address_of(request))
    return _done("ended")


async def _end_others(parts: WebParts, request: Request, signed: Signed, form: Form) -> Response:
    await parts.own.end_others(signed, address_of(request))
    return _done("ended")


async def _totp_start(parts: WebParts, request: Request, signed: Signed, form: Form) -> Response:
    await _confirm(parts, request, signed, form)
    return _enrol_page(parts, request, signed, totp.secret_text(second_step.new_secret()))


async def _totp_on(parts: WebParts, request: Request, signed: Signed, form: Form) -> Response:
    """`proof` says that we made this secret for this session, after its person had given the password."""
    secret = form.get("secret", "")
    if not hmac.compare_digest(_proof(parts, signed, secret).encode(), form.get("proof", "").encode()):
        raise FormTrouble(403, "This took too long; please begin again.")
    try:
        codes = await parts.own.turn_totp_on(
            signed, totp.parse_secret(secret), form.get("code", ""), address_of(request)
        )
    except Refused as error:
        return _enrol_page(parts, request, signed, secret, error)
    return HTMLResponse(pages.codes_page(codes))


async def _totp_off(parts: WebParts, request: Request, signed: Signed, form: Form) -> Response:
    await _confirm(parts, request, signed, form)
    code = form.get("code", "")
    address = address_of(request)
    await parts.guard.tried(
        address, signed.person.email, lambda: parts.own.turn_totp_off(signed, code, address)
    )
    return _done("totp-off")


async def _confirm(parts: WebParts, request: Request, signed: Signed, form: Form) -> None:
    """It is the person who sits there, not somebody who found the browser open."""
    password = form.get("current", "")
    await parts.guard.tried(
        address_of(request), signed.person.email, lambda: parts.own.confirm(signed.person, password)
    )


def _enrol_page(
    parts: WebParts, request: Request, signed: Signed, secret: str, error: Refused | None = None
) -> Response:
    token = form_token(parts.installation, cookie(request, FORM), cookie(request, SESSION))
    text = pages.enrol_page(
        token,
        secret=secret,
        uri=totp.uri(totp.parse_secret(secret), signed.person.email, parts.issuer),
        proof=_proof(parts, signed, secret),
        trouble=sentence(error),
    )
    return HTMLResponse(text, status_of(error))


def _proof(parts: WebParts, signed: Signed, secret: str) -> str:
    return parts.installation.keyed_hash("enrol", f"{signed.session.id} {secret}").hex()


def _done(word: str) -> Response:
    return RedirectResponse(f"/account?done={word}", 303)


Work = Callable[[WebParts, Request, Signed, Form], Awaitable[Response]]

_WORKS: dict[str, Work] = {
    "password": _change_password,
    "end": _end,
    "end-others": _end_others,
    "totp-start": _totp_start,
    "totp-on": _totp_on,
    "totp-off": _totp_off,
}
"""By the `do` of the forms of the page."""
