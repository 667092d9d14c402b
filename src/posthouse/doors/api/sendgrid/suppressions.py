"""The lists of suppressed addresses: bounces, blocks, invalid emails, spam reports, unsubscribes
(sendgrid.md 3.12).

A list holds what concerns the account and all of its sending domains; the unsubscribes are the global ones.

Public: ENDPOINTS.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from posthouse.desk import suppressions as desk
from posthouse.desk.suppressions import Entry, Place
from posthouse.doors.api.answers import NOTHING, Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint, Handler
from posthouse.doors.api.sendgrid.asked import (
    MOST_EMAILS,
    emails_of,
    find_flag,
    number_of,
    object_of,
    page_of,
)
from posthouse.doors.api.sendgrid.paging import link_header
from posthouse.doors.api.sendgrid.phrases import not_found, said
from posthouse.model.several import several
from posthouse.model.suppression import Suppression, SuppressionKind
from posthouse.store import suppression_times
from posthouse.store.connection import Connection
from posthouse.store.suppression_times import Span
from posthouse.store.suppressions import SuppressionQuery, listing

MOST_ROWS = 500
_STEP = 2_000  # rows taken off in one transaction: some 20 ms in which others wait
_STATUS = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")
_UNKNOWN_DOMAIN = "Mail domain mentioned in email address is unknown"


class _List(NamedTuple):
    kind: SuppressionKind
    shown: Callable[[Suppression], dict[str, Any]]

    @property
    def is_account_wide(self) -> bool:
        """Who left one domain's mail has not left everything."""
        return self.kind is SuppressionKind.UNSUBSCRIBE


def _basic(row: Suppression) -> dict[str, Any]:
    return {"created": int(row.at), "email": row.address}


def _failure(row: Suppression) -> dict[str, Any]:
    status = _STATUS.search(row.detail)
    return {**_basic(row), "reason": row.detail, "status": status[0] if status else ""}


def _invalid(row: Suppression) -> dict[str, Any]:
    return {**_basic(row), "reason": row.detail or _UNKNOWN_DOMAIN}


def _spam(row: Suppression) -> dict[str, Any]:
    return {**_basic(row), "ip": ""}  # reports do not tell whose address it was


LISTS = {
    "bounces": _List(SuppressionKind.BOUNCE, _failure),
    "blocks": _List(SuppressionKind.BLOCK, _failure),
    "invalid_emails": _List(SuppressionKind.INVALID, _invalid),
    "spam_reports": _List(SuppressionKind.COMPLAINT, _spam),
    "unsubscribes": _List(SuppressionKind.UNSUBSCRIBE, _basic),
}


# Look


async def _listed(call: Call, which: _List) -> Answer:
    limit, offset = page_of(call, MOST_ROWS, MOST_ROWS)
    since, until = number_of(call, "start_time", 0), number_of(call, "end_time", 0)
    # the end is included, and what happened within that second too
    span = replace(_span(call, which), since=float(since), until=float(until + 1) if until else 1e12)
    if email := call.query.get("email", "").strip():
        rows = await call.read(_of_address, span, email)
        rows = [row for row in rows if span.since <= row.at < span.until][offset : offset + limit]
    else:
        rows = await call.read(suppression_times.newest, span, limit, offset)
    headers = link_header(call, limit, offset, is_full=len(rows) == limit)
    return json_answer([which.shown(row) for row in rows], headers=headers)


async def _one(call: Call, which: _List) -> Answer:
    rows = await call.read(_of_address, _span(call, which), call.params["email"])
    return json_answer([which.shown(row) for row in rows[:1]])


def _span(call: Call, which: _List) -> Span:
    return Span(call.account_id, which.kind, is_account_wide=which.is_account_wide)


def _of_address(conn: Connection, span: Span, email: str) -> list[Suppression]:
    """The newest first: an address may be listed for several sending domains."""
    domain = "" if span.is_account_wide else None
    query = SuppressionQuery(span.account_id, span.kind, domain, span.scope, email.strip())
    return sorted(listing(conn, query), key=lambda row: -row.at)


# Change


async def _remove_some(call: Call, which: _List) -> Answer:
    given = await object_of(call)
    wants_all = find_flag(given, "delete_all")
    if wants_all and given.get("emails"):
        raise said("delete_all and emails cannot be used together")
    if wants_all:
        span = replace(_span(call, which), until=call.now + 1)
        while await call.write(suppression_times.drop_oldest, span, _STEP) == _STEP:
            pass
        return NOTHING
    if "emails" not in given:
        raise said("either delete_all or emails is required")
    emails = emails_of(given, "emails")
    call.about = several(emails)
    await call.write(desk.remove, call.account_id, emails, _place(which))
    return NOTHING


async def _remove_one(call: Call, which: _List) -> Answer:
    if not await call.write(desk.remove, call.account_id, [call.params["email"]], _place(which)):
        raise not_found()
    return NOTHING


def _place(which: _List) -> Place:
    return Place(which.kind, "" if which.is_account_wide else None, "")


async def _add(call: Call, which: _List) -> Answer:
    """For those who move in; the service itself has no such call."""
    given = await call.json()
    if isinstance(given, dict):
        given = given.get("emails", given.get("recipient_emails", [given] if "email" in given else None))
    if not isinstance(given, list) or not given or len(given) > MOST_EMAILS:
        raise said(
            f"the body must be a list of 1 to {MOST_EMAILS} entries with email, or have them in emails"
        )
    entries = [_entry(each, place, call.now) for place, each in enumerate(given)]

    def answer(rows: Sequence[Suppression]) -> Answer:
        return json_answer({"emails": [row.address for row in rows]}, 201)

    return await call.write_once(answer, desk.add_entries, call.account_id, which.kind, "", entries, call.now)


def _entry(given: Any, place: int, now: float) -> Entry:
    if isinstance(given, str):
        return Entry(given)
    email = given.get("email") if isinstance(given, dict) else None
    if not isinstance(email, str):
        raise said("each entry is an address, or an object with email", field=f"{place}.email")
    created, reason = given.get("created", now), given.get("reason") or ""
    if isinstance(created, bool) or not isinstance(created, int | float) or not 0 <= created <= now + 86400:
        raise said("created must be a time of the past in seconds", field=f"{place}.created")
    if not isinstance(reason, str) or len(reason) > 500:
        raise said("reason must be a string of at most 500 characters", field=f"{place}.reason")
    return Entry(email, at=float(created), detail=reason)


def _with(which: _List, act: Callable[[Call, _List], Any]) -> Handler:
    async def handler(call: Call) -> Answer:
        answer: Answer = await act(call, which)
        return answer

    return handler


_READ, _WRITE = "suppressions.read", "suppressions.write"


def _endpoints() -> tuple[Endpoint, ...]:
    found = []
    for name, which in LISTS.items():
        path = f"/v3/suppression/{name}"
        # the service's own examples ask for one spam report in the singular
        singles = [path, "/v3/suppression/spam_report"] if name == "spam_reports" else [path]
        found += [
            Endpoint("GET", path, _READ, _with(which, _listed)),
            Endpoint("POST", path, _WRITE, _with(which, _add)),
            Endpoint("DELETE", path, _WRITE, _with(which, _remove_some)),
        ]
        for single in singles:
            found += [
                Endpoint("GET", f"{single}/{{email}}", _READ, _with(which, _one)),
                Endpoint("DELETE", f"{single}/{{email}}", _WRITE, _with(which, _remove_one)),
            ]
    return tuple(found)


ENDPOINTS: tuple[Endpoint, ...] = _endpoints()
