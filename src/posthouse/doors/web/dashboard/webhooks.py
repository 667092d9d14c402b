"""`/webhooks` and `/webhooks/new`: who is told by HTTP POST what happens to mail, and how they are doing.

Public: PAGES, PATH, FORMS, wanted_of, events_of, state_of.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from posthouse.desk import hook_rotation, hooks
from posthouse.desk.hooks import Wanted
from posthouse.dialects.table import HOOK_FORMS
from posthouse.doors.web.dashboard.choices import domain_choices
from posthouse.doors.web.dashboard.page import Page, Work
from posthouse.doors.web.dashboard.visit import Visit
from posthouse.model.errors import Refused
from posthouse.model.event import EventKind
from posthouse.model.hook import Hook
from posthouse.store.connection import Connection
from posthouse.store.hook_queue import MOST_COUNTED

PATH = "/webhooks"
FORMS = [
    ("native", "Posthouse's own (Standard Webhooks)"),
    ("mailgun", "Mailgun's"),
    ("sendgrid", "SendGrid's (in batches)"),
    ("mailpace", "MailPace's"),
]
EXPLAINED: Mapping[EventKind, str] = {
    EventKind.ACCEPTED: "a message was taken, for each recipient",
    EventKind.REJECTED: "a message was refused before it was taken",
    EventKind.DELIVERED: "the receiving host took it",
    EventKind.DEFERRED: "a try failed; more follow",
    EventKind.FAILED: "it failed for good",
    EventKind.DROPPED: "it was not tried: the address is on a list, or a rule says so",
    EventKind.CANCELLED: "somebody took it back before it went",
    EventKind.HELD: "it waits until somebody releases it",
    EventKind.RELEASED: "it waits no more",
    EventKind.OPENED: "somebody opened it",
    EventKind.CLICKED: "somebody followed a link",
    EventKind.UNSUBSCRIBED: "the recipient wants no more",
    EventKind.RESUBSCRIBED: "somebody who had left came back",
    EventKind.COMPLAINED: "the recipient called it spam",
    EventKind.BOUNCED: "it came back after it had been taken",
    EventKind.STORED: "a copy was kept for people to read",
}


async def _look(visit: Visit) -> Response:
    rows = await visit.read(hooks.overview, visit.account_id)
    shown = [row | {"state": state_of(row, visit.now)} for row in rows]
    return visit.page("webhooks.html", "Webhooks", rows=shown, forms=FORMS, most_counted=MOST_COUNTED)


def state_of(row: Mapping[str, Any], now: float) -> tuple[str, str]:
    """(word, colour) of a hook's row."""
    if not row["enabled"]:
        return "off", "quiet"
    if not row["failures"]:
        return "works", "good"
    return ("rests", "warn") if row["rests_until"] > now else ("fails", "bad")


async def _look_new(visit: Visit) -> Response:
    asked = visit.field("form") or visit.query("form")
    dialect = asked if asked in HOOK_FORMS else "native"
    names = await visit.read(domain_choices, visit.account_id)
    return visit.page(
        "webhook_new.html",
        "New webhook",
        forms=FORMS,
        dialect=dialect,
        domains=names,
        events=events_of(dialect),
        chosen=set(visit.fields("event")) if visit.typed else {name for name, _ in events_of(dialect)},
        signs=visit.ticked("signs") if visit.typed else True,
    )


def events_of(dialect: str) -> list[tuple[str, str]]:
    """(the service's name of an event, what it means)."""
    kinds = hooks.form_of(HOOK_FORMS, dialect).kinds
    return [(name, "; ".join(EXPLAINED[kind] for kind in sorted(of))) for name, of in kinds.items()]


def wanted_of(visit: Visit) -> Wanted:
    """What the form says of a webhook; an empty URL: as it was. Raises Refused."""
    if not visit.fields("event"):
        raise Refused(501, "5.5.4", "Tick at least one event", reason="bad-kind")
    return Wanted(
        visit.field("url") or None,
        visit.fields("event"),
        visit.field("domain"),
        visit.field("name"),
        visit.ticked("signs"),
        visit.ticked("stops"),
    )


async def _add(visit: Visit) -> Response:
    def add(conn: Connection) -> tuple[Hook, bool]:
        made = hooks.add(
            conn,
            visit.parts.ids,
            visit.now,
            HOOK_FORMS,
            account_id=visit.account_id,
            dialect=visit.field("form"),
            wanted=wanted_of(visit),
            allows_plain=visit.parts.settings.hooks.allows_plain,
        )
        key = hook_rotation.find_signing_key(
            conn, visit.parts.installation, made.account_id, made.dialect, made.domain, visit.now
        )
        return made, key is not None

    made, has_key = await visit.write(add)
    unsigned = made.settings.signs and not has_key
    note = " Its posts are not signed yet: make a key." if unsigned else ""
    return visit.go(visit.at(f"{PATH}/{{}}", made.id), f"The webhook is there.{note}")


PAGES = (
    Page(PATH, "hooks.read", _look),
    Page(f"{PATH}/new", "hooks.read", _look_new, {"add": Work("hooks.write", _add)}, most_fields=60),
)
