"""Webhooks as a service names them: an event has its URLs, while here a URL has its events.

Several names may share one hook: it is the only one of its URL, for one sending domain ("": the account), in
one form. What is done for a name changes the hooks that it needs, inside the caller's transaction.

Public: Where, names_of, held, urls_by_name, put_name, drop_name, put_url, drop_url,
change, judge_number, MOST_URLS.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from posthouse.desk import hooks
from posthouse.desk.hooks import Forms, Wanted
from posthouse.model.clock import Ids
from posthouse.model.errors import Refused
from posthouse.model.hook import Hook, HookForm
from posthouse.store import hooks as stored
from posthouse.store.engine import Connection

MOST_URLS = 3


@dataclass(frozen=True, slots=True)
class Where:
    """Whose hooks: of a sending domain or, with domain "", of the whole account, in the form of `dialect`.
    `allows_plain`: http URLs too."""

    account_id: str
    domain: str
    dialect: str
    forms: Forms
    allows_plain: bool


def names_of(form: HookForm, hook: Hook) -> tuple[str, ...]:
    """The service's names of what the hook gets, in the form's order."""
    if hook.settings.only:
        return tuple(name for name in form.kinds if name in hook.settings.only)
    return tuple(name for name, kinds in form.kinds.items() if kinds <= hook.kinds)


def held(conn: Connection, where: Where) -> list[Hook]:
    """The hooks, the oldest first."""
    return [
        hook
        for hook in stored.list_hooks(conn, where.account_id)
        if (hook.domain, hook.dialect) == (where.domain, where.dialect)
    ]


def urls_by_name(conn: Connection, where: Where) -> dict[str, list[str]]:
    """The URLs of each name that has any, in the form's order."""
    form = hooks.form_of(where.forms, where.dialect)
    found: dict[str, list[str]] = {name: [] for name in form.kinds}
    for hook in held(conn, where):
        for name in names_of(form, hook):
            found[name].append(hook.url)
    return {name: urls for name, urls in found.items() if urls}


def put_name(
    conn: Connection, ids: Ids, now: float, where: Where, name: str, urls: Sequence[str], *, replaces: bool
) -> list[str]:
    """Post events of that name to these URLs, with `replaces` to no other; to which now. Raises Refused."""
    if replaces:
        for url in urls_by_name(conn, where).get(name, []):
            if url not in urls:
                _drop(conn, now, where, url, {name})
    for url in urls:
        put_url(conn, ids, now, where, url, [name], replaces=False)
    return urls_by_name(conn, where).get(name, [])


def drop_name(conn: Connection, now: float, where: Where, name: str) -> list[str]:
    """Post events of that name nowhere any more; where they went until now. Raises Refused."""
    urls = urls_by_name(conn, where).get(name, [])
    if not urls:
        raise Refused(550, "5.1.2", f"There is no webhook for {name[:40]} here", reason="no-hook")
    for url in urls:
        _drop(conn, now, where, url, {name})
    return urls


def put_url(
    conn: Connection, ids: Ids, now: float, where: Where, url: str, names: Sequence[str], *, replaces: bool
) -> Hook:
    """Post events of these names to the URL, with `replaces` no others; a hook that had been switched off is
    on again. Raises Refused."""
    form = hooks.form_of(where.forms, where.dialect)
    found = _find(conn, where, url)
    if found is None:
        made = hooks.add(
            conn,
            ids,
            now,
            where.forms,
            account_id=where.account_id,
            dialect=where.dialect,
            wanted=Wanted(url, list(names), where.domain or None),
            allows_plain=where.allows_plain,
        )
    else:
        every = names if replaces else [*names_of(form, found), *names]
        made = change(conn, now, where, found.id, Wanted(kinds=every))
        if not found.is_enabled:
            made = hooks.set_enabled(conn, now, where.account_id, found.id, True)
    judge_number(conn, where)
    return made


def drop_url(conn: Connection, where: Where, url: str) -> None:
    """Post nothing to that URL any more. Raises Refused."""
    found = _find(conn, where, url)
    if found is None:
        raise Refused(550, "5.1.2", "There is no webhook with this URL here", reason="no-hook")
    hooks.remove(conn, where.account_id, found.id)


def _drop(conn: Connection, now: float, where: Where, url: str, names: Collection[str]) -> None:
    found = _find(conn, where, url)
    if found is None:
        return
    form = hooks.form_of(where.forms, where.dialect)
    left = [name for name in names_of(form, found) if name not in names]
    if left:
        change(conn, now, where, found.id, Wanted(kinds=left))
    else:
        hooks.remove(conn, where.account_id, found.id)


def change(conn: Connection, now: float, where: Where, hook_id: str, wanted: Wanted) -> Hook:
    """`hooks.change` of one of these hooks; who changes its events or URL judges the number too. Raises
    Refused."""
    return hooks.change(
        conn,
        now,
        where.forms,
        account_id=where.account_id,
        hook_id=hook_id,
        wanted=wanted,
        allows_plain=where.allows_plain,
    )


def _find(conn: Connection, where: Where, url: str) -> Hook | None:
    return next((hook for hook in held(conn, where) if hook.url == url), None)


def judge_number(conn: Connection, where: Where) -> None:
    """Raises Refused where an event has too many URLs."""
    for name, urls in urls_by_name(conn, where).items():
        if len(urls) > MOST_URLS:
            text = f"unable to add more than {MOST_URLS} urls for event type {name}"
            raise Refused(501, "5.5.4", text, reason="too-many")
