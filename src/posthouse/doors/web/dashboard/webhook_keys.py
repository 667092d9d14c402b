"""`/webhooks/keys`: what signs our posts, and how a receiver checks it in each service's way.

Public: PAGES.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from posthouse.desk import hook_keys
from posthouse.doors.web.dashboard.page import Page, Work
from posthouse.doors.web.dashboard.suppressions import choices
from posthouse.doors.web.dashboard.verifying import SNIPPETS
from posthouse.doors.web.dashboard.visit import Visit
from posthouse.doors.web.dashboard.webhooks import FORMS
from posthouse.store.connection import Connection
from posthouse.store.hook_keys import SealedHookKey, list_hook_keys

PATH = "/webhooks/keys"
_ABOUT = ("dialect", "domain")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a key may be: a dialect, for MailPace's one of its domains too. `key` None: there is none yet."""

    dialect: str
    label: str
    domain: str
    key: SealedHookKey | None


async def _look(visit: Visit) -> Response:
    keys, domains = await visit.read(_held, visit.account_id)
    by_place = {(key.dialect, key.domain): key for key in keys}
    places = [
        _Place(dialect, label, domain, by_place.get((dialect, domain)))
        for dialect, label in FORMS
        for domain in ([name for name, _ in domains] if dialect in hook_keys.OF_DOMAIN else [""])
    ]
    return visit.page("webhook_keys.html", "Signing keys", places=places, forms=FORMS, snippets=SNIPPETS)


def _held(conn: Connection, account_id: str) -> tuple[list[SealedHookKey], list[tuple[str, str]]]:
    return list_hook_keys(conn, account_id), choices(conn, account_id)[0]


async def _new(visit: Visit) -> Response:
    return await _store(visit, hook_keys.make(visit.field("dialect")))


async def _bring(visit: Visit) -> Response:
    return await _store(visit, hook_keys.bring(visit.field("dialect"), visit.raw("key").encode()))


async def _store(visit: Visit, made: hook_keys.Made) -> Response:
    dialect = visit.field("dialect")
    key: SealedHookKey = await visit.write(
        hook_keys.store,
        visit.parts.installation,
        visit.parts.ids,
        visit.now,
        made,
        account_id=visit.account_id,
        dialect=dialect,
        domain=visit.field("domain"),
        replaces=visit.ticked("replaces"),
    )
    news = f"The key for {dialect} posts is there. New posts are signed with it at once."
    if not made.text:
        return visit.go(visit.at(PATH), news)
    return visit.page(
        "once.html",
        "Keep this signing key",
        news=news,
        rows=[("Form", dialect), ("Algorithm", key.algorithm), ("Secret", made.text)],
        advice=["The secret is shown only now. Give it to your receiver, which checks our posts with it."],
        back=visit.at(PATH),
    )


PAGES = (
    Page(
        PATH,
        "hooks.read",
        _look,
        {"new": Work("hooks.write", _new, _ABOUT), "bring": Work("hooks.write", _bring, _ABOUT)},
        most_bytes=128 * 1024,
    ),
)
