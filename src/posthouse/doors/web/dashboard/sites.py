"""`/sites`: receiving sites, what they bear and what was decided about them; suspend, resume. For operators.

Public: PAGES.
"""

from __future__ import annotations

from starlette.responses import Response

from posthouse.desk import sites
from posthouse.doors.web.dashboard import paging, site_lookup
from posthouse.doors.web.dashboard.page import Page, Work
from posthouse.doors.web.dashboard.polled import digest_of, piece
from posthouse.doors.web.dashboard.visit import Visit
from posthouse.doors.web.forms import FormTrouble
from posthouse.pipeline.nudges import RESUME
from posthouse.store import workers
from posthouse.store.connection import Connection

PATH = "/sites"
SPANS = (("30m", "30 minutes"), ("2h", "2 hours"), ("12h", "12 hours"), ("1d", "1 day"), ("7d", "7 days"))


async def _look(visit: Visit) -> Response:
    rows = await visit.read(sites.site_rows, visit.now)
    wanted = visit.query("name").lower()
    found = [row for row in rows if wanted in row["site"]] if wanted else rows
    kept = {"name": wanted}
    shown, pages = paging.sliced(visit, found, kept)
    again = paging.again(visit, {"part": "rows", **kept})
    values = {"rows": shown, "pages": pages, "wanted": wanted, "again": again}
    digest = digest_of(values)
    if visit.query("part"):
        return piece(visit, "_sites.html", digest, **values)
    return visit.page("sites.html", "Receiving sites", digest=digest, **values)


async def _look_at_site(visit: Visit) -> Response:
    name = visit.param("name")
    story = await visit.read(sites.told, sites.site_of(name), visit.parts.settings, visit.now)
    if not story["workers"] and not story["rests"]:
        raise FormTrouble(
            404, "No worker has had mail for such a site lately, and nothing was decided about it."
        )
    digest = digest_of(story)
    if visit.query("part"):
        return piece(visit, "_site.html", digest, story=story)
    return visit.page("site.html", name.replace(",", ", "), digest=digest, story=story, spans=SPANS)


async def _suspend(visit: Visit) -> str:
    name, for_s = visit.param("name"), sites.read_span(visit.field("for"))
    await visit.write(sites.suspend, name, for_s, visit.field("reason"), visit.now)
    return "Nothing is sent to this site for now; its mail waits."


async def _resume(visit: Visit) -> Response:
    """To the list: nothing may be known of the site any more."""
    ended = await visit.write(_resumed, visit.param("name"))
    return visit.go(visit.at(PATH), f"The site goes on; {ended} decision{'s' * (ended != 1)} ended.")


def _resumed(conn: Connection, site: str) -> int:
    ended = sites.resume(conn, site)
    workers.nudge(conn, RESUME, site)
    return ended


PAGES = (
    Page(PATH, "queue.read", _look, is_operators=True),
    site_lookup.PAGE,
    Page(
        f"{PATH}/{{name}}",
        "queue.read",
        _look_at_site,
        {"suspend": Work("queue.write", _suspend), "resume": Work("queue.write", _resume)},
        is_operators=True,
    ),
)
