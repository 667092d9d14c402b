"""What addresses that warm up did at sites, day by day: what workers were promised, and what came of it.

A day is a number of UTC days since 1970.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert_into

from posthouse.store.asset_tables import ip
from posthouse.store.connection import Connection
from posthouse.store.site_tables import warmup_day
from posthouse.store.statement import Statement
from posthouse.store.tables import word
from posthouse.store.versions import raise_identity

_c = warmup_day.c


@dataclass(frozen=True, slots=True)
class WarmupDay:
    """`reserved` were promised to workers, `sent` dealt with by the site, `deferred` put off or turned away.
    `paused_until` 0: no pause began on that day; `why` is for people."""

    address: str
    site: str
    day: int
    reserved: int = 0
    sent: int = 0
    deferred: int = 0
    paused_until: float = 0.0
    why: str = ""


_of = ("of_address", "of_site", "of_day")
_is_of = (_c.address == bindparam("of_address"), _c.site == bindparam("of_site"))
_is_that = (*_is_of, _c.day == bindparam("of_day"))
_fresh = upsert_into(warmup_day).values(
    address=bindparam("of_address"),
    site=bindparam("of_site"),
    day=bindparam("of_day"),
    reserved=bindparam("reserved"),
    sent=bindparam("sent"),
    deferred=bindparam("deferred"),
    paused_until=bindparam("paused_until"),
    why=bindparam("why"),
)
_key = list(warmup_day.primary_key.columns)
_reserve = Statement(
    _fresh.on_conflict_do_update(
        index_elements=_key,
        set_={"reserved": _c.reserved + _fresh.excluded.reserved},
        where=_c.reserved + _fresh.excluded.reserved <= bindparam("most"),
    ),
    *_of,
    "reserved",
    "sent",
    "deferred",
    "paused_until",
    "why",
    "most",
)
_note = Statement(
    _fresh.on_conflict_do_update(
        index_elements=_key,
        set_={
            "sent": _c.sent + _fresh.excluded.sent,
            "deferred": _c.deferred + _fresh.excluded.deferred,
        },
    ).returning(_c.sent, _c.deferred, _c.paused_until),
    *_of,
    "reserved",
    "sent",
    "deferred",
    "paused_until",
    "why",
)
_reserved = Statement(select(_c.reserved).where(*_is_that), *_of)
_pauses = Statement(select(_c.day, _c.paused_until).where(*_is_of, _c.paused_until > 0.0), *_of[:2])
_all_pauses = Statement(select(_c.address, _c.site, _c.day).where(_c.paused_until > 0.0))
_pause = Statement(
    update(warmup_day).where(*_is_that).values(paused_until=bindparam("until"), why=bindparam("reason")),
    *_of,
    "until",
    "reason",
)
_since = Statement(
    select(warmup_day)
    .where(_c.address == bindparam("of_address"), _c.day >= bindparam("of_day"))
    .order_by(_c.day, _c.site),
    "of_address",
    "of_day",
)
_sent_before = Statement(
    select(func.sum(_c.sent)).where(_c.address == bindparam("of_address"), _c.day < bindparam("of_day")),
    "of_address",
    "of_day",
)
_paused_now = Statement(
    select(_c.address, func.count()).where(_c.paused_until > bindparam("now")).group_by(_c.address), "now"
)
_forget = Statement(delete(warmup_day).where(_c.address == bindparam("of_address")), "of_address")
_set = Statement(
    update(ip).where(ip.c.address == bindparam("of_address")).values(warmup=bindparam("text")),
    "text",
    "of_address",
)
_running = Statement(select(ip.c.address, ip.c.warmup).where(ip.c.warmup != word("")))


def set_warmup(conn: Connection, address: str, text: str) -> None:
    """Begin a warm-up (its JSON text) with clean books, or with "" end it."""
    conn.change(_set, text, address)
    conn.change(_forget, address)
    raise_identity(conn)


def running(conn: Connection) -> list[tuple[str, str]]:
    """The addresses that warm up, each with its JSON text."""
    return [(address, text) for address, text in conn.rows(_running)]


def reserved(conn: Connection, address: str, site: str, day: int) -> int:
    """How many messages of the day were promised."""
    row = conn.row(_reserved, address, site, day)
    return int(row[0]) if row else 0


def reserve(conn: Connection, address: str, site: str, day: int, count: int, most: int) -> bool:
    """Promise `count` more messages of the day, unless it would be more than `most` in all: then False."""
    if count > most:
        return False
    return conn.change(_reserve, address, site, day, count, 0, 0, 0.0, "", most) == 1


def note(
    conn: Connection, address: str, site: str, day: int, sent: int, deferred: int
) -> tuple[int, int, float]:
    """Count what became of messages; the day's `sent`, `deferred` and `paused_until` as they are now."""
    row = conn.row(_note, address, site, day, 0, sent, deferred, 0.0, "")
    assert row is not None
    return int(row[0]), int(row[1]), float(row[2])


def pause(conn: Connection, address: str, site: str, day: int, until: float, why: str) -> None:
    """From a row that is there (`note`)."""
    conn.change(_pause, address, site, day, until, why)


def pauses(conn: Connection, address: str, site: str) -> list[tuple[int, float]]:
    """Days on which a pause began there, each with the pause's end."""
    return [(int(day), float(until)) for day, until in conn.rows(_pauses, address, site)]


def all_pauses(conn: Connection) -> list[tuple[str, str, int]]:
    """(address, site, day) of every pause on record."""
    return [(address, site, int(day)) for address, site, day in conn.rows(_all_pauses)]


def paused_sites(conn: Connection, now: float) -> dict[str, int]:
    """At how many sites each address pauses now; those that pause nowhere are left out."""
    return {address: int(count) for address, count in conn.rows(_paused_now, now)}


def sent_before(conn: Connection, address: str, day: int) -> int:
    """How many messages of its warm-up sites dealt with before that day."""
    row = conn.row(_sent_before, address, day)
    return int(row[0] or 0) if row else 0


def days_since(conn: Connection, address: str, day: int) -> list[WarmupDay]:
    """What the address did from that day on, oldest first."""
    return [WarmupDay(*row) for row in conn.rows(_since, address, day)]
