"""Who is never put on a list by a failure: `/v3/mail_settings/address_whitelist`, over our allow list; and
the list of all mail settings, which tells of it too (sendgrid.md 3.12).

It is on while it has entries. What recipients said themselves holds all the same (docs/decisions/035).

Public: ENDPOINTS.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from posthouse.desk import accounts
from posthouse.desk import suppressions as desk
from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.sendgrid.asked import emails_of, find_flag, object_of
from posthouse.doors.api.sendgrid.phrases import said
from posthouse.doors.api.sendgrid.settings import MAIL_SETTINGS, line, lines, listed
from posthouse.store import allowed, hooks
from posthouse.store.allowed import AllowedQuery
from posthouse.store.connection import Connection

MOST_ENTRIES = 1000


def _entries(conn: Connection, account_id: str) -> list[str]:
    """Those that hold for the whole account; a domain without its @."""
    rows = allowed.listing(conn, AllowedQuery(account_id, domain="", limit=MOST_ENTRIES))
    return [row.value.removeprefix("@") for row in rows]


def _shown(entries: Sequence[str]) -> dict[str, Any]:
    return {"enabled": bool(entries), "list": list(entries)}


async def _show(call: Call) -> Answer:
    return json_answer(_shown(await call.read(_entries, call.account_id)))


async def _change(call: Call) -> Answer:
    """The list takes the place of the one before (documented)."""
    given = await object_of(call)
    wanted = emails_of(given, "list") if given.get("list") is not None else None
    if wanted is not None and len(wanted) > MOST_ENTRIES:
        raise said(f"list must have at most {MOST_ENTRIES} entries", field="list")
    enabled = find_flag(given, "enabled")
    return json_answer(_shown(await call.write(_changed, call.account_id, wanted, enabled, call.now)))


def _changed(
    conn: Connection, account_id: str, wanted: Sequence[str] | None, enabled: bool | None, now: float
) -> list[str]:
    before = _entries(conn, account_id)
    if enabled is False and (before if wanted is None else wanted):
        text = "the list has no switch here: it is off while it is empty, so send an empty list"
        raise said(text, field="enabled")
    if wanted is None:
        return before
    if before:
        desk.disallow_of_account(conn, account_id, before)
    desk.allow(conn, account_id, wanted, "", now)
    return _entries(conn, account_id)


async def _all(call: Call) -> Answer:
    return listed(call, await call.read(_lines, call.account_id))


def _lines(conn: Connection, account_id: str) -> list[dict[str, Any]]:
    settings = accounts.load_by_id(conn, account_id).settings
    is_on = bool(_entries(conn, account_id))
    has_hooks = any(hook.is_enabled for hook in hooks.list_hooks(conn, account_id))
    return [
        line(
            "address_whitelist", "Address Whitelist", "Who is never put on a list by a failure", is_on=is_on
        ),
        line("event_notify", "Event Notification", "Post events to receivers", is_on=has_hooks),
        *lines(settings, MAIL_SETTINGS),
    ]


_PATH = "/v3/mail_settings/address_whitelist"
ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/v3/mail_settings", "settings.read", _all),
    Endpoint("GET", _PATH, "settings.read", _show),
    Endpoint("PATCH", _PATH, "settings.write", _change),
)
