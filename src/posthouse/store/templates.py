"""Stored texts of letters and their versions. What may be stored is judged before (`desk.templates`).

Names and tags are lower case. A template belongs to a sending domain, or with domain "" to the whole
account. What is done with versions stands in `template_versions` and is offered here too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam, delete, func, select, update

from posthouse.store.asset_tables import template
from posthouse.store.connection import Connection, Row
from posthouse.store.parts import EVERYTHING, Part, Parted
from posthouse.store.rows import harmless, more_text, read_more
from posthouse.store.statement import Statement, insert_once
from posthouse.store.tables import word
from posthouse.store.template_versions import (
    HANDLEBARS,
    WRAPPER,
    Version,
    activate,
    add_version,
    brief_versions,
    change_version,
    drop_version,
    find_version,
    remove_version,
    versions_of,
)
from posthouse.store.trouble import Duplicate

__all__ = [
    "HANDLEBARS",
    "WRAPPER",
    "Found",
    "Template",
    "Version",
    "activate",
    "add_template",
    "add_version",
    "brief_versions",
    "change_template",
    "change_version",
    "count_templates",
    "drop_version",
    "find",
    "find_by_id",
    "find_named",
    "find_template",
    "list_templates",
    "place_of",
    "remove_template",
    "remove_version",
    "versions_of",
    "with_name",
]


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
class Found:
    """A template and the version that was asked for."""

    template: Template
    version: Version


# Change

_add_template = insert_once(template)
_change_template = Statement(
    update(template)
    .where(template.c.id == bindparam("of_id"))
    .values(name=bindparam("new_name"), description=bindparam("new_description"), more=bindparam("new_more")),
    "of_id",
    "new_name",
    "new_description",
    "new_more",
)
_remove = Statement(delete(template).where(template.c.id == bindparam("of_id")), "of_id")


def add_template(conn: Connection, new: Template) -> None:
    """A template without versions. Raises Duplicate if the domain has one of that name."""
    name, about = new.name.lower(), harmless(new.description)
    values = (new.id, new.account_id, new.domain, name, about, new.created_at, more_text(new.more))
    if not conn.change(_add_template, *values):
        raise Duplicate(f"the template {new.name} is there already")


def change_template(conn: Connection, new: Template) -> bool:
    """Store name, description and `more` of a template; its versions stay. False: there is none of that id.
    Raises Duplicate if its domain has another one of that name."""
    other = find_named(conn, new.account_id, new.domain, new.name)
    if other is not None and other.id != new.id:
        raise Duplicate(f"the template {new.name} is there already")
    values = (new.name.lower(), harmless(new.description), more_text(new.more))
    return conn.change(_change_template, new.id, *values) > 0


def remove_template(conn: Connection, template_id: str) -> bool:
    """With its versions. Mail that was accepted keeps its text. False: there is no such template."""
    return conn.change(_remove, template_id) > 0


# Look

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
    asked = find_version(conn, about.id, harmless(version.lower()))
    return None if asked is None else Found(about, asked)


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


def _to_template(row: Row) -> Template:
    id, account_id, domain, name, description, created_at, more = row
    return Template(id, account_id, domain, name, description, float(created_at), read_more(more))
