"""What every page with a form needs: bodies within limits, requests from our own pages only, cookies.

A form is ours when the browser says so (Sec-Fetch-Site, or Origin where that is missing) and when it carries
the token that belongs to the browser's form cookie. Either alone would do; both cost nothing.

Public: Form, FormTrouble, read_form, urlencoded, read_body, must_be_ours, new_password, new_form_cookie,
form_token, put_cookie, drop_cookie, cookie, and the names of the cookies FORM, SESSION, TICKET, TO.
"""

from __future__ import annotations

import hmac
import secrets
from urllib.parse import parse_qs, urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from posthouse.desk.installation import Installation
from posthouse.model.errors import Refused

FORM, SESSION, TICKET = "posthouse_form", "posthouse_session", "posthouse_step"
TO = "posthouse_to"
"""Where somebody wanted to go before signing in."""

FORM_S, TO_S = 86400.0, 600.0
_FORM_BYTES = 16 * 1024
_FORM_FIELDS = 20
_LONGEST_COOKIE = 300


Form = dict[str, str]


class FormTrouble(Exception):
    """This request is not one of our forms; `status` and a sentence for the page."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


async def read_form(request: Request) -> Form:
    """The fields of a form, the last value of each. Raises FormTrouble."""
    typed = await urlencoded(request, _FORM_BYTES, _FORM_FIELDS)
    return {name: values[-1] for name, values in typed.items()}


async def urlencoded(request: Request, most_bytes: int, most_fields: int) -> dict[str, list[str]]:
    """The fields of a form, all values of each. Raises FormTrouble."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise FormTrouble(415, "This page takes the forms of its own pages only.")
    body = await read_body(request, most_bytes)
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=most_fields)
    except ValueError as error:  # not UTF-8, or more fields than any form of ours
        raise FormTrouble(400, "This form could not be read.") from error
    if any("\0" in value for values in fields.values() for value in values):
        raise FormTrouble(400, "This form could not be read.")  # nobody types it, and PostgreSQL refuses it
    return fields


async def read_body(request: Request, most_bytes: int) -> bytes:
    """Raises FormTrouble."""
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > most_bytes:
                raise FormTrouble(413, "This form is too large.")
            chunks.append(chunk)
    except ClientDisconnect as error:
        raise FormTrouble(400, "This form did not arrive whole.") from error
    return b"".join(chunks)


def must_be_ours(request: Request, form: Form, installation: Installation, bound: str = "") -> None:
    """Raises FormTrouble unless the form came from a page of ours in this browser."""
    site = request.headers.get("sec-fetch-site", "")
    origin = request.headers.get("origin", "")
    if site:
        is_foreign = site not in ("same-origin", "none")
    else:  # an older browser, or plain HTTP, where browsers do not send it
        is_foreign = bool(origin) and _host_of(origin) != request.headers.get("host", "")
    known = cookie(request, FORM)
    expected = form_token(installation, known, bound)
    given = form.get("token", "")
    if is_foreign or not known or not hmac.compare_digest(expected.encode(), given.encode()):
        raise FormTrouble(
            403, "This form was open too long, or your browser keeps no cookies; open the page again."
        )


def _host_of(origin: str) -> str:
    """Host and port, "" for what is no origin."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def new_password(form: Form) -> str:
    """A password that was typed twice. Raises Refused."""
    if form.get("password", "") != form.get("again", ""):
        raise Refused(501, "5.5.4", "The two new passwords are not the same", reason="bad-password")
    return form.get("password", "")


def form_token(installation: Installation, form_cookie: str, bound: str = "") -> str:
    """What a form carries; `bound`: what else it stands for, such as a session."""
    return installation.keyed_hash("form", f"{form_cookie} {bound}").hex()[:32]


def new_form_cookie() -> str:
    return secrets.token_urlsafe(16)


def cookie(request: Request, name: str) -> str:
    """The cookie's value, "" for none or for one that cannot be ours."""
    value = request.cookies.get(name, "")
    return value if len(value) <= _LONGEST_COOKIE and value.isascii() and value.isprintable() else ""


def put_cookie(request: Request, response: Response, name: str, value: str, most_s: float) -> None:
    response.set_cookie(
        name,
        value,
        max_age=int(most_s),
        path="/",
        secure=_is_secure(request),
        httponly=True,
        samesite="lax",
    )


def drop_cookie(request: Request, response: Response, name: str) -> None:
    response.delete_cookie(name, path="/", secure=_is_secure(request), httponly=True, samesite="lax")


def _is_secure(request: Request) -> bool:
    """Behind a proxy on this machine the scheme is what X-Forwarded-Proto says."""
    return request.url.scheme == "https"
