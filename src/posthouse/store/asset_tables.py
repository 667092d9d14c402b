"""The tables of what people keep with us beside mail: templates, lists, addresses to send from, jobs, …

Same rules as in `tables` (plain columns, byte order, "" instead of NULL), same metadata. An `account_id` is
the first part of every key, because every look-up begins with the account.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, Table, literal_column

from posthouse.store.columns import instant, integer, part_of, text
from posthouse.store.tables import metadata, word

# Stored texts of letters. `name` is lower case; `domain` is "" for a template of the whole account.
# `more`: what a service keeps about it beyond that, JSON text, "" for nothing.
template = Table(
    "template",
    metadata,
    text("id", key=True),
    text("account_id"),
    text("domain"),
    text("name"),
    text("description"),
    instant("created_at"),
    text("more"),
)
Index("template_name", template.c.account_id, template.c.domain, template.c.name, unique=True)

# Versions of a template by tag; one is active. `fields` is a JSON object of header fields.
template_version = Table(
    "template_version",
    metadata,
    part_of("template_id", "template", key=True),
    text("tag", key=True),
    integer("is_active"),
    text("engine"),
    text("html"),
    text("text"),
    text("fields"),
    instant("created_at"),
    text("more"),
)

# Who must not get mail; `model.suppression` tells the columns. Asked for every letter.
suppression = Table(
    "suppression",
    metadata,
    text("account_id", key=True),
    text("address", key=True),
    text("kind", key=True),
    text("domain", key=True),
    text("scope", key=True),
    instant("at"),
    text("detail"),
    sqlite_with_rowid=False,
)
# One list of a sending domain in alphabetical order, page by page.
Index(
    "suppression_page",
    suppression.c.account_id,
    suppression.c.kind,
    suppression.c.domain,
    suppression.c.address,
    suppression.c.scope,
)

# One list of the account by time, the newest first; and how many a group has.
Index(
    "suppression_newest",
    suppression.c.account_id,
    suppression.c.kind,
    suppression.c.scope,
    suppression.c.at,
    suppression.c.address,
)

# Kinds of mail that a recipient may leave one by one. Numbers are never given twice: suppressions name them.
unsub_group = Table(
    "unsub_group",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    text("account_id"),
    text("name"),
    text("description"),
    integer("is_default"),
    sqlite_autoincrement=True,
)
Index("unsub_group_name", unsub_group.c.account_id, unsub_group.c.name, unique=True)

# Local addresses to send from; `account_id` "" is everybody's. `hello` is the name to greet with, "": ours.
# `warmup` is JSON text, "" for an address that is warm.
ip = Table(
    "ip",
    metadata,
    text("address", key=True),
    text("account_id"),
    text("hello"),
    instant("created_at"),
    text("warmup"),
)

# Named sets of these addresses.
pool = Table("pool", metadata, text("id", key=True), text("account_id"), text("name"), text("description"))
Index("pool_name", pool.c.account_id, pool.c.name, unique=True)

pool_ip = Table("pool_ip", metadata, part_of("pool_id", "pool", key=True), text("address", key=True))

# What people said about a batch of messages: `status` is "", "pause" or "cancel"; later mail of it follows.
# A paused one keeps what is held for `keep_s` behind the time when it was due, 0 for as long as it is paused.
batch = Table(
    "batch",
    metadata,
    text("account_id", key=True),
    text("id", key=True),
    text("status"),
    instant("created_at"),
    instant("keep_s"),
    sqlite_with_rowid=False,
)
_IS_LIMITED = batch.c.keep_s > literal_column("0")
Index("batch_limited", batch.c.created_at, sqlite_where=_IS_LIMITED, postgresql_where=_IS_LIMITED)

# What we know of recipients; `time_zone` is a name of the zone database.
contact = Table(
    "contact",
    metadata,
    text("account_id", key=True),
    text("address", key=True),
    text("time_zone"),
    sqlite_with_rowid=False,
)

# Things to do for people on the web, tried until `expires_at`; `owner` "" while nobody is at it.
job = Table(
    "job",
    metadata,
    text("id", key=True),
    text("kind"),
    text("account_id"),
    text("message_id"),
    text("delivery_id"),
    text("url"),
    Column("content", LargeBinary, nullable=False),
    instant("due_at"),
    instant("expires_at"),
    integer("attempt"),
    text("owner"),
    text("last_text"),
)
_IS_FREE = job.c.owner == word("")
_IS_OWNED = job.c.owner != word("")
Index("job_due", job.c.due_at, sqlite_where=_IS_FREE, postgresql_where=_IS_FREE)
Index("job_owner", job.c.owner, sqlite_where=_IS_OWNED, postgresql_where=_IS_OWNED)

# How much of a limit is used up: `scope` says whose and which, `window` is the number of the hour or day.
quota = Table(
    "quota",
    metadata,
    text("scope", key=True),
    integer("window", key=True),
    integer("used"),
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
