"""What somebody typed into a form of the dashboard: fields, all values of each, and files.

Public: read_typed, Typed.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request

from posthouse.doors.api.answers import Problem
from posthouse.doors.api.bodies import parse_form
from posthouse.doors.api.forms import Upload
from posthouse.doors.web.dashboard.page import Page
from posthouse.doors.web.forms import FormTrouble, read_body, urlencoded

Typed = dict[str, list[str]]


async def read_typed(request: Request, page: Page) -> tuple[Typed, Sequence[Upload]]:
    """Raises FormTrouble."""
    kind = request.headers.get("content-type", "")
    if not (page.takes_files and kind.lower().startswith("multipart/form-data")):
        return await urlencoded(request, page.most_bytes, page.most_fields), ()
    body = await read_body(request, page.most_bytes)
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
