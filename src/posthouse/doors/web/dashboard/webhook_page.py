"""`/webhooks/{id}`: one webhook, its log of posts, tests and posts once more; `/webhooks/{id}/log/{post}`: a
post whole.

Public: PAGES.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from posthouse.desk import hook_rotation, hooks
from posthouse.desk.event_log import parse_instant
from posthouse.desk.hook_entries import attempt_row, load_attempt
from posthouse.desk.hook_samples import sample_row, try_receiver
from posthouse.desk.hooks import Wanted
from posthouse.dialects.table import HOOK_FORMS
from posthouse.doors.web.dashboard import paging
from posthouse.doors.web.dashboard.choices import domain_choices
from posthouse.doors.web.dashboard.page import Page, Work
from posthouse.doors.web.dashboard.visit import Visit
from posthouse.doors.web.dashboard.webhooks import FORMS, PATH, events_of, state_of, wanted_of
from posthouse.doors.web.forms import FormTrouble
from posthouse.model.errors import Refused
from posthouse.model.hook import Hook, HookKey
from posthouse.rules.hooks import life_s
from posthouse.store import hook_log, hook_queue
from posthouse.store.connection import Connection
from posthouse.store.events import find_page

ONE = f"{PATH}/{{id}}"


async def _look(visit: Visit) -> Response:
    return await _page(visit, [])


async def _page(visit: Visit, samples: list[dict[str, Any]]) -> Response:
    hook, row, posts, key, domains = await visit.read(_all, visit)
    form = HOOK_FORMS.get(hook.dialect)
    events = events_of(hook.dialect) if form else []
    return visit.page(
        "webhook.html",
        row["name"] or "Webhook",
        row=row,
        state=state_of(row, visit.now),
        form=form,
        form_words=dict(FORMS).get(hook.dialect, hook.dialect),
        life_s=life_s(form) if form else None,
        events=events,
        chosen=set(visit.fields("event")) if visit.field("do") == "change" else _chosen(hook),
        has_key=key is not None,
        domains=domains,
        posts=[attempt_row(post) for post in posts[: paging.ROWS]],
        pages=paging.pages(
            visit,
            {"failed": "yes" if visit.query("failed") else ""},
            posts[paging.ROWS - 1].id if len(posts) > paging.ROWS else "",
        ),
        only_failed=bool(visit.query("failed")),
        samples=samples,
        most_counted=hook_queue.MOST_COUNTED,
    )


def _all(conn: Connection, visit: Visit) -> tuple[Hook, dict[str, Any], list[Any], HookKey | None, Any]:
    hook = _hook(conn, visit)
    row = hooks.hook_row(hook, *hook_queue.counts(conn, visit.account_id).get(hook.id, (0, "")))
    posts = hook_log.list_attempts(
        conn, hook.id, paging.ROWS + 1, before_id=paging.place(visit), only_failed=bool(visit.query("failed"))
    )
    return hook, row, posts, _key(conn, visit, hook), domain_choices(conn, visit.account_id)


def _hook(conn: Connection, visit: Visit) -> Hook:
    """Raises FormTrouble, for another account's as for none (S20)."""
    try:
        return hooks.load(conn, visit.account_id, visit.param("id"))
    except Refused as refused:
        raise FormTrouble(404, "There is no such webhook here.") from refused


def _key(conn: Connection, visit: Visit, hook: Hook) -> HookKey | None:
    return hook_rotation.find_signing_key(
        conn, visit.parts.installation, hook.account_id, hook.dialect, hook.domain, visit.now
    )


def _chosen(hook: Hook) -> set[str]:
    """The service's names of what the hook gets."""
    if hook.settings.only:
        return set(hook.settings.only)
    kinds = HOOK_FORMS[hook.dialect].kinds if hook.dialect in HOOK_FORMS else {}
    return {name for name, of in kinds.items() if of <= hook.kinds}


async def _change(visit: Visit) -> str:
    def change(conn: Connection) -> Hook:
        wanted: Wanted = wanted_of(visit)
        return hooks.change(
            conn,
            visit.now,
            HOOK_FORMS,
            account_id=visit.account_id,
            hook_id=_hook(conn, visit).id,
            wanted=wanted,
            allows_plain=visit.parts.settings.hooks.allows_plain,
        )

    await visit.write(change)
    return "The webhook is changed."


async def _enable(visit: Visit) -> str:
    await _switch(visit, True)
    return "The webhook is on; what waited for it is posted now."


async def _disable(visit: Visit) -> str:
    await _switch(visit, False)
    return "The webhook is off; what waits for it waits on."


async def _switch(visit: Visit, is_enabled: bool) -> None:
    await visit.write(hooks.set_enabled, visit.now, visit.account_id, visit.param("id"), is_enabled)


async def _remove(visit: Visit) -> Response:
    await visit.write(hooks.remove, visit.account_id, visit.param("id"))
    return visit.go(visit.at(PATH), "The webhook is removed with its log and what waited for it.")


async def _test(visit: Visit) -> Response:
    """One made-up event of each kind, posted now."""

    def found(conn: Connection) -> tuple[Hook, HookKey | None]:
        hook = _hook(conn, visit)
        return hook, _key(conn, visit, hook)

    hook, key = await visit.read(found)
    form = hooks.form_of(HOOK_FORMS, hook.dialect)
    parts = visit.parts
    done = await try_receiver(hook, form, key, parts.settings, parts.ids, visit.now)
    if not done:
        raise Refused(501, "5.5.4", "This form has none of these events", reason="no-event")
    return await _page(visit, [sample_row(each) for each in done])


async def _again(visit: Visit) -> str:
    """What one post of the log posted, or one event, or all that the webhook wants since a time."""
    if visit.field("since"):
        return _queued(await _since(visit))
    event, attempt = visit.field("event_id"), visit.field("attempt")
    if not event and not attempt:
        raise Refused(501, "5.5.4", "Say since when, or name one event", reason="bad-choice")

    def again(conn: Connection) -> int:
        hook = _hook(conn, visit)
        if attempt:
            return hooks.redeliver_attempt(conn, visit.now, hook, HOOK_FORMS, attempt)
        return hooks.redeliver_ids(conn, visit.now, hook, HOOK_FORMS, [event])

    return _queued(await visit.write(again))


async def _since(visit: Visit) -> int:
    """As `hooks.redeliver_since`: a page at a time, a short transaction for each."""
    begin = parse_instant(visit.field("since"), visit.now)
    end = parse_instant(visit.field("until"), visit.now) if visit.field("until") else visit.now
    hook = await visit.read(_hook, visit)
    count, place = 0, ""
    while True:
        page = await visit.read(find_page, hooks.wanted_since(hook, begin, end, place))
        if page.events:
            count += await visit.write(hooks.again, visit.now, hook, HOOK_FORMS, page.events)
        if page.is_complete:
            return count
        place = page.place


def _queued(count: int) -> str:
    return f"{count} {'event is' if count == 1 else 'events are'} posted again."


async def _look_post(visit: Visit) -> Response:
    def load(conn: Connection) -> tuple[Hook, Any]:
        hook = _hook(conn, visit)
        return hook, load_attempt(conn, hook, visit.param("post"))

    try:
        hook, entry = await visit.read(load)
    except Refused as refused:
        raise FormTrouble(404, "There is no such post here; the log keeps the last ones only.") from refused
    return visit.page("webhook_post.html", "A post", hook=hook, post=attempt_row(entry, is_whole=True))


_WRITE = "hooks.write"
PAGES = (
    Page(
        ONE,
        "hooks.read",
        _look,
        {
            "change": Work(_WRITE, _change),
            "enable": Work(_WRITE, _enable),
            "disable": Work(_WRITE, _disable),
            "remove": Work(_WRITE, _remove),
            "test": Work(_WRITE, _test),
            "again": Work(_WRITE, _again),
        },
        most_fields=60,
    ),
    Page(f"{ONE}/log/{{post}}", "hooks.read", _look_post, {"again": Work(_WRITE, _again)}),
)
