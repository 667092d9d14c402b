"""A stored template as Mailgun's calls say and show it.

Public: shown, version_shown, told, named, domain_of, draft_of, note_of, load, load_version.
"""

from __future__ import annotations

from typing import Any

import msgspec

from posthouse.desk.templates import FIELDS, Draft
from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.bodies import Form
from posthouse.doors.api.call import Call
from posthouse.doors.api.mailgun.asked import UTC, date_text, switch
from posthouse.doors.api.mailgun.phrases import said
from posthouse.store import templates as stored
from posthouse.store.connection import Connection
from posthouse.store.rows import harmless
from posthouse.store.templates import Found, Template, Version

_LONGEST_NOTE = 500
_NO_TEMPLATE, _NO_VERSION = "template not found", "template version not found"


# Shapes


def shown(about: Template) -> dict[str, Any]:
    """The template without its versions."""
    return {
        "name": about.name,
        "description": about.description,
        "createdAt": date_text(about.created_at, UTC),
        "createdBy": about.more.get("created_by", ""),
        "id": about.id,
    }


def version_shown(version: Version, *, with_text: bool = True) -> dict[str, Any]:
    """One version."""
    made: dict[str, Any] = {
        "tag": version.tag,
        "engine": version.engine,
        "mjml": "",
        "createdAt": date_text(version.created_at, UTC),
        "comment": version.more.get("comment", ""),
        "active": version.is_active,
        "id": version.more.get("id") or f"{version.template_id}.{version.tag}",
    }
    if with_text:
        made |= {"template": version.html or version.text, "headers": version.fields}
    return made


def told(message: str, found: Found) -> Answer:
    """A template with one version, and what happened to it."""
    made = {**shown(found.template), "version": version_shown(found.version)}
    return json_answer({"message": message, "template": made})


def named(message: str, name: str, tag: str) -> Answer:
    """Their names only, and what happened."""
    return json_answer({"message": message, "template": {"name": name, "version": {"tag": tag}}})


# What a call says


def domain_of(call: Call) -> str:
    """The sending domain that the path names, "" for the account's own templates."""
    return call.domain.name if call.found_domain is not None else ""


def draft_of(call: Call, form: Form, name: str, tag: str) -> Draft:
    """Raises Problem, Said."""
    return Draft(
        call.account_id,
        domain_of(call),
        name,
        tag,
        form.get("template"),
        engine=form.get("engine").strip().lower() or stored.HANDLEBARS,
        fields=_fields(form),
        is_active="active" in form and switch(form.get("active"), "active"),
        more={"comment": note_of(form, "comment"), "id": call.parts.ids.new()},
    )


def note_of(form: Form, name: str) -> str:
    """A line for people, cut."""
    return harmless(form.get(name)).strip()[:_LONGEST_NOTE]


def _fields(form: Form) -> dict[str, str]:
    """`headers`: of a JSON object, the fields that a template may have. Raises Said."""
    text = form.get("headers").strip()
    if not text:
        return {}
    try:
        given = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise said("Invalid headers: use a JSON object of header fields") from error
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise said("Invalid headers: use a JSON object of header fields")
    names = {field.lower(): field for field in FIELDS}
    strange = [name for name in given if name.lower() not in names]
    if strange:
        raise said(f"Invalid headers: {strange[0][:40]} is none of {', '.join(FIELDS)}")
    return {names[name.lower()]: value for name, value in given.items()}


def load(conn: Connection, account_id: str, domain: str, name: str) -> Template:
    """By name or id, of exactly this place. Raises Said."""
    found = stored.find_named(conn, account_id, domain, name) or stored.find_by_id(conn, account_id, name)
    if found is None or found.domain != domain:
        raise said(_NO_TEMPLATE, 404)
    return found


def load_version(conn: Connection, about: Template, tag: str) -> Version:
    """By tag. Raises Said."""
    wanted = harmless(tag).lower()
    for version in stored.versions_of(conn, about.id):
        if version.tag == wanted:
            return version
    raise said(_NO_VERSION, 404)
