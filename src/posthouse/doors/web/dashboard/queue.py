"""`/queue`: what waits and why, lane by lane; retry now, hold, release, drop.

Public: PAGES.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from starlette.responses import Response

from posthouse.desk import queue_view, queue_words, sites
from posthouse.desk.queue_choice import chosen
from posthouse.desk.queue_view import QueuePage
from posthouse.doors.web.dashboard import paging
from posthouse.doors.web.dashboard.page import Page, Run, Work
from posthouse.doors.web.dashboard.polled import digest_of, piece
from posthouse.doors.web.dashboard.visit import Visit
from posthouse.pipeline.nudges import FLUSH
from posthouse.store import workers
from posthouse.store.connection import Connection

PATH = "/queue"
_TICKING = ("oldest_s",)
_DONE = {
    "flush": "tried now",
    "hold": "held",
    "release": "released",
    "drop": "given up",
}


async def _look(visit: Visit) -> Response:
    wanted, start = visit.query("domain").lower(), paging.position(visit)
    page, per_minute = await visit.read(_page, visit.account_id, visit.now, start, wanted)
    figures = {
        "waiting": page.waiting,
        "sending": page.sending,
        "held": page.held,
        "per_minute": round(per_minute),
    }
    kept = {"domain": wanted}
    pages = paging.pages(visit, kept, "" if page.is_last else str(start + paging.ROWS))
    shown = [_told(row, visit.now) for row in page.rows]
    digest = digest_of(figures, shown, pages)
    again = paging.again(visit, {"part": "lanes", **kept})
    values = {"rows": shown, "pages": pages, "figures": figures, "wanted": wanted, "again": again}
    if visit.query("part"):
        return piece(visit, "_queue.html", digest, **values)
    return visit.page("queue.html", "Queue", digest=digest, **values)


def _page(conn: Connection, account_id: str, now: float, start: int, wanted: str) -> tuple[QueuePage, float]:
    page = queue_view.page(conn, now, account_id, start, paging.ROWS, wanted)
    return page, queue_words.delivered_per_minute(conn, account_id, now)


def _told(row: Mapping[str, Any], now: float) -> dict[str, Any]:
    """A row with its reason in words, without what changes with every look."""
    told = {key: value for key, value in row.items() if key not in _TICKING}
    return told | {"reason": queue_words.reason(row, now), "kind": queue_words.kind_of(row["lane"])}


# One lane


async def _look_at_lane(visit: Visit) -> Response:
    lane = visit.query("name")
    row, story = await visit.read(_lane, visit.account_id, lane, visit.parts.settings, visit.now)
    told = _told(row, visit.now) if row else None
    digest = digest_of(told, story)
    values = {"row": told, "story": story, "lane": lane}
    if visit.query("part"):
        return piece(visit, "_lane.html", digest, **values)
    title = f"Mail for {row['domain']}" if row else "Nothing waits here"
    return visit.page("lane.html", title, digest=digest, **values)


def _lane(
    conn: Connection, account_id: str, lane: str, settings: Any, now: float
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """The lane, None where nothing of this account is open in it (S20: or where it is another's), and what is
    known of the site that it goes to."""
    row = queue_view.lane_row(conn, now, account_id, lane)
    name = sites.site_for_domain(conn, row["domain"]) if row else ""
    if not name:
        return row, None
    story = sites.told(conn, sites.site_of(name), settings, now)
    # what a site said to others' mail is not for everybody: `site_reason` of the row is all of it
    return row, {key: story[key] for key in ("site", "next", "limits_now")}


# What is done


def _doing(verb: str, choose: Callable[[Visit], dict[str, Any]]) -> Run:
    async def run(visit: Visit) -> str:
        selector = chosen(visit.account_id, **choose(visit))
        total = await visit.in_steps(queue_words.step, verb, selector, visit.now, visit.parts.ids)
        if verb == "flush":
            await visit.write(workers.nudge, FLUSH)
        return f"{total} {'delivery was' if total == 1 else 'deliveries were'} {_DONE[verb]}."

    return run


def _works(choose: Callable[[Visit], dict[str, Any]], *about: str) -> dict[str, Work]:
    return {verb: Work("queue.write", _doing(verb, choose), about) for verb in _DONE}


PAGES = (
    Page(PATH, "queue.read", _look, _works(lambda visit: {"everything": True})),
    Page(
        f"{PATH}/lane",
        "queue.read",
        _look_at_lane,
        _works(lambda visit: {"lane": visit.field("lane")}, "lane"),
    ),
)
