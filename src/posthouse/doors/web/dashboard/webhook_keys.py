"""`/webhooks/keys`: what signs our posts, and how a receiver checks it in each service's way.

Public: PAGES.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Any

from starlette.responses import Response

from posthouse.desk import hook_keys, hook_rotation
from posthouse.desk.hook_rotation import Standing
from posthouse.doors.web.dashboard import paging
from posthouse.doors.web.dashboard.page import Page, Work
from posthouse.doors.web.dashboard.verifying import SNIPPETS
from posthouse.doors.web.dashboard.visit import Visit
from posthouse.doors.web.dashboard.webhooks import FORMS
from posthouse.store import identity
from posthouse.store.connection import Connection
from posthouse.store.hook_keys import SealedHookKey, list_hook_keys
from posthouse.store.parts import Part

PATH = "/webhooks/keys"
SPANS = [("24h", "24 hours"), ("1h", "an hour"), ("7d", "7 days"), ("30d", "30 days"), ("now", "not at all")]
_ABOUT = ("dialect", "domain")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a key may be: a dialect, for MailPace's one of its domains too. `held` None: none yet."""

    dialect: str
    label: str
    domain: str
    held: Standing | None


async def _look(visit: Visit) -> Response:
    keys, domains = await visit.read(_held, visit.account_id, paging.part_of(visit))
    listed = paging.shown(visit, domains, lambda name: name)
    wide = [""] if listed["pages"].is_first and not listed["text"] else []
    by_place = {
        place: hook_rotation.of_keys(list(of_place), visit.now)
        for place, of_place in groupby(keys, lambda key: (key.dialect, key.domain))
    }
    places = [
        _Place(dialect, label, domain, by_place.get((dialect, domain)))
        for dialect, label in FORMS
        for domain in (listed["rows"] if dialect in hook_keys.OF_DOMAIN else wide)
    ]
    return visit.page(
        "webhook_keys.html",
        "Signing keys",
        places=places,
        forms=FORMS,
        snippets=SNIPPETS,
        spans=SPANS,
        **listed,
    )


def _held(conn: Connection, account_id: str, part: Part) -> tuple[list[SealedHookKey], list[str]]:
    """(keys, names of the page's domains)."""
    domains = identity.list_domains(conn, account_id, part)
    return list_hook_keys(conn, account_id), [domain.name for domain in domains]


async def _new(visit: Visit) -> Response:
    return await _store(visit, hook_keys.make(visit.field("dialect")))


async def _bring(visit: Visit) -> Response:
    return await _store(visit, hook_keys.bring(visit.field("dialect"), visit.raw("key").encode()))


async def _store(visit: Visit, made: hook_keys.Made) -> Response:
    key: SealedHookKey = await visit.write(hook_keys.store, **_place(visit, made))
    return _made(visit, Standing(key), made, "The key is there. New posts are signed with it at once.")


async def _rotate(visit: Visit) -> Response:
    dialect, given = visit.field("dialect"), visit.raw("key").encode()
    keep_s = hook_rotation.read_keep(visit.field("keep"))
    made = hook_keys.bring(dialect, given) if given.strip() else hook_keys.make(dialect)
    found: Standing = await visit.write(hook_rotation.rotate, keep_s=keep_s, **_place(visit, made))
    return _made(visit, found, made, hook_rotation.news_of(found))


async def _end(visit: Visit) -> str:
    dialect, domain = visit.field("dialect"), visit.field("domain")
    await visit.write(hook_rotation.end_older, visit.account_id, dialect, domain, visit.now)
    return "The old key is removed; the newest one signs alone."


def _place(visit: Visit, made: hook_keys.Made) -> dict[str, Any]:
    return {
        "installation": visit.parts.installation,
        "ids": visit.parts.ids,
        "now": visit.now,
        "made": made,
        "account_id": visit.account_id,
        "dialect": visit.field("dialect"),
        "domain": visit.field("domain"),
    }


def _made(visit: Visit, found: Standing, made: hook_keys.Made, news: str) -> Response:
    """A secret is shown once; a public half stands on the page of the keys."""
    if not made.text:
        return visit.go(visit.at(PATH), news)
    key = found.newest
    return visit.page(
        "once.html",
        "Keep this signing key",
        news=news,
        rows=[("Form", key.dialect), ("Algorithm", key.algorithm), ("Secret", made.text)],
        advice=["The secret is shown only now. Give it to your receiver, which checks our posts with it."],
        back=visit.at(PATH),
    )


PAGES = (
    Page(
        PATH,
        "hooks.read",
        _look,
        {
            "new": Work("hooks.write", _new, _ABOUT),
            "bring": Work("hooks.write", _bring, _ABOUT),
            "rotate": Work("hooks.write", _rotate, _ABOUT),
            "end": Work("hooks.write", _end, _ABOUT),
        },
        most_bytes=128 * 1024,
    ),
)
