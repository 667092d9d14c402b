"""The versions of stored texts, offered in `templates` too. Tags are lower case; exactly one version of a
template is active from the first one on.

Public: Version, HANDLEBARS, WRAPPER, add_version, change_version, activate, drop_version, remove_version,
find_version, versions_of, brief_versions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import bindparam, case, delete, select, update

from posthouse.store.asset_tables import template_version
from posthouse.store.connection import Connection, Row
from posthouse.store.rows import json_text, more_text, read_more
from posthouse.store.statement import RowsStatement, Statement, given_key, insert_once
from posthouse.store.tables import word
from posthouse.store.trouble import Duplicate

HANDLEBARS, WRAPPER = "handlebars", "wrapper"


@dataclass(frozen=True, slots=True)
class Version:
    """`engine`: HANDLEBARS renders its texts, WRAPPER encloses the letter's own. `fields`: header fields
    (Subject, From, Reply-To) for letters that lack them. `more` as in `templates.Template`."""

    template_id: str
    tag: str
    is_active: bool
    engine: str
    html: str
    text: str
    fields: dict[str, str] = field(default_factory=dict)
    created_at: float = 0.0
    more: dict[str, Any] = field(default_factory=dict)


_read_fields = msgspec.json.Decoder(dict[str, str]).decode
_add_version = insert_once(template_version)
_activate = Statement(
    update(template_version)
    .where(template_version.c.template_id == bindparam("of_template"))
    .values(is_active=case((template_version.c.tag == bindparam("of_tag"), 1), else_=0)),
    "of_template",
    "of_tag",
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


def add_version(conn: Connection, new: Version) -> None:
    """A version; with `is_active` it takes the place of the active one. Raises Duplicate if the template has
    that tag: mail that was accepted with a version keeps meaning what it meant."""
    fields = json_text(dict(new.fields))
    texts = (new.engine, new.html, new.text, fields)
    row = (new.template_id, new.tag.lower(), 0, *texts, new.created_at, more_text(new.more))
    if not conn.change(_add_version, *row):
        raise Duplicate(f"the version {new.tag} is there already")
    if new.is_active:
        conn.change(_activate, new.template_id, new.tag.lower())


def change_version(conn: Connection, new: Version) -> bool:
    """Store texts, fields and `more` of a version; mail that was accepted keeps what it has. False: there is
    no such version. Which one is active is `activate`'s."""
    texts = (new.engine, new.html, new.text, json_text(dict(new.fields)), more_text(new.more))
    return conn.change(_change_version, new.template_id, new.tag.lower(), *texts) > 0


def activate(conn: Connection, template_id: str, tag: str) -> bool:
    """Make a version the active one. False: there is no such version."""
    if conn.row(_version, template_id, tag.lower()) is None:
        return False
    conn.change(_activate, template_id, tag.lower())
    return True


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


def find_version(conn: Connection, template_id: str, tag: str) -> Version | None:
    """By tag, with "" the active one."""
    row = conn.row(_version, template_id, tag) if tag else conn.row(_active, template_id)
    return None if row is None else _to_version(row)


def versions_of(conn: Connection, template_id: str) -> list[Version]:
    """All, the oldest first."""
    return [_to_version(row) for row in conn.rows(_versions, template_id)]


def brief_versions(conn: Connection, template_ids: Sequence[str]) -> dict[str, list[Version]]:
    """Those of these templates, by the template's id, the oldest first; without their texts."""
    found: dict[str, list[Version]] = defaultdict(list)
    for row in conn.answers(_brief_versions, [(each,) for each in template_ids]):
        found[row[0]].append(_to_version(row))
    return found


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
        more=read_more(more),
    )
