"""`/suppressions/import` and `/suppressions/export`: lists as CSV files, a few thousand rows at a time.

Public: PAGES.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

from starlette.responses import Response, StreamingResponse

from posthouse.desk import suppression_files, suppressions
from posthouse.desk.suppression_files import BadLine, Summary, Wanted
from posthouse.desk.suppression_search import query_of
from posthouse.doors.web.dashboard.page import Page, Work
from posthouse.doors.web.dashboard.suppressions import KINDS, choices, filters_of, number_of
from posthouse.doors.web.dashboard.visit import Visit
from posthouse.doors.web.rim import sentence
from posthouse.model.errors import Refused
from posthouse.model.suppression import Suppression
from posthouse.store import suppressions as stored
from posthouse.store.connection import Connection
from posthouse.store.suppressions import SuppressionQuery

MOST_BYTES = 25 * 1024 * 1024
_MOST_TOLD = 200  # bad lines on the page; a file of another kind has a million of them


async def _look(visit: Visit) -> Response:
    return await _page(visit, None, [])


async def _page(visit: Visit, summary: Summary | None, bad: list[BadLine]) -> Response:
    domains, known = await visit.read(choices, visit.account_id)
    return visit.page(
        "suppression_import.html",
        "Import suppressions",
        kinds=KINDS,
        domains=domains,
        groups=known,
        most_bytes=MOST_BYTES,
        summary=summary,
        bad=bad,
        is_dry=visit.ticked("dry"),
    )


async def _import(visit: Visit) -> Response:
    content = next((upload.content for upload in visit.uploads if upload.name == "file"), b"")
    if not content.strip():
        raise Refused(501, "5.5.4", "Choose a CSV file that is not empty", reason="no-file")
    wanted = await visit.read(_wanted, visit)
    summary, bad = Summary(), list[BadLine]()

    def told(line: BadLine) -> None:
        if len(bad) < _MOST_TOLD:
            bad.append(line)

    stream: Any = io.BufferedReader(io.BytesIO(content))
    steps = suppression_files.steps_of(stream, wanted, summary, told)
    while rows := await asyncio.to_thread(_next, steps):
        if not visit.ticked("dry"):
            await visit.write(stored.add, rows)
    return await _page(visit, summary, bad)


def _next(steps: Iterator[list[Suppression]]) -> list[Suppression]:
    return next(steps, [])


def _wanted(conn: Connection, visit: Visit) -> Wanted:
    where = suppressions.place(
        conn,
        visit.account_id,
        kind=visit.field("kind"),
        domain=visit.field("domain"),
        group=number_of(visit.field("group")),
    )
    return suppression_files.wanted_of(conn, visit.account_id, where, visit.now)


async def _export(visit: Visit) -> Response:
    """The rows that the page of the lists shows, all of them."""
    try:
        query = await visit.read(query_of, visit.account_id, filters_of(visit), visit.now)
    except Refused as refused:
        visit.trouble, visit.status = sentence(refused), 400
        return await _page(visit, None, [])
    name = f"suppressions-{visit.account}.csv" if visit.account.isascii() else "suppressions.csv"
    response = StreamingResponse(_written(visit, query), media_type="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


async def _written(visit: Visit, query: SuppressionQuery) -> AsyncIterator[str]:
    """A page of the list at a time: the client's pace holds no transaction open."""
    yield suppression_files.HEAD
    while True:
        text, rows = await visit.read(suppression_files.export_page, query, is_guarded=True)
        if not rows:
            return
        yield text
        query = replace(query, after=stored.place_of(rows[-1]))


PAGES = (
    Page(
        "/suppressions/import",
        "suppressions.read",
        _look,
        {"import": Work("suppressions.write", _import)},
        most_bytes=MOST_BYTES + 16 * 1024,
        takes_files=True,
    ),
    Page("/suppressions/export", "suppressions.read", _export),
)
