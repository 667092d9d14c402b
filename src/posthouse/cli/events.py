"""`posthouse events`: the event log, searched and followed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from posthouse.cli.options import Asked
from posthouse.cli.output import Output, visible, when

if TYPE_CHECKING:
    from posthouse.cli.house import House

LIMIT = 100
POLL_S = 0.5
_OVERLAP_S = 5.0
_HEADS = ["TIME", "KIND", "MESSAGE", "RECIPIENT", "ANSWER"]


def events(
    ask: Asked,
    message: Annotated[str, typer.Option("--message", metavar="ID", help="Only this message.")] = "",
    recipient: Annotated[str, typer.Option("--recipient", metavar="ADDRESS", help="Only this address.")] = "",
    kind: Annotated[
        list[str] | None,
        typer.Option("--kind", metavar="KIND", help="Only this kind, such as delivered; may be repeated."),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=100_000, help="How many of the latest.")
    ] = LIMIT,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on printing what happens.")] = False,
) -> None:
    """Print the latest events, oldest first."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts

    chosen = _kinds(kind or [])
    house = open_house(ask)
    with house.reading() as conn:
        account_id = accounts.scope(conn, ask.account)
    query = {
        "account_id": account_id,
        "message_id": message,
        "recipient": recipient,
        "kinds": chosen,
    }
    rows = _latest(house, query, limit)
    if follow:
        _print_rows(ask.output, rows)
        _follow(ask.output, house, query, rows)
    elif ask.as_json:
        ask.output.lines(rows)
    else:
        ask.output.table(_HEADS, [_cells(row) for row in rows], "No events.")


def _kinds(names: Sequence[str]) -> tuple[Any, ...]:
    from posthouse.model.event import EventKind

    try:
        return tuple(EventKind(name) for name in names)
    except ValueError as error:
        allowed = ", ".join(EventKind)
        raise typer.BadParameter(
            f"there is no kind {error.args[0].split()[0]}; allowed: {allowed}"
        ) from error


def _latest(house: House, query: dict[str, Any], limit: int) -> list[dict[str, Any]]:
    from posthouse.desk import reports
    from posthouse.store.events import EventQuery

    with house.reading() as conn:
        found = reports.event_rows(conn, EventQuery(**query, limit=limit, newest_first=True))
    return found[::-1]


def _follow(output: Output, house: House, query: dict[str, Any], shown: list[dict[str, Any]]) -> None:
    """Print what is new for ever. With several writers an event may appear after a younger one, so each
    look goes back a few seconds and leaves out what was printed."""
    from posthouse.desk import reports
    from posthouse.store.events import EventQuery

    recent = Recent(house.clock.now, shown)
    with house.reading() as conn:
        while True:
            time.sleep(POLL_S)
            found = reports.event_rows(conn, EventQuery(**query, after_id=recent.after_id, limit=1000))
            _print_rows(output, recent.fresh(found))


class Recent:
    """Which events were printed lately, and from which id on to look for more."""

    def __init__(self, now: Callable[[], float], shown: Sequence[dict[str, Any]]) -> None:
        self._now = now
        self._printed = {row["id"]: row["at"] for row in shown}
        self.after_id = ""
        self._forget()

    def fresh(self, found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Those of `found` that were not printed before; they count as printed from now on."""
        new = [row for row in found if row["id"] not in self._printed]
        self._printed |= {row["id"]: row["at"] for row in new}
        self._forget()
        return new

    def _forget(self) -> None:
        """Old ids move behind `after_id`; the newest stays known even when nothing happens for long."""
        old = [event_id for event_id, at in self._printed.items() if at < self._now() - _OVERLAP_S]
        if old:
            self.after_id = max(self.after_id, *old)
        self._printed = {event_id: at for event_id, at in self._printed.items() if event_id > self.after_id}


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
