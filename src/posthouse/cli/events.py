"""`posthouse events`: the event log, searched, paged through and followed."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from posthouse.cli.options import Asked
from posthouse.cli.output import Output, visible, when

if TYPE_CHECKING:
    from posthouse.cli.house import House
    from posthouse.store.engine import Connection
    from posthouse.store.events import EventQuery

LIMIT = 100
POLL_S = 0.5
_MOST_A_LOOK = 1000
_HEADS = ["TIME", "KIND", "MESSAGE", "RECIPIENT", "ANSWER"]


def events(
    ask: Asked,
    message: Annotated[str, typer.Option("--message", metavar="ID", help="Only this message.")] = "",
    recipient: Annotated[str, typer.Option("--recipient", metavar="ADDRESS", help="Only this address.")] = "",
    recipient_domain: Annotated[
        str, typer.Option("--recipient-domain", metavar="DOMAIN", help="Only addresses of this domain.")
    ] = "",
    domain: Annotated[str, typer.Option("--domain", metavar="DOMAIN", help="Only this sending domain.")] = "",
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="TAG", help="Only with this tag; with all, if repeated."),
    ] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option("--kind", metavar="KIND", help="Only this kind, such as delivered; may be repeated."),
    ] = None,
    meta: Annotated[
        list[str] | None,
        typer.Option("--meta", metavar="KEY=VALUE", help="Only with this metadata; with all, if repeated."),
    ] = None,
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="From then on: 2h, 3d (ago), 2026-01-31T12:00.")
    ] = "",
    until: Annotated[str, typer.Option("--until", metavar="TIME", help="Before that time.")] = "",
    newest: Annotated[bool, typer.Option("--newest", help="A page, the newest first.")] = False,
    oldest: Annotated[bool, typer.Option("--oldest", help="A page, the oldest first.")] = False,
    cursor: Annotated[
        str, typer.Option("--cursor", metavar="CURSOR", help="Go on where the page before ended.")
    ] = "",
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=100_000, help="How many of the latest, or of a page.")
    ] = LIMIT,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on printing what happens.")] = False,
) -> None:
    """Print the latest events, oldest first, or page through the log."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts

    _judge_order(newest=newest, oldest=oldest, cursor=cursor, follow=follow, until=until)
    query = _query(
        message, recipient, recipient_domain, domain, tag or [], kind or [], meta or [], since, until
    )
    query = replace(query, newest_first=not oldest, limit=limit)
    house = open_house(ask)
    with house.reading() as conn:
        query = replace(query, account_id=accounts.scope(conn, ask.account))
        if newest or oldest:
            _print_page(ask.output, conn, query, cursor, house.clock.now())
            return
        rows = _latest(conn, query)
        if follow:
            _print_rows(ask.output, rows)
            _follow(ask.output, house, conn, query, rows)
        elif ask.as_json:
            ask.output.lines(rows)
        else:
            ask.output.table(_HEADS, [_cells(row) for row in rows], "No events.")


def _query(
    message: str,
    recipient: str,
    recipient_domain: str,
    domain: str,
    tags: list[str],
    kinds: list[str],
    pairs: list[str],
    since: str,
    until: str,
) -> EventQuery:
    from posthouse.desk import event_log
    from posthouse.model.errors import Refused
    from posthouse.store.events import EventQuery

    now = time.time()
    try:
        return EventQuery(
            message_id=message,
            recipient=event_log.plain_address(recipient),
            recipient_domain=event_log.plain_domain(recipient_domain) if recipient_domain else "",
            domain=event_log.plain_domain(domain) if domain else "",
            tags=tuple(tags),
            kinds=event_log.parse_kinds(kinds),
            metadata=tuple(map(event_log.parse_pair, pairs)),
            since=event_log.parse_instant(since, now) if since else None,
            until=event_log.parse_instant(until, now) if until else None,
        )
    except Refused as refused:
        raise typer.BadParameter(refused.text) from refused


def _judge_order(*, newest: bool, oldest: bool, cursor: str, follow: bool, until: str) -> None:
    if newest and oldest:
        raise typer.BadParameter("choose --newest or --oldest, not both")
    if cursor and not (newest or oldest):
        raise typer.BadParameter("--cursor needs --newest or --oldest, as on the page that it came from")
    if follow and (newest or oldest or until):
        raise typer.BadParameter("--follow goes with neither --newest nor --oldest nor --until")


def _print_page(output: Output, conn: Connection, query: EventQuery, cursor: str, now: float) -> None:
    """One page and where the next one begins: the last line in JSON, else on standard error."""
    from posthouse.desk import event_log

    settled = event_log.settled_before(conn, now)
    with conn.snapshot():
        page = event_log.read_page(conn, query, settled, cursor)
    if output.as_json:
        output.lines([*page.rows, {"cursor": page.cursor, "complete": page.is_complete}])
        return
    output.table(_HEADS, [_cells(row) for row in page.rows], "No events.")
    if page.cursor:
        state = "that is all for now" if page.is_complete else f"looked as far as {when(page.looked_to)}"
        print(f"{state}; go on with --cursor {page.cursor}", file=sys.stderr)


def _latest(conn: Connection, query: EventQuery) -> list[dict[str, Any]]:
    from posthouse.desk import reports

    with conn.snapshot():
        return reports.event_rows(conn, query)[::-1]


def _follow(
    output: Output, house: House, conn: Connection, query: EventQuery, shown: list[dict[str, Any]]
) -> None:
    """Print what is new for ever. An event may appear behind a younger one, so each look goes back to where
    nothing can be added any more and leaves out what was printed."""
    from posthouse.desk import event_log, reports
    from posthouse.model.clock import id_at

    first = shown[0]["id"] if len(shown) == query.limit else ""
    recent = Recent(max(first, id_at(event_log.settled_before(conn, house.clock.now()))), shown)
    query = replace(query, newest_first=False, limit=_MOST_A_LOOK)
    while True:
        settled = id_at(event_log.settled_before(conn, house.clock.now()))
        with conn.snapshot():
            found = reports.event_rows(conn, replace(query, after_id=recent.after_id))
        _print_rows(output, recent.fresh(found))
        recent.settle(settled if len(found) < _MOST_A_LOOK else min(settled, found[-1]["id"]))
        time.sleep(POLL_S)


class Recent:
    """Which events were printed lately, and behind which id to look for more."""

    def __init__(self, after_id: str, shown: Sequence[dict[str, Any]]) -> None:
        self._printed = {row["id"] for row in shown}
        self.after_id = after_id

    def fresh(self, found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Those of `found` that were not printed before; they count as printed from now on."""
        new = [row for row in found if row["id"] not in self._printed]
        self._printed |= {row["id"] for row in new}
        return new

    def settle(self, until: str) -> None:
        """Up to this id all was found that there will ever be."""
        self.after_id = max(self.after_id, until)
        self._printed = {event_id for event_id in self._printed if event_id > self.after_id}


def _print_rows(output: Output, rows: Sequence[dict[str, Any]]) -> None:
    if output.as_json:
        output.lines(rows)
        return
    for row in rows:
        print("  ".join(visible(cell) for cell in _cells(row)).rstrip(), flush=True)


def _cells(row: dict[str, Any]) -> list[str]:
    words = [str(row["code"] or ""), row["enhanced"], row["text"]]
    answer = " ".join(word for word in words if word)
    return [when(row["at"]), row["kind"], row["message_id"], row["recipient"] or "-", answer]
