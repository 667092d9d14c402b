"""Mailgun's webhooks of a sending domain, by event (v3) and by URL (v4), and a try of one (mailgun.md 5.10).

Public: ENDPOINTS, where_of, event_types, in_words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from posthouse.desk import hook_names, hook_rotation, hooks
from posthouse.desk.hook_names import Where
from posthouse.desk.hook_samples import try_receiver
from posthouse.dialects.table import HOOK_FORMS
from posthouse.doors.api.answers import Answer, Said, json_answer
from posthouse.doors.api.bodies import Form
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.mailgun.asked import fields_of, listed
from posthouse.doors.api.mailgun.phrases import said
from posthouse.model.clock import Ids
from posthouse.model.errors import Refused
from posthouse.model.hook import Hook
from posthouse.store.connection import Connection

DIALECT = "mailgun"
_READ, _WRITE = "hooks.read", "hooks.write"
_LIST = "/v3/domains/{domain}/webhooks"
_BY_URL = "/v4/domains/{domain}/webhooks"


def where_of(call: Call, domain: str) -> Where:
    """The hooks that a call is about; domain "" for those of the account."""
    return Where(call.account_id, domain, DIALECT, HOOK_FORMS, call.parts.settings.hooks.allows_plain)


def event_types(form: Form, name: str = "event_types") -> list[str]:
    """The names of events that a call says, each once. Raises Said."""
    return _names(listed(form, name), name)


def _names(words: Sequence[str], field: str) -> list[str]:
    names = list(dict.fromkeys(word.strip() for word in words if word.strip()))
    known = HOOK_FORMS[DIALECT].kinds
    for name in names:
        if name not in known:
            raise said(f"Invalid {field}: {name[:40]} is none of {', '.join(known)}")
    return names


def in_words(refused: Refused, *, too_many: int = 400) -> Exception:
    """What the desk refused, as these calls say it."""
    if refused.reason in ("bad-url", "plain-http"):
        return Said(json_answer({"Reason": refused.text, "message": refused.text}, 400))
    if refused.reason == "no-hook":
        return said("Webhook not found", 404)
    if refused.reason == "too-many":
        return said(refused.text, too_many)
    return refused


# By event


async def _get_all(call: Call) -> Answer:
    found = await call.read(hook_names.urls_by_name, where_of(call, call.domain.name))
    return json_answer({"webhooks": _map(found)})


async def _get_one(call: Call) -> Answer:
    found = await call.read(hook_names.urls_by_name, where_of(call, call.domain.name))
    urls = found.get(call.params["name"])
    if not urls:
        raise said("Webhook not found", 404)
    return json_answer({"webhook": {"urls": urls}})


async def _create(call: Call) -> Answer:
    form = await fields_of(call)
    names = _names([form.get("id")], "id")
    if not names:
        raise said("Missing mandatory parameter: id")
    return await _put(call, names[0], form, "Webhook has been created", replaces=False)


async def _update(call: Call) -> Answer:
    name = call.params["name"]
    if not (await call.read(hook_names.urls_by_name, where_of(call, call.domain.name))).get(name):
        raise said("Webhook not found", 404)
    form = await fields_of(call)
    return await _put(call, name, form, "Webhook has been updated", replaces=True)


async def _put(call: Call, name: str, form: Form, message: str, *, replaces: bool) -> Answer:
    urls = _urls(form)
    where = where_of(call, call.domain.name)

    def answer(now_there: list[str]) -> Answer:
        return json_answer({"message": message, "webhook": {"urls": now_there}})

    try:
        return await call.write_once(
            answer, hook_names.put_name, call.parts.ids, call.now, where, name, urls, replaces=replaces
        )
    except Refused as refused:
        raise in_words(refused) from refused


def _urls(form: Form) -> list[str]:
    urls = list(dict.fromkeys(url.strip() for url in form.all("url") if url.strip()))
    if not urls:
        raise said("Missing mandatory parameter: url")
    if len(urls) > hook_names.MOST_URLS:
        raise said(f"unable to add more than {hook_names.MOST_URLS} urls for one event type")
    return urls


async def _delete(call: Call) -> Answer:
    where = where_of(call, call.domain.name)

    def answer(urls: list[str]) -> Answer:
        return json_answer({"message": "Webhook has been deleted", "webhook": {"urls": urls}})

    try:
        return await call.write_once(answer, hook_names.drop_name, call.now, where, call.params["name"])
    except Refused as refused:
        raise in_words(refused) from refused


async def _test(call: Call) -> Answer:
    """Samples of one event, posted at once to the URL that the call names; the answer is the receiver's, one
    that it refused before the others. 0: it did not answer."""
    name = call.params["name"]
    form = HOOK_FORMS[DIALECT]
    if not _names([name], "id"):
        raise said("Missing mandatory parameter: id")
    settings = call.parts.settings
    try:
        url = hooks.parse_url(_urls(await fields_of(call))[0], allows_plain=settings.hooks.allows_plain)
    except Refused as refused:
        raise in_words(refused) from refused
    domain = call.domain.name
    key = await call.read(
        hook_rotation.find_signing_key,
        call.parts.installation,
        call.account_id,
        DIALECT,
        domain,
        call.now,
    )
    hook = Hook("", call.account_id, domain, DIALECT, url, form.kinds[name])
    done = [each.result for each in await try_receiver(hook, form, key, settings, call.parts.ids, call.now)]
    result = next((each for each in done if not each.is_taken), done[0])
    return json_answer({"code": result.status, "message": result.text})


# By URL


async def _get_by_url(call: Call) -> Answer:
    found = await call.read(hook_names.urls_by_name, where_of(call, call.domain.name))
    return json_answer({"webhooks": _map(found)})


def _map(found: dict[str, list[str]]) -> dict[str, Any]:
    return {name: {"urls": urls} for name, urls in found.items()}


async def _put_by_url(call: Call) -> Answer:
    form = await fields_of(call)
    urls, names = _urls(form), event_types(form)
    if not names:
        raise said("Missing mandatory parameter: event_types")
    replaces = call.request.method == "PUT"
    where = where_of(call, call.domain.name)
    message = "Webhook has been updated" if replaces else "Webhook has been created"
    return await _by_url(call, message, _put_urls, call.parts.ids, call.now, where, urls, names, replaces)


def _put_urls(
    conn: Connection,
    ids: Ids,
    now: float,
    where: Where,
    urls: Sequence[str],
    names: Sequence[str],
    replaces: bool,
) -> dict[str, list[str]]:
    for url in urls:
        if replaces and url not in {hook.url for hook in hook_names.held(conn, where)}:
            raise Refused(550, "5.1.2", "There is no webhook with this URL here", reason="no-hook")
        hook_names.put_url(conn, ids, now, where, url, names, replaces=replaces)
    return hook_names.urls_by_name(conn, where)


async def _delete_by_url(call: Call) -> Answer:
    form = await fields_of(call)
    urls = listed(form, "url")
    if not urls:
        raise said("Missing mandatory parameter: url")
    where = where_of(call, call.domain.name)
    return await _by_url(call, "Webhook has been deleted", _drop_urls, where, urls)


def _drop_urls(conn: Connection, where: Where, urls: Sequence[str]) -> dict[str, list[str]]:
    for url in dict.fromkeys(urls):
        hook_names.drop_url(conn, where, url)
    return hook_names.urls_by_name(conn, where)


async def _by_url(call: Call, message: str, fn: Any, *args: Any) -> Answer:
    def answer(found: dict[str, list[str]]) -> Answer:
        return json_answer({"message": message, "webhooks": _map(found)})

    try:
        return await call.write_once(answer, fn, *args)
    except Refused as refused:
        raise in_words(refused) from refused


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", _LIST, _READ, _get_all),
    Endpoint("POST", _LIST, _WRITE, _create),
    Endpoint("GET", f"{_LIST}/{{name}}", _READ, _get_one),
    Endpoint("PUT", f"{_LIST}/{{name}}", _WRITE, _update),
    Endpoint("DELETE", f"{_LIST}/{{name}}", _WRITE, _delete),
    Endpoint("PUT", f"{_LIST}/{{name}}/test", _WRITE, _test),
    Endpoint("GET", _BY_URL, _READ, _get_by_url),
    Endpoint("POST", _BY_URL, _WRITE, _put_by_url),
    Endpoint("PUT", _BY_URL, _WRITE, _put_by_url),
    Endpoint("DELETE", _BY_URL, _WRITE, _delete_by_url),
)
