"""The event webhook: who is told, of what, and the key that signs (sendgrid.md 3.11).

A webhook there is one of ours in SendGrid's form. The service has a key pair for each webhook, we have one an
account: it is made when the first webhook is to be signed, and goes with the last one that is. OAuth is
refused rather than left out in silence: a receiver that expects it would turn every post away.

Public: ENDPOINTS.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from posthouse.desk import hook_keys, hook_rotation, hooks
from posthouse.desk.hook_keys import Made
from posthouse.desk.hook_samples import try_receiver
from posthouse.desk.hooks import MOST_HOOKS, Wanted
from posthouse.dialects.table import HOOK_FORMS
from posthouse.doors.api.answers import NOTHING, Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.sendgrid.asked import find_flag, find_text, object_of, text_of
from posthouse.doors.api.sendgrid.phrases import said
from posthouse.model.errors import Refused
from posthouse.model.hook import Hook, HookKey
from posthouse.store import hook_keys as key_store
from posthouse.store import hooks as store
from posthouse.store.connection import Connection

DIALECT = "sendgrid"
_EVENTS = tuple(HOOK_FORMS[DIALECT].kinds)
_OAUTH = ("oauth_client_id", "oauth_client_secret", "oauth_token_url")
_LONGEST = 2000
_TOO_MANY = "You have reached the maximum number of webhooks per your current billing plan."
_NO_HOOK = "Invalid id provided."


# Showing


def _shown(hook: Hook | None, public_key: str) -> dict[str, Any]:
    """None: there is no webhook yet, which the oldest form of the call shows as one without a URL."""
    wanted = _names_of(hook) if hook else frozenset()
    return {
        "enabled": hook is not None and hook.is_enabled,
        "url": hook.url if hook else "",
        **{name: name in wanted for name in _EVENTS},
        "account_status_change": False,
        "friendly_name": hook.name if hook else "",
        "oauth_client_id": "",
        "oauth_token_url": "",
        "public_key": public_key if hook and hook.settings.signs else "",
        "id": hook.id if hook else "",
        "created_date": _date(hook.created_at) if hook else "",
        "updated_date": _date(hook.changed_at) if hook else "",
    }


def _names_of(hook: Hook) -> frozenset[str]:
    form = HOOK_FORMS[DIALECT]
    return frozenset(hook.settings.only or [name for name, kinds in form.kinds.items() if kinds & hook.kinds])


def _date(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _public_key(conn: Connection, call: Call) -> str:
    """Of the key that signs now."""
    keys = key_store.hook_keys_of(conn, call.account_id, "", DIALECT)
    found = hook_rotation.of_keys(keys, call.now)
    return found.signing.public if found else ""


def _all(conn: Connection, account_id: str) -> list[Hook]:
    """The account's webhooks of this form, oldest first."""
    return [hook for hook in store.list_hooks(conn, account_id) if hook.dialect == DIALECT]


def _find(conn: Connection, call: Call) -> Hook | None:
    """The webhook that the path names; without an id the oldest one, None if there is none. Raises Said."""
    found = _all(conn, call.account_id)
    if "id" not in call.params:
        return found[0] if found else None
    named = next((hook for hook in found if hook.id == call.params["id"]), None)
    if named is None:
        raise said(_NO_HOOK, 404)
    return named


async def _list(call: Call) -> Answer:
    def read(conn: Connection) -> dict[str, Any]:
        key = _public_key(conn, call)
        shown = [_shown(hook, key) for hook in _all(conn, call.account_id)]
        return {"max_allowed": MOST_HOOKS, "webhooks": shown}

    return json_answer(await call.read(read))


async def _get(call: Call) -> Answer:
    def read(conn: Connection) -> dict[str, Any]:
        return _shown(_find(conn, call), _public_key(conn, call))

    return json_answer(await call.read(read))


# Changing


async def _create(call: Call) -> Answer:
    given = await object_of(call)
    text_of(given, "url", _LONGEST)

    def make(conn: Connection) -> dict[str, Any]:
        return _shown(_added(conn, call, given), "")

    try:
        return await call.write_once(lambda made: json_answer(made, 201), make)
    except Refused as refused:
        raise _told(refused, given) from refused


def _added(conn: Connection, call: Call, given: Mapping[str, Any]) -> Hook:
    wanted = _wanted(given, frozenset(), is_new=True)
    made = hooks.add(
        conn,
        call.parts.ids,
        call.now,
        HOOK_FORMS,
        account_id=call.account_id,
        dialect=DIALECT,
        wanted=wanted,
        allows_plain=call.parts.settings.hooks.allows_plain,
    )
    if find_flag(given, "enabled") is False:
        made = hooks.set_enabled(conn, call.now, call.account_id, made.id, False)
    return made


async def _update(call: Call) -> Answer:
    given = await object_of(call)

    def change(conn: Connection) -> dict[str, Any]:
        found = _find(conn, call)
        if found is None:  # the oldest form of the call makes the only webhook
            text_of(given, "url", _LONGEST)
            return _shown(_added(conn, call, given), "")
        return _shown(_changed(conn, call, found, given), _public_key(conn, call))

    try:
        return await call.write_once(json_answer, change)
    except Refused as refused:
        raise _told(refused, given) from refused


def _changed(conn: Connection, call: Call, found: Hook, given: Mapping[str, Any]) -> Hook:
    wanted = _wanted(given, _names_of(found), is_new=False)
    if wanted.url not in (None, found.url) and wanted.url in {
        hook.url for hook in _all(conn, call.account_id)
    }:
        raise Refused(501, "5.5.4", "There is a webhook with this URL already", reason="exists")
    made = _change(conn, call, found, wanted)
    is_enabled = find_flag(given, "enabled")
    if is_enabled is not None and is_enabled != made.is_enabled:
        made = hooks.set_enabled(conn, call.now, call.account_id, made.id, is_enabled)
    return made


def _change(conn: Connection, call: Call, hook: Hook, wanted: Wanted) -> Hook:
    return hooks.change(
        conn,
        call.now,
        HOOK_FORMS,
        account_id=call.account_id,
        hook_id=hook.id,
        wanted=wanted,
        allows_plain=call.parts.settings.hooks.allows_plain,
    )


def _wanted(given: Mapping[str, Any], held: frozenset[str], *, is_new: bool) -> Wanted:
    """What the call says; `held`: events that are told so far. Raises Said."""
    for name in _OAUTH:
        if find_text(given, name, _LONGEST):
            text = "OAuth is not available for webhooks here; put a user and a password into the URL"
            raise said(text, field=name)
    flags = {name: flag for name in _EVENTS if (flag := find_flag(given, name)) is not None}
    names = {name for name in _EVENTS if flags.get(name, name in held)}
    if (is_new or flags) and not names:
        raise said("select at least one event, or switch the webhook off with enabled")
    return Wanted(
        url=find_text(given, "url", _LONGEST),
        kinds=sorted(names) if is_new or flags else None,
        name=find_text(given, "friendly_name", 100),
        signs=False if is_new else None,  # signing is switched on by a call of its own
    )


def _told(refused: Refused, given: Mapping[str, Any]) -> Exception:
    url = str(given.get("url", ""))[:_LONGEST]
    texts = {
        "bad-url": f"'{url}' is not a valid url",
        "exists": f"Webhook at '{url}' already exists. Please provide a unique URL.",
        "too-many": _TOO_MANY,
    }
    text = texts.get(refused.reason)
    return said(text, field=None if refused.reason == "too-many" else "url") if text else refused


async def _remove(call: Call) -> Answer:
    def remove(conn: Connection) -> None:
        found = _find(conn, call)
        assert found is not None  # the path names one
        hooks.remove(conn, call.account_id, found.id)
        _drop_unused_key(conn, call.account_id)

    return await call.write_once(lambda _: NOTHING, remove)


# The key that signs


async def _get_signed(call: Call) -> Answer:
    def read(conn: Connection) -> dict[str, Any]:
        found = _shown(_find(conn, call), _public_key(conn, call))
        return {"id": found["id"], "public_key": found["public_key"]}

    return json_answer(await call.read(read))


async def _set_signed(call: Call) -> Answer:
    is_wanted = find_flag(await object_of(call), "enabled")
    if is_wanted is None:
        raise said("enabled is required", field="enabled")
    fresh = hook_keys.make(DIALECT) if is_wanted else None  # outside of the transaction: it costs a moment

    def change(conn: Connection) -> dict[str, Any]:
        found = _find(conn, call)
        if found is None:
            raise said(_NO_HOOK, 404)
        _change(conn, call, found, Wanted(signs=is_wanted))
        key = _ensured(conn, call, fresh) if fresh else _drop_unused_key(conn, call.account_id)
        return {"id": found.id, "public_key": key}

    return await call.write_once(json_answer, change)


def _ensured(conn: Connection, call: Call, fresh: Made) -> str:
    if held := _public_key(conn, call):
        return held
    parts = call.parts
    made = hook_keys.store(
        conn,
        parts.installation,
        parts.ids,
        call.now,
        fresh,
        account_id=call.account_id,
        dialect=DIALECT,
    )
    return made.public


def _drop_unused_key(conn: Connection, account_id: str) -> str:
    """Documented: who switches signing off loses the key. Ours goes with the last webhook that it signs."""
    if not any(hook.settings.signs for hook in _all(conn, account_id)):
        key_store.remove_hook_key(conn, account_id, "", DIALECT)
    return ""


# A try


async def _test(call: Call) -> Answer:
    """One sample of every event, to any URL; what comes of it is the receiver's to see (documented: 204)."""
    given = await object_of(call)
    url = text_of(given, "url", _LONGEST)
    try:
        url = hooks.parse_url(url, allows_plain=call.parts.settings.hooks.allows_plain)
    except Refused as refused:
        raise _told(refused, given) from refused
    key = await call.read(_test_key, call, find_text(given, "id", 100))
    kinds = frozenset[Any]().union(*HOOK_FORMS[DIALECT].kinds.values())
    hook = Hook("", call.account_id, "", DIALECT, url, kinds)
    await try_receiver(hook, HOOK_FORMS[DIALECT], key, call.parts.settings, call.parts.ids, call.now)
    return NOTHING


def _test_key(conn: Connection, call: Call, hook_id: str | None) -> HookKey | None:
    """Signed as the webhook's posts are. Raises Said."""
    found = _all(conn, call.account_id)
    hook = next((each for each in found if each.id == hook_id), None) if hook_id else next(iter(found), None)
    if hook_id and hook is None:
        raise said(_NO_HOOK, 404)
    if hook is None or not hook.settings.signs:
        return None
    return hook_rotation.find_signing_key(
        conn, call.parts.installation, call.account_id, DIALECT, "", call.now
    )


_READ, _WRITE = "hooks.read", "hooks.write"
_SETTINGS = "/v3/user/webhooks/event/settings"
ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", f"{_SETTINGS}/all", _READ, _list),
    Endpoint("GET", _SETTINGS, _READ, _get),
    Endpoint("POST", _SETTINGS, _WRITE, _create),
    Endpoint("PATCH", _SETTINGS, _WRITE, _update),
    Endpoint("GET", f"{_SETTINGS}/{{id}}", _READ, _get),
    Endpoint("PATCH", f"{_SETTINGS}/{{id}}", _WRITE, _update),
    Endpoint("DELETE", f"{_SETTINGS}/{{id}}", _WRITE, _remove),
    Endpoint("GET", f"{_SETTINGS}/signed", _READ, _get_signed),
    Endpoint("PATCH", f"{_SETTINGS}/signed", _WRITE, _set_signed),
    Endpoint("GET", f"{_SETTINGS}/signed/{{id}}", _READ, _get_signed),
    Endpoint("PATCH", f"{_SETTINGS}/signed/{{id}}", _WRITE, _set_signed),
    Endpoint("POST", "/v3/user/webhooks/event/test", _WRITE, _test),
)
