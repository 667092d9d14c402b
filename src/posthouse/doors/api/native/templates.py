"""Stored templates and their versions, and what a version makes of sample values.

Public: ENDPOINTS.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from posthouse.desk import domains, templates
from posthouse.desk.template_samples import fill
from posthouse.dialects.depth import is_too_deep
from posthouse.dialects.native.options import MOST_DEPTH
from posthouse.doors.api.answers import Answer, Problem
from posthouse.doors.api.call import Call
from posthouse.doors.api.native.endpoint import NativeEndpoint, Page, one, reading, writing
from posthouse.doors.api.native.listing import Listing, page_of, part_of
from posthouse.doors.api.native.scope import bound_domain, wanted_domain
from posthouse.store import templates as stored
from posthouse.store.connection import Connection
from posthouse.store.templates import Found, Template

Line = Annotated[str, Meta(max_length=1000)]
Domain = Annotated[str, Meta(max_length=255, description="The sending domain that it belongs to.")]
Tag = Annotated[str, Meta(min_length=1, max_length=100)]
Body = Annotated[str, Meta(max_length=templates.MAX_BYTES)]


class TemplateRow(Struct, frozen=True, kw_only=True):
    """A template and its versions' tags. `active`: the one that is used."""

    id: str
    name: str
    domain: str
    description: str
    created_at: dt.datetime
    versions: list[str]
    active: str


class VersionRow(Struct, frozen=True, kw_only=True):
    """A version with its texts. `fields`: header fields of letters that have none."""

    id: str
    name: str
    domain: str
    version: str
    is_active: bool
    engine: Literal["handlebars", "wrapper"]
    fields: dict[str, str]
    html: str
    text: str
    created_at: dt.datetime


class TemplateSearch(Listing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which templates."""

    domain: Domain = ""


class VersionChoice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which version; empty: the active one."""

    domain: Domain = ""
    version: Annotated[str, Meta(max_length=100)] = ""


class NewVersion(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version to store; the first one of a template is active at once."""

    domain: Domain = ""
    version: Tag = "initial"
    engine: Annotated[
        Literal["handlebars", "wrapper"], Meta(description="wrapper: goes around the letter's own text.")
    ] = "handlebars"
    html: Body = ""
    text: Body = ""
    subject: Annotated[Line, Meta(description="Subject of letters that have none.")] = ""
    from_: Annotated[Line, Meta(description="From of letters that have none.")] = field(
        name="from", default=""
    )
    reply_to: Annotated[Line, Meta(description="Reply-To of letters that have none.")] = ""
    description: Annotated[Line, Meta(description="For people.")] = ""
    is_active: bool = False


class Activation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The version to use from now on."""

    version: Tag
    domain: Domain = ""


class Sample(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Values to fill in."""

    domain: Domain = ""
    version: Annotated[str, Meta(max_length=100, description="Empty: the active one.")] = ""
    variables: dict[str, Any] = {}


class Rendered(Struct, frozen=True, kw_only=True):
    """What the version makes of the values."""

    version: str
    subject: str
    html: str
    text: str


class RemovedTemplate(Struct, frozen=True, kw_only=True):
    """`version`: the only one that went, empty: all of the template."""

    removed: str
    version: str


async def list_templates(call: Call, asked: TemplateSearch) -> Answer:
    name = wanted_domain(call, asked.domain)
    wanted = domains.sending_name(name) if name else None
    rows = await call.read(templates.template_rows, call.account_id, wanted, part_of(asked))
    return page_of(TemplateRow, rows, asked, templates.place_of)


async def show_template(call: Call, asked: VersionChoice) -> Answer:
    return one(VersionRow)(templates.version_row(await call.read(_found, call, asked.domain, asked.version)))


def _about(conn: Connection, call: Call, domain: str) -> Template:
    name = wanted_domain(call, domain)
    return templates.load(
        conn, call.account_id, domains.sending_name(name) if name else "", call.params["name"]
    )


def _found(conn: Connection, call: Call, domain: str, version: str) -> Found:
    about = _about(conn, call, domain)
    found = stored.find(conn, call.account_id, about.domain, about.id, version.lower())
    if found is None or bound_domain(call) not in ("", found.template.domain):
        raise _no_version(about, version)
    return found


def _no_version(about: Template, version: str) -> Problem:
    text = f"There is no version {version[:100]} of {about.name}"
    return Problem(404, "no-version", text, field="version")


async def store_version(call: Call, asked: NewVersion) -> Answer:
    return await call.write_once(_shown(201), _store, call, asked)


def _shown(status: int) -> Any:
    return lambda made: one(VersionRow, status)(templates.version_row(made))


def _store(conn: Connection, call: Call, asked: NewVersion) -> Found:
    domain = wanted_domain(call, asked.domain)
    fields = {"Subject": asked.subject, "From": asked.from_, "Reply-To": asked.reply_to}
    draft = templates.Draft(
        account_id=call.account_id,
        domain=domains.load(conn, call.account_id, domain)[0].name if domain else "",
        name=call.params["name"],
        tag=asked.version,
        html=asked.html,
        text=asked.text,
        engine=asked.engine,
        fields={name: value for name, value in fields.items() if value},
        description=asked.description,
        is_active=asked.is_active,
    )
    return templates.store_version(conn, call.parts.ids, call.now, draft)


async def activate_version(call: Call, asked: Activation) -> Answer:
    return await call.write_once(_shown(200), _activate, call, asked)


def _activate(conn: Connection, call: Call, asked: Activation) -> Found:
    found = _found(conn, call, asked.domain, asked.version)
    stored.activate(conn, found.template.id, found.version.tag)
    return _found(conn, call, asked.domain, asked.version)


async def remove_template(call: Call, asked: VersionChoice) -> Answer:
    return await call.write_once(one(RemovedTemplate), _remove, call, asked)


def _remove(conn: Connection, call: Call, asked: VersionChoice) -> dict[str, str]:
    about = _found(conn, call, asked.domain, asked.version).template
    if not asked.version:
        stored.remove_template(conn, about.id)
    elif not stored.remove_version(conn, about.id, asked.version.lower()):
        raise Problem(422, "is-active", f"{asked.version[:100]} is the active version of {about.name}")
    return {"removed": about.name, "version": asked.version.lower()}


async def render_template(call: Call, asked: Sample) -> Answer:
    if is_too_deep(asked.variables, MOST_DEPTH):
        text = f"variables: it is nested more than {MOST_DEPTH} levels deep"
        raise Problem(422, "bad-option", text, field="variables")
    found = await call.read(_found, call, asked.domain, asked.version)
    return await asyncio.to_thread(_rendered, found, asked.variables)  # may take a moment


def _rendered(found: Found, variables: dict[str, Any]) -> Answer:
    made = fill(found.version, variables, found.template.name)
    return one(Rendered)(
        Rendered(version=found.version.tag, subject=made.subject, html=made.html, text=made.text)
    )


_READ, _WRITE = "templates.read", "templates.write"
ENDPOINTS: tuple[NativeEndpoint, ...] = (
    reading("/templates", _READ, list_templates, "List templates", topic="Templates", asks=TemplateSearch,
            gives=Page[TemplateRow], is_for_domains=True),
    reading("/templates/{name}", _READ, show_template, "Show a version", topic="Templates",
            asks=VersionChoice, gives=VersionRow, is_for_domains=True),
    writing("POST", "/templates/{name}/versions", _WRITE, store_version, "Store a version",
            topic="Templates", text="The template is made with its first version.", asks=NewVersion,
            gives=VersionRow, status=201, is_for_domains=True),
    writing("POST", "/templates/{name}/activate", _WRITE, activate_version, "Use a version from now on",
            topic="Templates", asks=Activation, gives=VersionRow, is_for_domains=True),
    writing("POST", "/templates/{name}/render", _READ, render_template, "Fill a version with sample values",
            topic="Templates", text="Nothing is sent.", asks=Sample, gives=Rendered, is_for_domains=True),
    writing("DELETE", "/templates/{name}", _WRITE, remove_template, "Remove a template, or one version",
            topic="Templates", text="Mail that was accepted with it is still sent.", asks=VersionChoice,
            gives=RemovedTemplate, is_for_domains=True),
)  # fmt: skip
