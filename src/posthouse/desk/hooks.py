"""Who wants to be told: receivers of posts added, changed, switched and shown, and events posted again.

The forms of the services come in as values (`forms`), by the names of dialects.

Public: Wanted, Forms, add, load, change, set_enabled, remove, form_of, parse_url, shown_url, parse_kinds,
hook_row, overview, redeliver_ids, redeliver_attempt, redeliver_since, MOST_HOOKS.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from msgspec import structs

from posthouse.desk import domains
from posthouse.desk.hook_entries import load_attempt
from posthouse.model.clock import Ids
from posthouse.model.errors import Refused
from posthouse.model.event import Event, EventKind
from posthouse.model.hook import Hook, HookForm
from posthouse.observe import struck_out
from posthouse.rules.hooks import life_s
from posthouse.store import events, hook_queue, hooks
from posthouse.store.engine import Connection
from posthouse.store.events import EventQuery
from posthouse.store.hook_queue import HookItem

MOST_HOOKS = 100
_LONGEST_URL, _LONGEST_NAME = 2000, 100
_STEP = 500
ALL = "all"

Forms = Mapping[str, HookForm]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody said about a hook; None: nothing. `kinds`: names of the service or ours, or `all`."""

    url: str | None = None
    kinds: Sequence[str] | None = None
    domain: str | None = None
    name: str | None = None
    signs: bool | None = None
    stops_at_failure: bool | None = None


def add(
    conn: Connection,
    ids: Ids,
    now: float,
    forms: Forms,
    *,
    account_id: str,
    dialect: str,
    wanted: Wanted,
    allows_plain: bool,
) -> Hook:
    """Make a hook, inside the caller's transaction. Raises Refused."""
    form_of(forms, dialect)
    others = hooks.list_hooks(conn, account_id)
    if len(others) >= MOST_HOOKS:
        raise _wrong(f"An account may have {MOST_HOOKS} webhooks; remove one first", "too-many")
    blank = Hook(ids.new(), account_id, "", dialect, "", frozenset(), created_at=now)
    made = _changed(conn, blank, replace(wanted, kinds=wanted.kinds or [ALL]), forms, now, allows_plain)
    if any((other.url, other.domain, other.dialect) == (made.url, made.domain, dialect) for other in others):
        raise _wrong("There is such a webhook already: change it, or give this one another URL", "exists")
    hooks.add_hook(conn, made)
    return made


def load(conn: Connection, account_id: str, hook_id: str) -> Hook:
    """One of the account's. Raises Refused, in the same words for another account's (S20)."""
    found = hooks.find_hook(conn, account_id, hook_id)
    if found is None:
        text = f"There is no webhook {hook_id[:40]} here"
        raise Refused(550, "5.1.2", text, reason="no-hook")
    return found


def change(
    conn: Connection,
    now: float,
    forms: Forms,
    *,
    account_id: str,
    hook_id: str,
    wanted: Wanted,
    allows_plain: bool,
) -> Hook:
    """Change what is said, inside the caller's transaction. Raises Refused."""
    made = _changed(conn, load(conn, account_id, hook_id), wanted, forms, now, allows_plain)
    hooks.change_hook(conn, made)
    return made


def set_enabled(conn: Connection, now: float, account_id: str, hook_id: str, is_enabled: bool) -> Hook:
    """Switch on, which forgets its troubles, or off. Raises Refused."""
    load(conn, account_id, hook_id)
    hooks.set_state(conn, hook_id, is_enabled=is_enabled, now=now)
    return load(conn, account_id, hook_id)


def remove(conn: Connection, account_id: str, hook_id: str) -> None:
    """With what waits for it and its log. Raises Refused."""
    hooks.remove_hook(conn, load(conn, account_id, hook_id).id)


def form_of(forms: Forms, dialect: str) -> HookForm:
    """Raises Refused."""
    if dialect not in forms:
        raise _wrong(f"{dialect[:40]!r} is no form of webhooks; there are {', '.join(forms)}", "bad-dialect")
    return forms[dialect]


def _changed(
    conn: Connection, hook: Hook, wanted: Wanted, forms: Forms, now: float, allows_plain: bool
) -> Hook:
    settings, kinds, domain = hook.settings, hook.kinds, hook.domain
    if wanted.kinds is not None:
        kinds, only = parse_kinds(form_of(forms, hook.dialect), hook.dialect, wanted.kinds)
        settings = structs.replace(settings, only=only)
    if wanted.domain is not None:
        domain = domains.load(conn, hook.account_id, wanted.domain)[0].name if wanted.domain else ""
    said = {
        name: value for name in ("signs", "stops_at_failure") if (value := getattr(wanted, name)) is not None
    }
    return replace(
        hook,
        url=hook.url if wanted.url is None else parse_url(wanted.url, allows_plain=allows_plain),
        kinds=kinds,
        domain=domain,
        name=hook.name if wanted.name is None else _name(wanted.name),
        settings=structs.replace(settings, **said),
        changed_at=now,
    )


def parse_url(text: str, *, allows_plain: bool) -> str:
    """A URL that may be posted to, as it was written. Raises Refused with what is wrong; never with a
    password. Where it leads is checked at each post."""
    shown = struck_out(text)[:200]
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _wrong(f"{shown!r} is no URL", "bad-url") from None
    if not text.isascii() or not text.isprintable() or " " in text or len(text) > _LONGEST_URL:
        why = f"a URL has up to {_LONGEST_URL} printable ASCII characters (encode others with %)"
        raise _wrong(why, "bad-url")
    if parts.scheme not in ("http", "https") or not host or parts.fragment or port == 0:
        raise _wrong(f"{shown!r} is no URL of the form https://host/path", "bad-url")
    if parts.scheme == "http" and not allows_plain:
        why = "webhooks go to https URLs only; an operator may allow http with hooks.plain_http"
        raise _wrong(why, "plain-http")
    return text


def shown_url(url: str) -> str:
    """For people, without a password."""
    return struck_out(url)[:200]


def parse_kinds(
    form: HookForm, dialect: str, words: Sequence[str]
) -> tuple[frozenset[EventKind], tuple[str, ...]]:
    """Names of the service or ours -> our kinds, and the service's names where kinds do not say it all.
    Raises Refused."""
    names: set[str] = set()
    kinds: set[EventKind] = set()
    for word in filter(None, (part.strip() for part in ",".join(words).split(","))):
        if word == ALL or word in form.kinds:
            chosen = set(form.kinds) if word == ALL else {word}
            kinds |= {kind for name in chosen for kind in form.kinds[name]}
        else:
            chosen = {name for name, own in form.kinds.items() if word in own}
            if not chosen:
                known = ", ".join([ALL, *form.kinds])
                raise _wrong(f"{word[:40]!r} is no event of {dialect}; there are {known}", "bad-kind")
            kinds.add(EventKind(word))
        names |= chosen
    if not kinds:
        raise _wrong(f"Name the events, or {ALL}", "bad-kind")
    others = {kind for name in form.kinds.keys() - names for kind in form.kinds[name]}
    return frozenset(kinds), tuple(sorted(names)) if kinds & others else ()


def _name(text: str) -> str:
    if len(text) > _LONGEST_NAME or not text.isprintable():
        raise _wrong(f"a name has up to {_LONGEST_NAME} printable characters", "bad-name")
    return text


def _wrong(text: str, reason: str) -> Refused:
    return Refused(501, "5.5.4", text, reason=reason)


# Showing


def overview(conn: Connection, account_id: str) -> list[dict[str, Any]]:
    """The account's hooks with what waits for each."""
    waiting = hook_queue.counts(conn, account_id)
    return [hook_row(hook, *waiting.get(hook.id, (0, ""))) for hook in hooks.list_hooks(conn, account_id)]


def hook_row(hook: Hook, waiting: int = 0, oldest: str = "") -> dict[str, Any]:
    """A hook as plain JSON values, without the password of its URL."""
    return {
        "id": hook.id,
        "name": hook.name,
        "url": struck_out(hook.url),
        "dialect": hook.dialect,
        "domain": hook.domain,
        "kinds": sorted(kind.value for kind in hook.kinds),
        "names": list(hook.settings.only),
        "enabled": hook.is_enabled,
        "signs": hook.settings.signs,
        "stops_at_failure": hook.settings.stops_at_failure,
        "waiting": waiting,
        "oldest_event": oldest,
        "failures": hook.failures,
        "troubled_at": hook.troubled_at,
        "rests_until": hook.rests_until,
        "note": hook.note,
        "created_at": hook.created_at,
        "changed_at": hook.changed_at,
    }


# Once more


def redeliver_ids(conn: Connection, now: float, hook: Hook, forms: Forms, event_ids: Sequence[str]) -> int:
    """Post these events (again), inside the caller's transaction. Raises Refused for what is not there."""
    found = [event for event in events.load(conn, event_ids) if event.account_id == hook.account_id]
    missing = sorted(set(event_ids) - {event.id for event in found})
    if missing:
        raise Refused(550, "5.1.2", f"There is no event {missing[0][:40]} here", reason="no-event")
    return again(conn, now, hook, forms, found)


def redeliver_attempt(conn: Connection, now: float, hook: Hook, forms: Forms, attempt_id: str) -> int:
    """Post again what one entry of the log posted; how many events are still there. Raises Refused."""
    entry = load_attempt(conn, hook, attempt_id)
    return again(conn, now, hook, forms, events.load(conn, entry.event_ids))


def redeliver_since(
    conn: Connection, now: float, hook: Hook, forms: Forms, since: float, until: float
) -> int:
    """Post (again) what the hook wants of that time; how many events. Looks for some hundred at a time, with
    no transaction open, and has a short one for each."""
    count, place = 0, ""
    while True:
        with conn.snapshot():
            page = events.find_page(conn, wanted_since(hook, since, until, place))
        with conn.transaction():
            count += again(conn, now, hook, forms, page.events)
        if page.is_complete:
            return count
        place = page.place


def wanted_since(hook: Hook, since: float, until: float, place: str) -> EventQuery:
    """Some hundred of the events that the hook wants of that time, behind a place."""
    return EventQuery(
        account_id=hook.account_id,
        domain=hook.domain,
        kinds=tuple(sorted(hook.kinds)),
        since=since,
        until=until,
        after_id=place,
        limit=_STEP,
    )


def again(conn: Connection, now: float, hook: Hook, forms: Forms, found: Sequence[Event]) -> int:
    """Post these (again), inside the caller's transaction; how many."""
    expires_at = now + life_s(form_of(forms, hook.dialect))
    hook_queue.again(conn, [HookItem(hook.id, event.id, now, expires_at) for event in found])
    return len(found)
