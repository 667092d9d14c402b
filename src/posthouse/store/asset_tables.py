"""The tables of what people keep with us beside mail: templates, lists, addresses to send from, jobs, …

Same rules as in `tables` (plain columns, byte order, "" instead of NULL), same metadata. An `account_id` is
the first part of every key, because every look-up begins with the account.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, LargeBinary, Table, Text
from sqlalchemy.types import TypeEngine

from posthouse.store.tables import metadata, word

_TEXT: TypeEngine[str] = Text().with_variant(Text(collation="C"), "postgresql")


def _text(name: str, *, key: bool = False) -> Column[str]:
    return Column(name, _TEXT, primary_key=key, nullable=False)


def _integer(name: str, *, key: bool = False) -> Column[int]:
    return Column(name, Integer, primary_key=key, nullable=False, autoincrement=False)


def _instant(name: str) -> Column[Any]:
    return Column(name, Float, nullable=False)


def _part_of(name: str, parent: str) -> Column[str]:
    """First part of the key and a key of `parent`; the row goes when the parent goes."""
    owner = ForeignKey(f"{parent}.id", ondelete="CASCADE")
    return Column(name, _TEXT, owner, primary_key=True, nullable=False)


# Stored texts of letters. `name` is lower case; `domain` is "" for a template of the whole account.
template = Table(
    "template",
    metadata,
    _text("id", key=True),
    _text("account_id"),
    _text("domain"),
    _text("name"),
    _text("description"),
    _instant("created_at"),
)
Index("template_name", template.c.account_id, template.c.domain, template.c.name, unique=True)

# Versions of a template by tag; one is active. `fields` is a JSON object of header fields.
template_version = Table(
    "template_version",
    metadata,
    _part_of("template_id", "template"),
    _text("tag", key=True),
    _integer("is_active"),
    _text("engine"),
    _text("html"),
    _text("text"),
    _text("fields"),
    _instant("created_at"),
)

# Who must not get mail; `model.suppression` tells the columns. Asked for every letter.
suppression = Table(
    "suppression",
    metadata,
    _text("account_id", key=True),
    _text("address", key=True),
    _text("kind", key=True),
    _text("domain", key=True),
    _text("scope", key=True),
    _instant("at"),
    _text("detail"),
    sqlite_with_rowid=False,
)

# Kinds of mail that a recipient may leave one by one. Numbers are never given twice: suppressions name them.
unsub_group = Table(
    "unsub_group",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    _text("account_id"),
    _text("name"),
    _text("description"),
    _integer("is_default"),
    sqlite_autoincrement=True,
)
Index("unsub_group_name", unsub_group.c.account_id, unsub_group.c.name, unique=True)

# Local addresses to send from; `account_id` "" is everybody's. `hello` is the name to greet with, "": ours.
ip = Table(
    "ip",
    metadata,
    _text("address", key=True),
    _text("account_id"),
    _text("hello"),
    _instant("created_at"),
)

# Named sets of these addresses.
pool = Table("pool", metadata, _text("id", key=True), _text("account_id"), _text("name"))
Index("pool_name", pool.c.account_id, pool.c.name, unique=True)

pool_ip = Table("pool_ip", metadata, _part_of("pool_id", "pool"), _text("address", key=True))

# What people said about a batch of messages: `status` is "", "pause" or "cancel"; later mail of it follows.
batch = Table(
    "batch",
    metadata,
    _text("account_id", key=True),
    _text("id", key=True),
    _text("status"),
    _instant("created_at"),
    sqlite_with_rowid=False,
)

# What we know of recipients; `time_zone` is a name of the zone database.
contact = Table(
    "contact",
    metadata,
    _text("account_id", key=True),
    _text("address", key=True),
    _text("time_zone"),
    sqlite_with_rowid=False,
)

# Things to do for people on the web, tried until `expires_at`; `owner` "" while nobody is at it.
job = Table(
    "job",
    metadata,
    _text("id", key=True),
    _text("kind"),
    _text("account_id"),
    _text("message_id"),
    _text("delivery_id"),
    _text("url"),
    Column("content", LargeBinary, nullable=False),
    _instant("due_at"),
    _instant("expires_at"),
    _integer("attempt"),
    _text("owner"),
    _text("last_text"),
)
_IS_FREE = job.c.owner == word("")
_IS_OWNED = job.c.owner != word("")
Index("job_due", job.c.due_at, sqlite_where=_IS_FREE, postgresql_where=_IS_FREE)
Index("job_owner", job.c.owner, sqlite_where=_IS_OWNED, postgresql_where=_IS_OWNED)

# How much of a limit is used up: `scope` says whose and which, `window` is the number of the hour or day.
quota = Table(
    "quota",
    metadata,
    _text("scope", key=True),
    _integer("window", key=True),
    _integer("used"),
    sqlite_with_rowid=False,
)

ASSET_TABLES: tuple[Table, ...] = (
    template,
    template_version,
    suppression,
    unsub_group,
    ip,
    pool,
    pool_ip,
    batch,
    contact,
    job,
    quota,
)
"""In the order to make them: parents first."""
