"""The rim of the dashboard: who is signed in, may they, which form is it, trouble as a sentence on the page.

Public: routes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from posthouse.desk import audit
from posthouse.doors.api.bodies import Held
from posthouse.doors.api.parts import ApiParts
from posthouse.doors.web.dashboard import start
from posthouse.doors.web.dashboard.page import Page, Work
from posthouse.doors.web.dashboard.table import PAGES
from posthouse.doors.web.dashboard.typed import read_typed
from posthouse.doors.web.dashboard.visit import Visit
from posthouse.doors.web.dashboard.ways_out import way_out
from posthouse.doors.web.forms import SESSION, TO, TO_S, FormTrouble, cookie, must_be_ours, put_cookie
from posthouse.doors.web.parts import WebParts
from posthouse.doors.web.rim import address_of, retry, route, sentence, status_of
from posthouse.doors.web.static_files import static_route
from posthouse.model.errors import PosthouseError, Refused
from posthouse.model.event import EventKind
from posthouse.model.several import several
from posthouse.store.connection import Connection
from posthouse.store.events import EventQuery, find_page

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def routes(web: WebParts, parts: ApiParts, pages: Sequence[Page] = PAGES) -> list[Route]:
    """For the HTTP door's application."""
    found = [static_route(), route(web, "/accounts", partial(_first, parts), "GET")]
    for page in pages:
        path = "/accounts/{account}" + page.path
        found.append(route(web, path, partial(_look, parts, page), "GET"))
        if page.works:
            found.append(route(web, path, partial(_do, parts, page), "POST"))
    return found


async def _first(parts: ApiParts, web: WebParts, request: Request) -> Response:
    """To the account of the person, or the first of several; where nothing was sent yet, to its `start`."""
    signed = await web.signed(request)
    if signed is None:
        return RedirectResponse("/sign-in", 303)
    if not signed.memberships:
        return RedirectResponse("/account", 303)
    member = signed.memberships[0]
    has_mail = await parts.store.read(_has_mail, member.account_id)
    return RedirectResponse(f"/accounts/{member.account}{'' if has_mail else start.PATH}", 303)


def _has_mail(conn: Connection, account_id: str) -> bool:
    query = EventQuery(account_id=account_id, kinds=(EventKind.ACCEPTED,), limit=1)
    return bool(find_page(conn, query).events)


async def _look(parts: ApiParts, page: Page, web: WebParts, request: Request) -> Response:
    visit = await _visit(parts, page, web, request)
    if isinstance(visit, Response):
        return visit
    return _framed(await page.look(visit))


async def _do(parts: ApiParts, page: Page, web: WebParts, request: Request) -> Response:
    visit = await _visit(parts, page, web, request)
    if isinstance(visit, Response):
        return visit
    held = Held(parts.budget)
    try:
        return await _done(page, visit, held)
    finally:
        held.give_back()


async def _done(page: Page, visit: Visit, held: Held) -> Response:
    web, request = visit.web, visit.request
    typed, uploads = await read_typed(request, page, held)  # only from somebody who is signed in
    must_be_ours(request, _last(typed), web.installation, cookie(request, SESSION))
    visit.typed, visit.uploads = typed, uploads
    work = page.works.get(visit.field("do"))
    if work is None:
        raise FormTrouble(400, "This form could not be read.")
    visit.signed.permit(visit.account, work.action)
    visit.note = _note(page, work, visit)
    try:
        done = await work.run(visit)
    except PosthouseError as error:
        return await _again(page, visit, error)
    return _framed(done if isinstance(done, Response) else visit.go(_same(request), done or ""))


def _note(page: Page, work: Work, visit: Visit) -> audit.Note:
    """What the audit log says of it."""
    area = page.path.strip("/").partition("/")[0] or "overview"
    subjects = [str(value) for name, value in visit.request.path_params.items() if name != "account"]
    subjects += [several(visit.fields(name)) for name in work.about]
    return audit.Note(
        audit.MACHINE if page.is_operators else visit.account_id,
        audit.PERSON,
        visit.signed.person.email,
        f"{area}.{visit.field('do')}",
        " ".join(dict.fromkeys(each.strip() for each in subjects if each.strip())),
        address_of(visit.request),
        visit.signed.person.name,
    )


async def _again(page: Page, visit: Visit, error: PosthouseError) -> Response:
    """The page with the reason; what was typed still stands in the form."""
    visit.trouble, visit.status = f"{sentence(error)} {way_out(error.reason)}".strip(), _status(error)
    visit.reason = error.reason
    response = await page.look(visit)
    response.headers.update(retry(error))
    return _framed(response)


async def _visit(parts: ApiParts, page: Page, web: WebParts, request: Request) -> Visit | Response:
    """Raises FormTrouble: no such account (S20: or one of others), or a role that may not look."""
    signed = await web.signed(request)
    if signed is None:
        return _to_sign_in(request)
    try:
        membership = signed.permit(request.path_params["account"], page.action)
    except Refused as refused:
        raise FormTrouble(_status(refused), sentence(refused)) from refused
    visit = Visit(web, parts, request, signed, membership)
    names_nothing = any("\0" in str(value) for value in request.path_params.values())  # no store takes it
    if names_nothing or (page.is_operators and not visit.is_operator):
        raise FormTrouble(404, "There is no such page here.")
    return visit


def _to_sign_in(request: Request) -> Response:
    if "hx-request" in request.headers:  # a piece of a page: the whole page is to go there
        return Response(status_code=401, headers={"HX-Redirect": "/sign-in"})
    response = RedirectResponse("/sign-in", 303)
    if request.method == "GET":
        put_cookie(request, response, TO, _same(request), TO_S)
    return response


def _same(request: Request) -> str:
    """The address of the page that the form is on."""
    path = request.scope["raw_path"].decode("latin-1")
    query = request.scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


def _status(error: PosthouseError) -> int:
    if isinstance(error, Refused):
        return {"no-account": 404, "no-permission": 403}.get(error.reason, 400)
    return status_of(error)


def _last(typed: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {name: values[-1] for name, values in typed.items()}


def _framed(response: Response) -> Response:
    """With the dashboard's own policy, unless the answer brought a stricter one."""
    response.headers.setdefault("Content-Security-Policy", CONTENT_POLICY)
    return response
