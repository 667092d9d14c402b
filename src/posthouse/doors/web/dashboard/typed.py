"""What somebody typed into a form of the dashboard: fields, all values of each, and files.

Public: read_typed, Typed.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request

from posthouse.doors.api.answers import Problem
from posthouse.doors.api.bodies import Held, Incoming, parse_form, read_body
from posthouse.doors.api.forms import Upload
from posthouse.doors.web.dashboard.page import Page
from posthouse.doors.web.forms import FormTrouble, urlencoded

Typed = dict[str, list[str]]


async def read_typed(request: Request, page: Page, held: Held) -> tuple[Typed, Sequence[Upload]]:
    """`held`: of the memory for bodies, which files count against as letters do. Raises FormTrouble."""
    kind = request.headers.get("content-type", "")
    if not (page.takes_files and kind.lower().startswith("multipart/form-data")):
        return await urlencoded(request, page.most_bytes, page.most_fields), ()
    incoming = Incoming(request.receive, request.headers.get("content-length", ""), "")
    try:
        body = await read_body(incoming, page.most_bytes, held)
    except Problem as problem:
        raise FormTrouble(problem.status, _sentence(problem, page)) from problem
    try:
        form = parse_form(body, kind)
    except Problem as problem:
        raise FormTrouble(problem.status, "This form could not be read.") from problem
    typed: Typed = {}
    for name, value in form.fields:
        typed.setdefault(name, []).append(value)
    if any("\0" in value for values in typed.values() for value in values):
        raise FormTrouble(400, "This form could not be read.")
    return typed, form.files


def _sentence(problem: Problem, page: Page) -> str:
    if problem.status == 413:
        return f"This is too large: a form with its files has at most {page.most_bytes // 1024**2} MB here."
    if problem.status == 503:
        return "Too much arrives at once; try again in a minute."
    return "This form did not arrive whole."
