"""Mailgun's calls about stored templates of a domain (v3) and of the account (v4) (mailgun.md 5.11).

Public: ENDPOINTS.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from posthouse.desk import templates
from posthouse.desk.templates import Draft
from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint, Handler
from posthouse.doors.api.mailgun.asked import fields_of, required, switch
from posthouse.doors.api.mailgun.paging import Wanted, paging, wanted_of
from posthouse.doors.api.mailgun.phrases import said
from posthouse.doors.api.mailgun.template_shapes import (
    domain_of,
    draft_of,
    load,
    load_version,
    named,
    note_of,
    shown,
    told,
    version_shown,
)
from posthouse.model.clock import Ids
from posthouse.store import templates as stored
from posthouse.store.connection import Connection
from posthouse.store.templates import Found, Template, Version

_READ, _WRITE = "templates.read", "templates.write"
_MOST = 100
_USUAL_TAG = "initial"
Item = TypeVar("Item")


# Templates


async def _create(call: Call) -> Answer:
    form = await fields_of(call)
    name = required(form, "name")
    draft = draft_of(call, form, name, form.get("tag").strip() or _USUAL_TAG)
    about = Template(
        call.parts.ids.new(),
        call.account_id,
        draft.domain,
        name.lower(),
        note_of(form, "description"),
        call.now,
        {"created_by": note_of(form, "createdBy")} if form.get("createdBy").strip() else {},
    )

    def answer(found: Found | None) -> Answer:
        if found is None:
            return json_answer({"message": "template has been stored", "template": shown(about)})
        return told("template has been stored", found)

    return await call.write_once(answer, _store, call.parts.ids, call.now, about, draft)


def _store(conn: Connection, ids: Ids, now: float, about: Template, draft: Draft) -> Found | None:
    """A template, with its first version where there is a text."""
    templates.add_template(conn, about)
    return templates.store_version(conn, ids, now, draft) if draft.html else None


async def _list(call: Call) -> Answer:
    form = await fields_of(call)
    wanted = wanted_of(form, pivot_field="p", prefix_field="term", usual=_MOST, most=_MOST)
    wants_active = "active" in form and switch(form.get("active"), "active")
    found = await call.read(_all, call.account_id, domain_of(call), wants_active)
    page, ends = _page(found, wanted, lambda item: str(item["name"]))
    return json_answer({"items": page, "paging": paging(call, wanted, *ends)})


def _all(conn: Connection, account_id: str, domain: str, wants_active: bool) -> list[dict[str, Any]]:
    return [
        {**shown(about), **(_active(conn, about) if wants_active else {})}
        for about in stored.list_templates(conn, account_id, domain)
    ]


def _active(conn: Connection, about: Template) -> dict[str, Any]:
    held = [version for version in stored.versions_of(conn, about.id) if version.is_active]
    return {"version": version_shown(held[0])} if held else {}


def _page(
    items: Sequence[Item], wanted: Wanted, name_of: Callable[[Item], str]
) -> tuple[list[Item], tuple[str, str]]:
    """The page of a short list, and the names at its ends."""
    chosen = [
        item
        for item in sorted(items, key=name_of)
        if name_of(item).startswith(wanted.prefix)
        and (not wanted.after or name_of(item) > wanted.after)
        and (not wanted.before or name_of(item) < wanted.before)
    ]
    page = chosen[-wanted.most :] if wanted.is_backwards else chosen[: wanted.most]
    return page, (name_of(page[0]), name_of(page[-1])) if page else ("", "")


async def _get(call: Call) -> Answer:
    form = await fields_of(call)
    wants_active = "active" in form and switch(form.get("active"), "active")
    place = (call.account_id, domain_of(call), call.params["name"])
    return json_answer({"template": await call.read(_one, *place, wants_active)})


def _one(conn: Connection, account_id: str, domain: str, name: str, wants_active: bool) -> dict[str, Any]:
    about = load(conn, account_id, domain, name)
    return {**shown(about), **(_active(conn, about) if wants_active else {})}


async def _update(call: Call) -> Answer:
    form = await fields_of(call)
    if any(name.startswith("copy") for name, _ in form.fields):
        raise said("Posthouse has no subaccounts to copy a template to")
    if "description" not in form:
        raise said("No fields to update: give a description")

    def answer(about: Template) -> Answer:
        return json_answer({"message": "template has been updated", "template": {"name": about.name}})

    place = (call.account_id, domain_of(call), call.params["name"])
    return await call.write_once(answer, _describe, *place, note_of(form, "description"))


def _describe(conn: Connection, account_id: str, domain: str, name: str, description: str) -> Template:
    about = replace(load(conn, account_id, domain, name), description=description)
    templates.change_template(conn, about)
    return about


async def _delete(call: Call) -> Answer:
    def answer(about: Template) -> Answer:
        return json_answer({"message": "template has been deleted", "template": {"name": about.name}})

    return await call.write_once(answer, _remove, call.account_id, domain_of(call), call.params["name"])


def _remove(conn: Connection, account_id: str, domain: str, name: str) -> Template:
    about = load(conn, account_id, domain, name)
    stored.remove_template(conn, about.id)
    return about


async def _delete_all(call: Call) -> Answer:
    def answer(_: None) -> Answer:
        return json_answer({"message": "templates have been deleted"})

    return await call.write_once(answer, _remove_all, call.account_id, domain_of(call))


def _remove_all(conn: Connection, account_id: str, domain: str) -> None:
    for about in stored.list_templates(conn, account_id, domain):
        stored.remove_template(conn, about.id)


# Versions


async def _list_versions(call: Call) -> Answer:
    form = await fields_of(call)
    wanted = wanted_of(form, pivot_field="p", prefix_field="term", usual=_MOST, most=_MOST)
    place = (call.account_id, domain_of(call), call.params["name"])
    about, held = await call.read(_versions, *place)
    page, ends = _page(held, wanted, lambda version: version.tag)
    made = [version_shown(version, with_text=False) for version in page]
    return json_answer(
        {"template": {**shown(about), "versions": made}, "paging": paging(call, wanted, *ends)}
    )


def _versions(conn: Connection, account_id: str, domain: str, name: str) -> tuple[Template, list[Version]]:
    about = load(conn, account_id, domain, name)
    return about, stored.versions_of(conn, about.id)


async def _create_version(call: Call) -> Answer:
    form = await fields_of(call)
    required(form, "template")
    draft = draft_of(call, form, call.params["name"], required(form, "tag"))

    def answer(found: Found) -> Answer:
        return told("new version of the template has been stored", found)

    return await call.write_once(answer, _store_version, call.parts.ids, call.now, draft)


def _store_version(conn: Connection, ids: Ids, now: float, draft: Draft) -> Found:
    about = load(conn, draft.account_id, draft.domain, draft.name)
    return templates.store_version(conn, ids, now, replace(draft, name=about.name))


async def _get_version(call: Call) -> Answer:
    place = (call.account_id, domain_of(call), call.params["name"], call.params["tag"])
    found = await call.read(_version, *place)
    made = {**shown(found.template), "version": version_shown(found.version)}
    return json_answer({"template": made})


def _version(conn: Connection, account_id: str, domain: str, name: str, tag: str) -> Found:
    about = load(conn, account_id, domain, name)
    return Found(about, load_version(conn, about, tag))


async def _update_version(call: Call) -> Answer:
    form = await fields_of(call)
    draft = draft_of(call, form, call.params["name"], call.params["tag"])
    said_fields = frozenset(name for name, _ in form.fields)

    def answer(found: Found) -> Answer:
        return named("version has been updated", found.template.name, found.version.tag)

    return await call.write_once(answer, _change_version, draft, said_fields)


def _change_version(conn: Connection, draft: Draft, said_fields: frozenset[str]) -> Found:
    """What the call does not say stays."""
    found = _version(conn, draft.account_id, draft.domain, draft.name, draft.tag)
    held = found.version
    changed = replace(
        draft,
        name=found.template.name,
        html=draft.html if "template" in said_fields else held.html,
        text=held.text,
        engine=draft.engine if "engine" in said_fields else held.engine,
        fields=draft.fields if "headers" in said_fields else held.fields,
        more={**held.more, **({"comment": draft.more["comment"]} if "comment" in said_fields else {})},
    )
    return templates.change_version(conn, changed)


async def _delete_version(call: Call) -> Answer:
    def answer(found: Found) -> Answer:
        return named("version has been deleted", found.template.name, found.version.tag)

    place = (call.account_id, domain_of(call), call.params["name"], call.params["tag"])
    return await call.write_once(answer, _remove_version, *place)


def _remove_version(conn: Connection, account_id: str, domain: str, name: str, tag: str) -> Found:
    found = _version(conn, account_id, domain, name, tag)
    if not stored.remove_version(conn, found.template.id, found.version.tag):
        raise said("the active version cannot be deleted: activate another one first")
    return found


async def _copy_version(call: Call) -> Answer:
    form = await fields_of(call)
    comment = note_of(form, "comment")

    def answer(found: Found) -> Answer:
        return told("version has been copied", found)

    place = (call.account_id, domain_of(call), call.params["name"], call.params["tag"])
    about = (call.parts.ids, call.now, *place, call.params["new"], comment)
    return await call.write_once(answer, _copy, *about)


def _copy(
    conn: Connection,
    ids: Ids,
    now: float,
    account_id: str,
    domain: str,
    name: str,
    tag: str,
    new_tag: str,
    comment: str,
) -> Found:
    """A copy takes the place of a version that has its tag already."""
    found = _version(conn, account_id, domain, name, tag)
    held = found.version
    draft = Draft(
        account_id,
        domain,
        found.template.name,
        new_tag,
        held.html,
        held.text,
        held.engine,
        held.fields,
        more={"comment": comment or held.more.get("comment", ""), "id": ids.new()},
    )
    tags = {version.tag for version in stored.versions_of(conn, found.template.id)}
    if new_tag.lower() in tags:
        return templates.change_version(conn, draft)
    return templates.store_version(conn, ids, now, draft)


def _both(method: str, path: str, action: str, handler: Handler) -> tuple[Endpoint, ...]:
    """Of a domain and of the account."""
    return (
        Endpoint(method, f"/v3/{{domain}}/templates{path}", action, handler),
        Endpoint(method, f"/v4/templates{path}", action, handler),
    )


_ONE = "/{name}/versions/{tag}"
ENDPOINTS: tuple[Endpoint, ...] = (
    *_both("POST", "", _WRITE, _create),
    *_both("GET", "", _READ, _list),
    *_both("DELETE", "", _WRITE, _delete_all),
    *_both("GET", "/{name}", _READ, _get),
    *_both("PUT", "/{name}", _WRITE, _update),
    *_both("DELETE", "/{name}", _WRITE, _delete),
    *_both("GET", "/{name}/versions", _READ, _list_versions),
    *_both("POST", "/{name}/versions", _WRITE, _create_version),
    *_both("GET", _ONE, _READ, _get_version),
    *_both("PUT", _ONE, _WRITE, _update_version),
    *_both("DELETE", _ONE, _WRITE, _delete_version),
    *_both("PUT", f"{_ONE}/copy/{{new}}", _WRITE, _copy_version),
)
