"""The queue as people and programs see it: a row per lane, some of them or all.

How much waits in each lane is read from an index; what is told of a lane beside it costs a look-up or two a
lane, so a page asks for its own rows only.

Public: QueuePage, overview, page, lane_row, by_domain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from posthouse.desk.sites import suspensions
from posthouse.model.site import Rest
from posthouse.store import identity, lane_summaries
from posthouse.store.connection import Connection
from posthouse.store.lane_summaries import LaneSummary


@dataclass(frozen=True, slots=True)
class QueuePage:
    """Some rows of `overview`, whether others follow them, and the counts of the whole queue."""

    rows: list[dict[str, Any]]
    is_last: bool
    waiting: int
    sending: int
    held: int


def overview(conn: Connection, now: float, account_id: str = "") -> list[dict[str, Any]]:
    """One row per lane: how much waits, is being sent or is held, how old, when next, and why.

    `suspended`: nothing of it goes out, because its account may not send. `site_suspended_until` and
    `site_reason`: nothing goes to its site (None and "" where that is not so).
    """
    return _rows(conn, now, account_id, lane_summaries.outline(conn, now, account_id))


def page(conn: Connection, now: float, account_id: str, start: int, most: int, domain: str = "") -> QueuePage:
    """Up to `most` rows of an account from the number `start` (from 0) on. `domain`: only lanes to recipients
    whose domain has this in it."""
    everything = lane_summaries.outline(conn, now, account_id)
    found = [lane for lane in everything if domain in lane.domain]
    return QueuePage(
        rows=_rows(conn, now, account_id, found[start : start + most]),
        is_last=len(found) <= start + most,
        waiting=sum(lane.waiting for lane in everything),
        sending=sum(lane.taken for lane in everything),
        held=sum(lane.held for lane in everything),
    )


def lane_row(conn: Connection, now: float, account_id: str, lane: str) -> dict[str, Any] | None:
    """The row of one lane; None where nothing of the account is open in it (S20: or it is another's)."""
    found = lane_summaries.summary(conn, account_id, lane)
    if found is None:
        return None
    owner = identity.find_account_by_id(conn, found.account_id)
    row = _lane_row(found, suspensions(conn, now).get(found.domain), now)
    return row | {"suspended": owner is not None and owner.settings.is_suspended}


def by_domain(conn: Connection, now: float, account_id: str) -> dict[str, int]:
    """How much of the account is open for each recipient domain, in the order of their names."""
    counts: dict[str, int] = {}
    for lane in lane_summaries.outline(conn, now, account_id):
        counts[lane.domain] = counts.get(lane.domain, 0) + lane.waiting + lane.held + lane.taken
    return dict(sorted(counts.items()))


def _rows(
    conn: Connection, now: float, account_id: str, lanes: Sequence[LaneSummary]
) -> list[dict[str, Any]]:
    sites = suspensions(conn, now)
    found = [identity.find_account_by_id(conn, account_id)] if account_id else identity.list_accounts(conn)
    stopped = {item.id for item in found if item and item.settings.is_suspended}
    return [
        _lane_row(lane, sites.get(lane.domain), now) | {"suspended": lane.account_id in stopped}
        for lane in lane_summaries.detailed(conn, lanes)
    ]


def _lane_row(lane: LaneSummary, rest: Rest | None, now: float) -> dict[str, Any]:
    return {
        "lane": lane.lane,
        "domain": lane.domain,
        "account_id": lane.account_id,
        "waiting": lane.waiting,
        "taken": lane.taken,
        "held": lane.held,
        "oldest_at": lane.oldest_at,
        "oldest_s": round(max(0.0, now - lane.oldest_at), 3) if lane.oldest_at else 0,
        "next_due_at": lane.next_due_at,
        "code": lane.last_code,
        "text": lane.last_text,
        "site_suspended_until": rest.until if rest else None,
        "site_reason": rest.reason if rest else "",
    }
