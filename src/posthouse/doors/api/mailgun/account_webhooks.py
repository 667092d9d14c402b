"""Mailgun's webhooks of the whole account (v1), each with an id, and the key that signs all posts (v5).

Public: ENDPOINTS.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from posthouse.desk import hook_keys, hook_names, hook_rotation, hooks
from posthouse.desk.hook_names import Where
from posthouse.desk.hooks import Wanted
from posthouse.dialects.table import HOOK_FORMS
from posthouse.doors.api.answers import NOTHING, Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.mailgun.asked import GMT, date_text, fields_of, listed, switch
from posthouse.doors.api.mailgun.phrases import said
from posthouse.doors.api.mailgun.webhooks import DIALECT, event_types, in_words, where_of
from posthouse.model.clock import Ids
from posthouse.model.errors import Refused
from posthouse.model.hook import Hook
from posthouse.store.connection import Connection

_READ, _WRITE = "hooks.read", "hooks.write"
_LIST = "/v1/webhooks"
_KEY = "/v5/accounts/http_signing_key"


def _shown(hook: Hook) -> dict[str, Any]:
    return {
        "webhook_id": hook.id,
        "description": hook.name,
        "url": hook.url,
        "event_types": list(hook_names.names_of(HOOK_FORMS[DIALECT], hook)),
        "created_at": date_text(hook.created_at, GMT),
    }


async def _get_all(call: Call) -> Answer:
    wanted = {part for text in call.query.getlist("webhook_ids") for part in text.split(",") if part}
    found = await call.read(hook_names.held, where_of(call, ""))
    return json_answer({"webhooks": [_shown(hook) for hook in found if not wanted or hook.id in wanted]})


async def _get_one(call: Call) -> Answer:
    return json_answer(_shown(await call.read(_load, where_of(call, ""), call.params["id"])))


def _load(conn: Connection, where: Where, hook_id: str) -> Hook:
    found = next((hook for hook in hook_names.held(conn, where) if hook.id == hook_id), None)
    if found is None:
        raise _not_found()
    return found


def _not_found() -> Exception:
    return said("Webhook not found", 404)


async def _create(call: Call) -> Answer:
    form = await fields_of(call)
    url, names = form.get("url").strip(), event_types(form)
    for field, value in (("url", url), ("event_types", names)):
        if not value:
            raise said(f"Missing mandatory parameter: {field}")

    def answer(made: Hook) -> Answer:
        return json_answer({"webhook_id": made.id})

    about = (form.get("description") if "description" in form else None, url, names)
    try:
        return await call.write_once(answer, _put, call.parts.ids, call.now, where_of(call, ""), *about)
    except Refused as refused:
        raise in_words(refused, too_many=409) from refused


def _put(
    conn: Connection,
    ids: Ids,
    now: float,
    where: Where,
    description: str | None,
    url: str,
    names: Sequence[str],
) -> Hook:
    made = hook_names.put_url(conn, ids, now, where, url, names, replaces=False)
    if description is None:
        return made
    return hook_names.change(conn, now, where, made.id, Wanted(name=description))


async def _update(call: Call) -> Answer:
    form = await fields_of(call)
    wanted = Wanted(
        url=form.get("url").strip() or None,
        kinds=event_types(form) or None,
        name=form.get("description") if "description" in form else None,
    )
    where = where_of(call, "")
    try:
        return await call.write_once(_nothing, _replace, call.now, where, call.params["id"], wanted)
    except Refused as refused:
        raise in_words(refused, too_many=409) from refused


def _replace(conn: Connection, now: float, where: Where, hook_id: str, wanted: Wanted) -> Hook:
    found = _load(conn, where, hook_id)
    if wanted.url == found.url:
        wanted = replace(wanted, url=None)
    if wanted.url and wanted.url in {hook.url for hook in hook_names.held(conn, where)}:
        raise Refused(501, "5.5.4", "There is a webhook with this URL already", reason="exists")
    made = hook_names.change(conn, now, where, hook_id, wanted)
    hook_names.judge_number(conn, where)
    return made


async def _delete(call: Call) -> Answer:
    where = where_of(call, "")
    return await call.write_once(_nothing, _remove, where, [call.params["id"]])


async def _delete_some(call: Call) -> Answer:
    form = await fields_of(call)
    ids = listed(form, "webhook_ids")
    wants_all = "all" in form and switch(form.get("all"), "all")
    if not ids and not wants_all:
        raise said("Missing mandatory parameter: webhook_ids")
    return await call.write_once(_nothing, _remove, where_of(call, ""), None if wants_all else ids)


def _remove(conn: Connection, where: Where, hook_ids: Sequence[str] | None) -> None:
    held = {hook.id for hook in hook_names.held(conn, where)}
    for id in sorted(held) if hook_ids is None else hook_ids:
        if id not in held:
            raise _not_found()
        held.remove(id)
        hooks.remove(conn, where.account_id, id)


def _nothing(_: object) -> Answer:
    return NOTHING


# The key that signs


async def _get_key(call: Call) -> Answer:
    """The secret itself, made when it is first asked for: whoever may change webhooks may have a new one."""
    try:
        key = await call.read(
            hook_rotation.load_signing_key, call.parts.installation, call.account_id, DIALECT, "", call.now
        )
    except Refused as refused:
        if refused.reason != "no-hook-key":
            raise
        made = hook_keys.make(DIALECT)
        await call.write(_store_key, call, made, replaces=False)
        return json_answer({"http_signing_key": made.text})
    return json_answer({"http_signing_key": key.secret.decode("ascii", "replace")})


async def _new_key(call: Call) -> Answer:
    """The old one ends at once."""
    made = hook_keys.make(DIALECT)
    told = {"message": "regenerated HTTP signing key for account", "http_signing_key": made.text}

    def answer(_: object) -> Answer:
        return json_answer(told)

    def kept(_: object) -> Answer:
        return json_answer(told | {"http_signing_key": ""})

    return await call.issue_once(answer, kept, _store_key, call, made, replaces=True)


def _store_key(conn: Connection, call: Call, made: hook_keys.Made, *, replaces: bool) -> None:
    hook_keys.store(
        conn,
        call.parts.installation,
        call.parts.ids,
        call.now,
        made,
        account_id=call.account_id,
        dialect=DIALECT,
        replaces=replaces,
    )


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", _LIST, _READ, _get_all),
    Endpoint("POST", _LIST, _WRITE, _create),
    Endpoint("DELETE", _LIST, _WRITE, _delete_some),
    Endpoint("GET", f"{_LIST}/{{id}}", _READ, _get_one),
    Endpoint("PUT", f"{_LIST}/{{id}}", _WRITE, _update),
    Endpoint("DELETE", f"{_LIST}/{{id}}", _WRITE, _delete),
    Endpoint("GET", _KEY, _WRITE, _get_key),
    Endpoint("POST", _KEY, _WRITE, _new_key),
)
