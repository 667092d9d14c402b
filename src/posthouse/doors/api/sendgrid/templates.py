"""Templates: `/v3/templates` (sendgrid.md 3.9). Their versions are in `template_versions`.

Public: ENDPOINTS, load_template, name_of, BOUNDS, MOST_TEXT.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from posthouse.desk import templates as desk
from posthouse.desk.templates import Bounds
from posthouse.doors.api.answers import NOTHING, Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.sendgrid.asked import object_of
from posthouse.doors.api.sendgrid.paging import page_address
from posthouse.doors.api.sendgrid.template_forms import (
    DYNAMIC,
    LEGACY,
    generation_of,
    new_id,
    template_error,
    template_shown,
    told,
    with_kept,
)
from posthouse.model.errors import Refused
from posthouse.store import templates as stored
from posthouse.store.connection import Connection
from posthouse.store.templates import Template, Version

MOST_TEXT = 1_048_576
BOUNDS = Bounds(templates=300, versions=300, bytes=3 * MOST_TEXT, may_be_empty=True)
MOST_NAME = 100
_MOST_PAGE = 200
_GENERATIONS = (LEGACY, DYNAMIC)


def load_template(conn: Connection, account_id: str, id: str) -> Template:
    """By its id. Raises Said, in the same words for another account's (S20)."""
    found = stored.find_by_id(conn, account_id, id)
    if found is None:
        raise template_error("resource not found", status=404)
    return found


def name_of(given: dict[str, Any]) -> str:
    """Raises Said."""
    name = given.get("name")
    if not isinstance(name, str) or not name.strip():
        raise template_error("name is required", "name")
    if len(name) > MOST_NAME or not name.isprintable():
        raise template_error(f"name must have at most {MOST_NAME} printable characters", "name")
    return name.strip()


# Look


async def _listed(call: Call) -> Answer:
    wanted = _generations(call)
    found = await call.read(_all, call.account_id, wanted)
    written = call.query.get("page_size", "").strip()
    if not written:  # the form of older clients
        shown = [template_shown(about, versions, is_brief=True) for about, versions in found]
        return json_answer({"templates": shown})
    if not written.isdecimal() or not 1 <= int(written[:4]) <= _MOST_PAGE:
        raise template_error(f"page_size must be a number from 1 to {_MOST_PAGE}", "page_size")
    return _page(call, found, int(written))


def _generations(call: Call) -> set[str]:
    """Without a word only legacy ones (documented). Raises Said."""
    texts = call.query.getlist("generations") or call.query.getlist("generations[]")
    words = {word.strip() for text in texts for word in text.split(",") if word.strip()} or {LEGACY}
    if strange := sorted(words - set(_GENERATIONS)):
        raise template_error(f"{strange[0][:50]!r} is no generation: legacy, dynamic", "generations")
    return words


_Held = tuple[Template, Sequence[Version]]


def _all(conn: Connection, account_id: str, wanted: set[str]) -> list[_Held]:
    """The newest first."""
    listed = stored.list_templates(conn, account_id)
    versions = stored.brief_versions(conn, [about.id for about in listed])
    held = [(about, versions.get(about.id, [])) for about in listed]
    found = [each for each in held if generation_of(*each) in wanted]
    return sorted(found, key=lambda each: _place(each[0]))


def _place(about: Template) -> tuple[float, str]:
    return -about.created_at, about.id


def _page(call: Call, found: Sequence[_Held], size: int) -> Answer:
    """A token names the last template of the page before: what is added or goes meanwhile moves nothing."""
    after = _read_token(call.query.get("page_token", ""))
    begin = next(
        (at for at, each in enumerate(found) if after is None or _place(each[0]) > after), len(found)
    )
    page = found[begin : begin + size]
    metadata: dict[str, Any] = {"self": _address(call, size, begin, found), "count": len(found)}
    if begin:
        metadata["prev"] = _address(call, size, max(0, begin - size), found)
    if begin + size < len(found):
        metadata["next"] = _address(call, size, begin + size, found)
    shown = [template_shown(about, versions, is_brief=True) for about, versions in page]
    return json_answer({"result": shown, "_metadata": metadata})


def _address(call: Call, size: int, begin: int, found: Sequence[_Held]) -> str:
    token = _token(found[begin - 1][0]) if begin else ""
    return page_address(call, page_size=str(size), page_token=token)


def _token(about: Template) -> str:
    at, id = _place(about)
    return base64.urlsafe_b64encode(f"{at}\n{id}".encode()).decode().rstrip("=")


def _read_token(token: str) -> tuple[float, str] | None:
    if not token:
        return None
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
        at, id = text.split("\n")
        return float(at), id
    except ValueError as error:
        raise template_error("page_token is none that a list gave", "page_token") from error


async def _one(call: Call) -> Answer:
    return json_answer(await call.read(_shown, call.account_id, call.params["template"]))


def _shown(conn: Connection, account_id: str, id: str) -> dict[str, Any]:
    about = load_template(conn, account_id, id)
    return template_shown(about, stored.versions_of(conn, about.id))


# Change


async def _add(call: Call) -> Answer:
    given = await object_of(call)
    name = name_of(given)
    generation = given.get("generation") or LEGACY
    if generation not in _GENERATIONS:
        raise template_error("generation must be legacy or dynamic", "generation")
    id = new_id(generation)
    more = with_kept({}, name=name, generation=generation, updated_at=call.now)
    about = Template(id, call.account_id, "", id, "", call.now, more)
    try:
        return await call.write_once(
            lambda _: json_answer(template_shown(about, ()), 201), desk.add_template, about, BOUNDS
        )
    except Refused as refused:
        raise told(refused) from refused


async def _rename(call: Call) -> Answer:
    name = name_of(await object_of(call))
    shown = await call.write(_renamed, call.account_id, call.params["template"], name, call.now)
    return json_answer(shown)


def _renamed(conn: Connection, account_id: str, id: str, name: str, now: float) -> dict[str, Any]:
    about = load_template(conn, account_id, id)
    new = replace(about, more=with_kept(about.more, name=name, updated_at=now))
    stored.change_template(conn, new)
    return template_shown(new, stored.versions_of(conn, id))


async def _duplicate(call: Call) -> Answer:
    given = await object_of(call)
    name = name_of(given) if given.get("name") is not None else ""
    try:
        return await call.write_once(
            lambda shown: json_answer(shown, 201),
            _duplicated,
            call.account_id,
            call.params["template"],
            name,
            call.now,
        )
    except Refused as refused:
        raise told(refused) from refused


def _duplicated(conn: Connection, account_id: str, id: str, name: str, now: float) -> dict[str, Any]:
    about = load_template(conn, account_id, id)
    versions = stored.versions_of(conn, id)
    generation = generation_of(about, versions)
    title = name or f"Duplicate: {template_shown(about, ())['name']}"[:MOST_NAME]
    made = new_id(generation)
    more = with_kept(about.more, name=title, generation=generation, updated_at=now)
    copy = Template(made, account_id, "", made, about.description, now, more)
    desk.add_template(conn, copy, BOUNDS)
    for version in versions:
        tag = new_id(LEGACY)
        stored.add_version(conn, replace(version, template_id=made, tag=tag, created_at=now))
    return template_shown(copy, stored.versions_of(conn, made))


async def _remove(call: Call) -> Answer:
    await call.write(_removed, call.account_id, call.params["template"])
    return NOTHING


def _removed(conn: Connection, account_id: str, id: str) -> None:
    stored.remove_template(conn, load_template(conn, account_id, id).id)


_READ, _WRITE = "templates.read", "templates.write"
ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/v3/templates", _READ, _listed),
    Endpoint("POST", "/v3/templates", _WRITE, _add),
    Endpoint("GET", "/v3/templates/{template}", _READ, _one),
    Endpoint("POST", "/v3/templates/{template}", _WRITE, _duplicate),
    Endpoint("PATCH", "/v3/templates/{template}", _WRITE, _rename),
    Endpoint("DELETE", "/v3/templates/{template}", _WRITE, _remove),
)
