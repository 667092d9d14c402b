"""Versions of templates: `/v3/templates/{id}/versions` (sendgrid.md 3.9).

Public: ENDPOINTS.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from posthouse.desk import templates as desk
from posthouse.desk.templates import Draft
from posthouse.doors.api.answers import NOTHING, Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.sendgrid.asked import object_of
from posthouse.doors.api.sendgrid.template_forms import (
    LEGACY,
    engine_of,
    generation_of,
    kept,
    new_id,
    template_error,
    told,
    version_shown,
    with_kept,
)
from posthouse.doors.api.sendgrid.templates import BOUNDS, MOST_TEXT, load_template, name_of
from posthouse.mail.html_text import text_of_html
from posthouse.model.clock import Ids
from posthouse.model.errors import Refused
from posthouse.store import templates as stored
from posthouse.store.connection import Connection
from posthouse.store.templates import HANDLEBARS, Template, Version

_MOST_SUBJECT = 255
_EDITORS = ("code", "design")
_TEXTS = ("html_content", "plain_content", "test_data")


@dataclass(frozen=True, slots=True)
class _Wish:
    """A version as the call wants it; None: not said."""

    name: str | None
    subject: str | None
    html: str | None
    text: str | None
    editor: str | None
    test_data: str | None
    makes_text: bool | None
    is_active: bool


def _wish(given: dict[str, Any], *, is_new: bool) -> _Wish:
    """Raises Said."""
    subject = _text(given, "subject", _MOST_SUBJECT)
    if is_new and subject is None:
        raise template_error("subject is required", "subject")
    if subject is not None and not subject.isprintable():
        raise template_error("subject must be a single line of printable characters", "subject")
    texts = {name: _text(given, name, MOST_TEXT) for name in _TEXTS}
    _judge_test_data(texts["test_data"])
    editor = given.get("editor")
    if editor is not None and editor not in _EDITORS:
        raise template_error("editor must be code or design", "editor")
    active = given.get("active", 0)
    if active not in (0, 1):
        raise template_error("active must be 0 or 1", "active")
    makes_text = given.get("generate_plain_content")
    if makes_text is not None and not isinstance(makes_text, bool):
        raise template_error("generate_plain_content must be a boolean", "generate_plain_content")
    name = name_of(given) if is_new or given.get("name") is not None else None
    return _Wish(
        name,
        subject,
        texts["html_content"],
        texts["plain_content"],
        editor,
        texts["test_data"],
        makes_text,
        bool(active),
    )


def _text(given: dict[str, Any], name: str, most: int) -> str | None:
    value = given.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise template_error(f"{name} must be a string", name)
    size = len(value) if most == _MOST_SUBJECT else len(value.encode("utf-8", "replace"))
    if size > most:
        raise template_error(f"{name} must not be longer than {most}", name)
    return value


def _judge_test_data(text: str | None) -> None:
    if not text:
        return
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise template_error(f"test_data must be JSON: {error}", "test_data") from error


def _draft(about: Template, engine: str, before: Version, wish: _Wish, now: float) -> Draft:
    """What becomes of a version by the wish; what is not said stays."""
    html = before.html if wish.html is None else wish.html
    text, makes_text = _plain(before, wish, html)
    subject = before.fields.get("Subject", "") if wish.subject is None else wish.subject
    values = {
        "name": wish.name,
        "editor": wish.editor,
        "test_data": wish.test_data,
        "generate_plain_content": makes_text,
        "updated_at": now,
    }
    others = {name: value for name, value in before.fields.items() if name != "Subject"}
    return Draft(
        account_id=about.account_id,
        domain=about.domain,
        name=about.name,
        tag=before.tag,
        html=html,
        text=text,
        engine=engine,
        fields={**others, "Subject": subject} if subject else others,
        is_active=wish.is_active,
        more=with_kept(before.more, **{name: value for name, value in values.items() if value is not None}),
        bounds=BOUNDS,
    )


def _plain(before: Version, wish: _Wish, html: str) -> tuple[str, bool]:
    """The plain text and whether it is made of the HTML: by default it is (documented). A text that is given
    beside no word about that is kept, for nobody writes one to have it thrown away."""
    makes_text = wish.makes_text
    if makes_text is None:
        was = kept(before.more).get("generate_plain_content", not before.text)
        makes_text = bool(was) and not wish.text
    if makes_text:
        return text_of_html(html), True
    return (before.text if wish.text is None else wish.text), False


def _engine(conn: Connection, about: Template) -> str:
    return engine_of(generation_of(about, stored.versions_of(conn, about.id)))


def _load(conn: Connection, about: Template, id: str) -> Version:
    found = stored.find(conn, about.account_id, about.domain, about.id, id) if id else None
    if found is None or found.template.id != about.id:
        raise template_error("resource not found", status=404)
    return found.version


# The calls


async def _add(call: Call) -> Answer:
    wish = _wish(await object_of(call), is_new=True)
    try:
        return await call.write_once(
            lambda version: json_answer({**version_shown(version), "warnings": []}, 201),
            _added,
            call.parts.ids,
            call.account_id,
            call.params["template"],
            wish,
            call.now,
        )
    except Refused as refused:
        raise told(refused) from refused


def _added(conn: Connection, ids: Ids, account_id: str, id: str, wish: _Wish, now: float) -> Version:
    about = load_template(conn, account_id, id)
    blank = Version(about.id, new_id(LEGACY), False, HANDLEBARS, "", "")
    return desk.store_version(conn, ids, now, _draft(about, _engine(conn, about), blank, wish, now)).version


async def _one(call: Call) -> Answer:
    version = await call.read(_found, call.account_id, call.params["template"], call.params["version"])
    return json_answer({**version_shown(version), "warnings": []})


def _found(conn: Connection, account_id: str, template: str, id: str) -> Version:
    return _load(conn, load_template(conn, account_id, template), id)


async def _change(call: Call) -> Answer:
    wish = _wish(await object_of(call), is_new=False)
    place = (call.account_id, call.params["template"], call.params["version"])
    try:
        version = await call.write(_changed, *place, wish, call.now)
    except Refused as refused:
        raise told(refused) from refused
    return json_answer({**version_shown(version), "warnings": []})


def _changed(conn: Connection, account_id: str, template: str, id: str, wish: _Wish, now: float) -> Version:
    about = load_template(conn, account_id, template)
    before = _load(conn, about, id)
    return desk.change_version(conn, _draft(about, before.engine, before, wish, now)).version


async def _activate(call: Call) -> Answer:
    place = (call.account_id, call.params["template"], call.params["version"])
    version = await call.write(_activated, *place)
    return json_answer({**version_shown(version), "warnings": []})


def _activated(conn: Connection, account_id: str, template: str, id: str) -> Version:
    about = load_template(conn, account_id, template)
    stored.activate(conn, about.id, _load(conn, about, id).tag)
    return _load(conn, about, id)


async def _remove(call: Call) -> Answer:
    await call.write(_removed, call.account_id, call.params["template"], call.params["version"])
    return NOTHING


def _removed(conn: Connection, account_id: str, template: str, id: str) -> None:
    about = load_template(conn, account_id, template)
    stored.drop_version(conn, about.id, _load(conn, about, id).tag)


_READ, _WRITE = "templates.read", "templates.write"
_ALL = "/v3/templates/{template}/versions"
_ONE = f"{_ALL}/{{version}}"
ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("POST", _ALL, _WRITE, _add),
    Endpoint("GET", _ONE, _READ, _one),
    Endpoint("PATCH", _ONE, _WRITE, _change),
    Endpoint("DELETE", _ONE, _WRITE, _remove),
    Endpoint("POST", f"{_ONE}/activate", _WRITE, _activate),
)
