"""Stored texts of letters and their versions. What may be stored is judged before (`desk.templates`).

Names and tags are lower case. A template belongs to a sending domain, or with domain "" to the whole
account. Exactly one version is active from the first one on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import bindparam, case, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert_into
from sqlalchemy.schema import Table

from posthouse.store.asset_tables import template, template_version
from posthouse.store.connection import Connection, Row
from posthouse.store.parts import EVERYTHING, Part, Parted
from posthouse.store.rows import harmless, json_text
from posthouse.store.statement import RowsStatement, Statement, given_key
from posthouse.store.tables import word
from posthouse.store.trouble import Duplicate

HANDLEBARS, WRAPPER = "handlebars", "wrapper"


@dataclass(frozen=True, slots=True)
class Template:
    """`more`: what a service keeps about it in its own words (an API's generation, author, …), as JSON."""

    id: str
    account_id: str
    domain: str
    name: str
    description: str
    created_at: float
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Version:
    """`engine`: HANDLEBARS renders its texts, WRAPPER encloses the letter's own. `fields`: header fields
    (Subject, From, Reply-To) for letters that lack them. `more` as in `Template`."""

    template_id: str
    tag: str
    is_active: bool
    engine: str
    html: str
    text: str
    fields: dict[str, str] = field(default_factory=dict)
    created_at: float = 0.0
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """A template and the version that was asked for."""

    template: Template
    version: Version


_read_fields = msgspec.json.Decoder(dict[str, str]).decode
_read_object = msgspec.json.Decoder(dict[str, Any]).decode


def _to_version(row: Row) -> Version:
    template_id, tag, is_active, engine, html, text, fields, created_at, more = row
    return Version(
        template_id=template_id,
        tag=tag,
        is_active=bool(is_active),
        engine=engine,
        html=html,
        text=text,
        fields=_read_fields(fields),
        created_at=float(created_at),
        more=_read_more(more),
    )


def _to_template(row: Row) -> Template:
    id, account_id, domain, name, description, created_at, more = row
    return Template(id, account_id, domain, name, description, float(created_at), _read_more(more))


def _read_more(written: str) -> dict[str, Any]:
    return _read_object(written) if written else {}


def _more_text(more: dict[str, Any]) -> str:
    return json_text(dict(more)) if more else ""


def _insert_once(table: Table) -> Statement:
    names = [column.name for column in table.columns]
    fresh = upsert_into(table).values({name: bindparam(name) for name in names})
    return Statement(fresh.on_conflict_do_nothing(), *names)


# Change

_add_template = _insert_once(template)
_add_version = _insert_once(template_version)
_activate = Statement(
    update(template_version)
    .where(template_version.c.template_id == bindparam("of_template"))
    .values(is_active=case((template_version.c.tag == bindparam("of_tag"), 1), else_=0)),
    "of_template",
    "of_tag",
)
_change_template = Statement(
    update(template)
    .where(template.c.id == bindparam("of_id"))
    .values(name=bindparam("new_name"), description=bindparam("new_description"), more=bindparam("new_more")),
    "of_id",
    "new_name",
    "new_description",
    "new_more",
)
_change_version = Statement(
    update(template_version)
    .where(
        template_version.c.template_id == bindparam("of_template"),
        template_version.c.tag == bindparam("of_tag"),
    )
    .values({name: bindparam(f"new_{name}") for name in ("engine", "html", "text", "fields", "more")}),
    "of_template",
    "of_tag",
    "new_engine",
    "new_html",
    "new_text",
    "new_fields",
    "new_more",
)
_remove = Statement(delete(template).where(template.c.id == bindparam("of_id")), "of_id")
_drop_version = Statement(
    delete(template_version).where(
        template_version.c.template_id == bindparam("of_template"),
        template_version.c.tag == bindparam("of_tag"),
    ),
    "of_template",
    "of_tag",
)
_remove_version = Statement(
    delete(template_version).where(
        template_version.c.template_id == bindparam("of_template"),
        template_version.c.tag == bindparam("of_tag"),
        template_version.c.is_active == 0,
    ),
    "of_template",
    "of_tag",
)


def add_template(conn: Connection, new: Template) -> None:
    """A template without versions. Raises Duplicate if the domain has one of that name."""
    name, about = new.name.lower(), harmless(new.description)
    values = (new.id, new.account_id, new.domain, name, about, new.created_at, _more_text(new.more))
    if not conn.change(_add_template, *values):
        raise Duplicate(f"the template {new.name} is there already")


def add_version(conn: Connection, new: Version) -> None:
    """A version; with `is_active` it takes the place of the active one. Raises Duplicate if the template has
    that tag: mail that was accepted with a version keeps meaning what it meant."""
    fields = json_text(dict(new.fields))
    texts = (new.engine, new.html, new.text, fields)
    row = (new.template_id, new.tag.lower(), 0, *texts, new.created_at, _more_text(new.more))
    if not conn.change(_add_version, *row):
        raise Duplicate(f"the version {new.tag} is there already")
    if new.is_active:
        conn.change(_activate, new.template_id, new.tag.lower())


def change_template(conn: Connection, new: Template) -> bool:
    """Store name, description and `more` of a template; its versions stay. False: there is none of that id.
    Raises Duplicate if its domain has another one of that name."""
    other = find_named(conn, new.account_id, new.domain, new.name)
    if other is not None and other.id != new.id:
        raise Duplicate(f"the template {new.name} is there already")
    values = (new.name.lower(), harmless(new.description), _more_text(new.more))
    return conn.change(_change_template, new.id, *values) > 0


def change_version(conn: Connection, new: Version) -> bool:
    """Store texts, fields and `more` of a version; mail that was accepted keeps what it has. False: there is
    no such version. Which one is active is `activate`'s."""
    texts = (new.engine, new.html, new.text, json_text(dict(new.fields)), _more_text(new.more))
    return conn.change(_change_version, new.template_id, new.tag.lower(), *texts) > 0


def activate(conn: Connection, template_id: str, tag: str) -> bool:
    """Make a version the active one. False: there is no such version."""
    if conn.row(_version, template_id, tag.lower()) is None:
        return False
    conn.change(_activate, template_id, tag.lower())
    return True


def remove_template(conn: Connection, template_id: str) -> bool:
    """With its versions. Mail that was accepted keeps its text. False: there is no such template."""
    return conn.change(_remove, template_id) > 0


def drop_version(conn: Connection, template_id: str, tag: str) -> bool:
    """Also the active one: the latest of the others takes its place. False: there is no such version."""
    if not conn.change(_drop_version, template_id, tag.lower()):
        return False
    rest = versions_of(conn, template_id)
    if rest and not any(version.is_active for version in rest):
        conn.change(_activate, template_id, rest[-1].tag)
    return True


def remove_version(conn: Connection, template_id: str, tag: str) -> bool:
    """False: there is no such version, or it is the active one."""
    return conn.change(_remove_version, template_id, tag.lower()) > 0


# Look

_version = Statement(
    select(template_version).where(
        template_version.c.template_id == bindparam("of_template"),
        template_version.c.tag == bindparam("of_tag"),
    ),
    "of_template",
    "of_tag",
)
_active = Statement(
    select(template_version).where(
        template_version.c.template_id == bindparam("of_template"), template_version.c.is_active == 1
    ),
    "of_template",
)
_brief_versions = RowsStatement(
    given_key(template_version.c.template_id.type),
    lambda given: (
        select(*[word("") if each.name in ("html", "text") else each for each in template_version.columns])
        .select_from(template_version)
        .join(given, template_version.c.template_id == given.c.key)
        .order_by(template_version.c.created_at, template_version.c.tag)
    ),
)
_versions = Statement(
    select(template_version)
    .where(template_version.c.template_id == bindparam("of_template"))
    .order_by(template_version.c.created_at, template_version.c.tag),
    "of_template",
)
# the domain's own before the account's: "" sorts first
_named = Statement(
    select(template)
    .where(
        template.c.account_id == bindparam("of_account"),
        template.c.name == bindparam("of_name"),
        template.c.domain.in_([bindparam("of_domain"), word("")]),
    )
    .order_by(template.c.domain.desc())
    .limit(1),
    "of_account",
    "of_name",
    "of_domain",
)
_exactly_named = Statement(
    select(template).where(
        template.c.account_id == bindparam("of_account"),
        template.c.name == bindparam("of_name"),
        template.c.domain == bindparam("of_domain"),
    ),
    "of_account",
    "of_name",
    "of_domain",
)
_by_id = Statement(
    select(template).where(
        template.c.account_id == bindparam("of_account"), template.c.id == bindparam("of_id")
    ),
    "of_account",
    "of_id",
)
# a domain has no slash
_place = template.c.domain + word("/") + template.c.name
_of_account = select(template).where(template.c.account_id == bindparam("of_account"))
_SEARCHED = (template.c.name, template.c.description)
_list = Parted(_of_account, "of_account", key=_place, searched=_SEARCHED)
_list_of = Parted(
    _of_account.where(template.c.domain == bindparam("of_domain")),
    "of_account",
    "of_domain",
    key=_place,
    searched=_SEARCHED,
)
_everywhere = Statement(
    _of_account.where(template.c.name == bindparam("of_name")).order_by(template.c.domain),
    "of_account",
    "of_name",
)
_count = Statement(
    select(func.count())
    .select_from(template)
    .where(template.c.account_id == bindparam("of_account"), template.c.domain == bindparam("of_domain")),
    "of_account",
    "of_domain",
)


def find_template(conn: Connection, account_id: str, domain: str, name_or_id: str) -> Template | None:
    """By name among those of the domain, then those of the whole account; by id wherever it belongs in the
    account."""
    name = harmless(name_or_id)
    row = conn.row(_named, account_id, name.lower(), domain) or conn.row(_by_id, account_id, name)
    return None if row is None else _to_template(row)


def find_named(conn: Connection, account_id: str, domain: str, name: str) -> Template | None:
    """By name among those of exactly this domain, "" for the whole account's."""
    row = conn.row(_exactly_named, account_id, harmless(name).lower(), domain)
    return None if row is None else _to_template(row)


def find_by_id(conn: Connection, account_id: str, id: str) -> Template | None:
    """One of the account's, wherever it belongs there."""
    row = conn.row(_by_id, account_id, harmless(id))
    return None if row is None else _to_template(row)


def find(conn: Connection, account_id: str, domain: str, name_or_id: str, version: str = "") -> Found | None:
    """A template's version by tag, with "" the active one; None if either is not there."""
    about = find_template(conn, account_id, domain, name_or_id)
    if about is None:
        return None
    tag = harmless(version.lower())
    row = conn.row(_version, about.id, tag) if tag else conn.row(_active, about.id)
    return None if row is None else Found(about, _to_version(row))


def list_templates(
    conn: Connection, account_id: str, domain: str | None = None, part: Part = EVERYTHING
) -> list[Template]:
    """All of an account, or those of a domain ("": of all mail), by `place_of`: domain and name."""
    if domain is None:
        return [_to_template(row) for row in _list.rows(conn, part, account_id)]
    return [_to_template(row) for row in _list_of.rows(conn, part, account_id, domain)]


def place_of(domain: str, name: str) -> str:
    """Where a part goes on behind it."""
    return f"{domain}/{name}"


def with_name(conn: Connection, account_id: str, name: str) -> list[Template]:
    """Those of that name in the account, by domain."""
    return [_to_template(row) for row in conn.rows(_everywhere, account_id, harmless(name).lower())]


def count_templates(conn: Connection, account_id: str, domain: str) -> int:
    """How many a domain has."""
    return int(conn.rows(_count, account_id, domain)[0][0])


def versions_of(conn: Connection, template_id: str) -> list[Version]:
    """All, the oldest first."""
    return [_to_version(row) for row in conn.rows(_versions, template_id)]


def brief_versions(conn: Connection, template_ids: Sequence[str]) -> dict[str, list[Version]]:
    """Those of these templates, by the template's id, the oldest first; without their texts."""
    found: dict[str, list[Version]] = defaultdict(list)
    for row in conn.answers(_brief_versions, [(each,) for each in template_ids]):
        found[row[0]].append(_to_version(row))
    return found
