"""Webhooks: who is told by HTTP POST what happens to mail, and the log of posts.

Public: ENDPOINTS.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from posthouse.desk import hook_rotation, hooks
from posthouse.desk.event_log import parse_instant
from posthouse.desk.hook_entries import attempt_row, load_attempt
from posthouse.desk.hook_samples import sample_row, try_receiver
from posthouse.dialects.table import HOOK_FORMS
from posthouse.doors.api.answers import Answer, Problem
from posthouse.doors.api.call import Call
from posthouse.doors.api.native.changing import once
from posthouse.doors.api.native.endpoint import NativeEndpoint, Nothing, Page, many, one, reading, writing
from posthouse.model.event import EventKind
from posthouse.model.hook import Hook, HookKey
from posthouse.store import hook_log, hook_queue
from posthouse.store.connection import Connection
from posthouse.store.events import find_page

Form = Literal["mailgun", "sendgrid", "mailpace", "native"]
Url = Annotated[str, Meta(min_length=8, max_length=2000, examples=["https://example.com/hook"])]
Names = Annotated[
    list[Annotated[str, Meta(min_length=1, max_length=100)]],
    Meta(min_length=1, max_length=50, description="Events by our name or the service's, or `all`."),
]
Domain = Annotated[str, Meta(max_length=255, description="Only mail of this domain; empty: of all.")]
Name = Annotated[str, Meta(max_length=100, description="For people.")]
Id = Annotated[str, Meta(min_length=1, max_length=60)]


class HookRow(Struct, frozen=True, kw_only=True):
    """A webhook and how its receiver is doing. `names`: the service's names, where kinds do not say it all;
    `failures`: in a row; `waiting`: 10000 for so many events or more."""

    id: str
    name: str
    url: str
    dialect: Form
    domain: str
    kinds: list[EventKind]
    names: list[str]
    enabled: bool
    signs: bool
    stops_at_failure: bool
    waiting: int
    oldest_event: str
    failures: int
    troubled_at: dt.datetime | None
    rests_until: dt.datetime | None
    note: str
    created_at: dt.datetime
    changed_at: dt.datetime


class NewHook(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where events are posted to."""

    url: Url
    form: Annotated[Form, Meta(description="In whose form.")] = "native"
    events: Names | None = None
    domain: Domain = ""
    name: Name = ""
    signs: Annotated[bool, Meta(description="Sign posts where there is a key.")] = True
    stops_at_failure: Annotated[bool, Meta(description="Switch off at the first failed post.")] = False


class HookChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is said takes the place of what was."""

    url: Url | UnsetType = UNSET
    events: Names | UnsetType = UNSET
    domain: Domain | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    signs: bool | UnsetType = UNSET
    stops_at_failure: bool | UnsetType = UNSET
    enabled: Annotated[bool, Meta(description="true: what waited is posted now.")] | UnsetType = UNSET


class RemovedHook(Struct, frozen=True, kw_only=True):
    """It went with what waited for it and its log."""

    removed: str


class SampleRow(Struct, frozen=True, kw_only=True):
    """A made-up event that was posted, and what came of it. `status` 0: there was no answer."""

    kinds: list[EventKind]
    status: int
    answer: str
    taken: bool


class LogSearch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Posts, the newest first."""

    failed: Annotated[bool, Meta(description="Only those that failed.")] = False
    cursor: Annotated[str, Meta(max_length=60, description="`next` of the page before.")] = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 50


class AttemptRow(Struct, frozen=True, kw_only=True):
    """A post. `events`: their ids; `status` 0: there was no answer."""

    id: str
    hook: str
    at: dt.datetime
    attempt: int
    status: int
    took_ms: int
    taken: bool
    events: list[str]
    answer: str


class WholeAttempt(AttemptRow, frozen=True, kw_only=True):
    """A post with its request, as far as it was kept."""

    request: str


class Redelivery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to post again: `events`, or what one post posted (`attempt`), or all that the webhook wants
    `since` a time. Exactly one of them."""

    events: Annotated[list[Id], Meta(min_length=1, max_length=1000)] | None = None
    attempt: Id | None = None
    since: (
        Annotated[str, Meta(min_length=1, max_length=40, description="RFC 3339, or `2h` (ago).")] | None
    ) = None
    until: Annotated[str, Meta(max_length=40, description="With `since`: before then.")] = ""


class Queued(Struct, frozen=True, kw_only=True):
    """How many events will be posted."""

    queued: int


def _hook(conn: Connection, call: Call) -> Hook:
    return hooks.load(conn, call.account_id, call.params["hook_id"])


def _shown(status: int) -> Any:
    return lambda made: one(HookRow, status)(hooks.hook_row(made))


async def list_hooks(call: Call, asked: Nothing) -> Answer:
    return many(HookRow, await call.read(hooks.overview, call.account_id))


async def add_hook(call: Call, asked: NewHook) -> Answer:
    wanted = hooks.Wanted(
        asked.url, asked.events, asked.domain, asked.name, asked.signs, asked.stops_at_failure
    )
    return await call.write_once(
        _shown(201),
        hooks.add,
        call.parts.ids,
        call.now,
        HOOK_FORMS,
        account_id=call.account_id,
        dialect=asked.form,
        wanted=wanted,
        allows_plain=call.parts.settings.hooks.allows_plain,
    )


async def show_hook(call: Call, asked: Nothing) -> Answer:
    return one(HookRow)(await call.read(_row, call))


def _row(conn: Connection, call: Call) -> dict[str, Any]:
    hook = _hook(conn, call)
    return hooks.hook_row(hook, *hook_queue.counts(conn, call.account_id).get(hook.id, (0, "")))


async def change_hook(call: Call, asked: HookChange) -> Answer:
    return await call.write_once(_shown(200), _change, call, asked)


def _change(conn: Connection, call: Call, asked: HookChange) -> Hook:
    said: list[Any] = [
        None if value is UNSET else value
        for value in (asked.url, asked.events, asked.domain, asked.name, asked.signs, asked.stops_at_failure)
    ]
    hook_id = call.params["hook_id"]
    made = hooks.change(
        conn,
        call.now,
        HOOK_FORMS,
        account_id=call.account_id,
        hook_id=hook_id,
        wanted=hooks.Wanted(*said),
        allows_plain=call.parts.settings.hooks.allows_plain,
    )
    if asked.enabled is not UNSET:
        made = hooks.set_enabled(conn, call.now, call.account_id, hook_id, asked.enabled)
    return made


async def remove_hook(call: Call, asked: Nothing) -> Answer:
    hook_id = call.params["hook_id"]
    return await call.write_once(
        lambda _: one(RemovedHook)({"removed": hook_id}), hooks.remove, call.account_id, hook_id
    )


async def try_hook(call: Call, asked: Nothing) -> Answer:
    async def work() -> Answer:
        hook, key = await call.read(_hook_and_key, call)
        form = hooks.form_of(HOOK_FORMS, hook.dialect)
        done = await try_receiver(hook, form, key, call.parts.settings, call.parts.ids, call.now)
        return many(SampleRow, map(sample_row, done))

    return await once(call, work)


def _hook_and_key(conn: Connection, call: Call) -> tuple[Hook, HookKey | None]:
    hook = _hook(conn, call)
    key = hook_rotation.find_signing_key(
        conn, call.parts.installation, hook.account_id, hook.dialect, hook.domain, call.now
    )
    return hook, key


async def list_posts(call: Call, asked: LogSearch) -> Answer:
    found = await call.read(_posts, call, asked)
    next = found[-1].id if len(found) == asked.limit else ""
    return many(AttemptRow, map(attempt_row, found), next)


def _posts(conn: Connection, call: Call, asked: LogSearch) -> list[hook_log.HookAttempt]:
    return hook_log.list_attempts(
        conn, _hook(conn, call).id, asked.limit, before_id=asked.cursor, only_failed=asked.failed
    )


async def show_post(call: Call, asked: Nothing) -> Answer:
    entry = await call.read(lambda conn: load_attempt(conn, _hook(conn, call), call.params["attempt_id"]))
    return one(WholeAttempt)(attempt_row(entry, is_whole=True))


async def redeliver(call: Call, asked: Redelivery) -> Answer:
    if sum(value is not None for value in (asked.events, asked.attempt, asked.since)) != 1:
        raise Problem(422, "bad-choice", "Say which: events, attempt or since, and one of them only")
    if asked.until and asked.since is None:
        raise Problem(422, "bad-choice", "`until` needs `since`: from when to when", field="until")
    if asked.since is not None:
        return await _redeliver_since(call, asked.since, asked.until)
    return await call.write_once(lambda count: one(Queued)({"queued": count}), _redeliver, call, asked)


def _redeliver(conn: Connection, call: Call, asked: Redelivery) -> int:
    hook = _hook(conn, call)
    if asked.attempt is not None:
        return hooks.redeliver_attempt(conn, call.now, hook, HOOK_FORMS, asked.attempt)
    return hooks.redeliver_ids(conn, call.now, hook, HOOK_FORMS, asked.events or [])


async def _redeliver_since(call: Call, since: str, until: str) -> Answer:
    """As `hooks.redeliver_since`: a page at a time, a short transaction for each."""
    begin = parse_instant(since, call.now)
    end = parse_instant(until, call.now) if until else call.now

    async def work() -> Answer:
        hook = await call.read(_hook, call)
        count, place = 0, ""
        while True:
            query = hooks.wanted_since(hook, begin, end, place)
            page = await call.read(find_page, query)
            count += await call.write(hooks.again, call.now, hook, HOOK_FORMS, page.events)
            if page.is_complete:
                return one(Queued)({"queued": count})
            place = page.place

    return await once(call, work)


_READ, _WRITE = "hooks.read", "hooks.write"
_TOPIC = {"topic": "Webhooks"}
ENDPOINTS: tuple[NativeEndpoint, ...] = (
    reading("/webhooks", _READ, list_hooks, "List webhooks", **_TOPIC, gives=Page[HookRow]),
    writing("POST", "/webhooks", _WRITE, add_hook, "Add a webhook", **_TOPIC, asks=NewHook, gives=HookRow,
            status=201),
    reading("/webhooks/{hook_id}", _READ, show_hook, "Show a webhook", **_TOPIC, gives=HookRow),
    writing("PATCH", "/webhooks/{hook_id}", _WRITE, change_hook, "Change a webhook", **_TOPIC,
            asks=HookChange, gives=HookRow),
    writing("DELETE", "/webhooks/{hook_id}", _WRITE, remove_hook, "Remove a webhook", **_TOPIC,
            gives=RemovedHook),
    writing("POST", "/webhooks/{hook_id}/test", _WRITE, try_hook, "Post made-up events", **_TOPIC,
            text="One of each kind, now; shows what is answered.", gives=Page[SampleRow]),
    reading("/webhooks/{hook_id}/log", _READ, list_posts, "List the last posts", **_TOPIC, asks=LogSearch,
            gives=Page[AttemptRow]),
    reading("/webhooks/{hook_id}/log/{attempt_id}", _READ, show_post, "Show one post whole", **_TOPIC,
            gives=WholeAttempt),
    writing("POST", "/webhooks/{hook_id}/redeliver", _WRITE, redeliver, "Post events again", **_TOPIC,
            text="With the ids that they have.", asks=Redelivery, gives=Queued),
)  # fmt: skip
