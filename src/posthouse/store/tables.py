"""Every table and index of mail and machine, with a sentence each; those of people and domains are in
`identity_tables`, of what they keep with us in `asset_tables`, of receiving hosts in `site_tables`.

Only Integer, Float, Text and LargeBinary columns: no value needs converting between Python and either
engine, so compiled statements run by the driver directly. Texts compare byte by byte on both engines
(collation "C" on PostgreSQL), because ids sort by time and a key range is how a message finds its deliveries.

Columns of `message`, `delivery`, `event`, `domain`, … stand in the order of the fields of the noun in
`model`, so a row becomes its noun by position. The hot tables carry no foreign keys: their rows are written
together in one transaction, and a check per row would only cost.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, MetaData, Table
from sqlalchemy.sql.elements import ColumnElement, literal_column

from posthouse.store.columns import TEXT, instant, integer, text

metadata = MetaData()


def word(value: str) -> ColumnElement[str]:
    """A constant of ours written into the SQL text: partial indexes match only constants, not parameters."""
    return literal_column(f"'{value}'", TEXT)


# Steps of the schema that this store has taken; see `migrations`.
schema_step = Table("schema_step", metadata, integer("number", key=True), text("name"), instant("at"))

# Counters and cursors of our own, a row per name: the identity version, the probe, the sweeper's place.
mark = Table("mark", metadata, text("name", key=True), integer("number"), text("value"))

# One row per accepted letter, without its bytes; `options` is JSON text, "" for none.
message = Table(
    "message",
    metadata,
    text("id", key=True),
    text("account_id"),
    text("domain"),
    text("credential_id"),
    text("sender"),
    text("subject"),
    text("header_id"),
    integer("size_bytes"),
    instant("accepted_at"),
    instant("expires_at"),
    integer("is_utf8"),
    integer("is_8bit"),
    text("ret"),
    text("envid"),
    text("options"),
    text("batch_id"),
    text("author"),
    text("addressed"),
    sqlite_with_rowid=False,
)
# Messages of a batch; a query must name the constant ('' or not), or SQLite does not see that this serves it.
_IN_BATCH = message.c.batch_id != word("")
Index("message_batch", message.c.batch_id, sqlite_where=_IN_BATCH, postgresql_where=_IN_BATCH)

# The bytes of a letter, once per message, apart so that scanning messages never drags bodies along.
content = Table("content", metadata, text("message_id", key=True), Column("raw", LargeBinary, nullable=False))

# Message x recipient: the queue. States and their changes: `queue`. `personal`: what this recipient's copy
# differs in, JSON text, "" for nothing.
delivery = Table(
    "delivery",
    metadata,
    text("id", key=True),
    text("message_id"),
    text("account_id"),
    text("recipient"),
    text("domain"),
    text("lane"),
    text("state"),
    instant("due_at"),
    instant("expires_at"),
    integer("attempt"),
    text("owner"),
    text("notify"),
    text("orcpt"),
    integer("last_code"),
    text("last_text"),
    text("personal"),
    sqlite_with_rowid=False,
)
_WAITING, _TAKEN, _HELD = (delivery.c.state == word(name) for name in ("waiting", "taken", "held"))
# What waits, lane by lane in the order of due times: the head of a lane is one look-up. The state stands in
# it although it is always the same, or SQLite looks at each row to see it.
Index(
    "delivery_waiting",
    delivery.c.lane,
    delivery.c.due_at,
    delivery.c.state,
    sqlite_where=_WAITING,
    postgresql_where=_WAITING,
)
# What is out with a worker: found when the worker dies.
Index("delivery_taken", delivery.c.owner, sqlite_where=_TAKEN, postgresql_where=_TAKEN)
# For what is past its time; only waiting rows pay for it.
Index("delivery_expires", delivery.c.expires_at, sqlite_where=_WAITING, postgresql_where=_WAITING)
# What waits for a person; empty on most days, so it costs the others nothing.
Index("delivery_held", delivery.c.lane, delivery.c.state, sqlite_where=_HELD, postgresql_where=_HELD)

# The append-only log; `data` is JSON text.
event = Table(
    "event",
    metadata,
    text("id", key=True),
    text("kind"),
    instant("at"),
    text("account_id"),
    text("domain"),
    text("message_id"),
    text("delivery_id"),
    text("recipient"),
    text("data"),
    sqlite_with_rowid=False,
)
Index("event_message", event.c.message_id)
Index("event_recipient", event.c.recipient, event.c.id)
Index("event_kind", event.c.account_id, event.c.kind, event.c.id)
Index("event_domain", event.c.domain, event.c.id)
# What a copy's readers did: to bound it. A query must name the same words, or SQLite does not see that this
# serves it.
IS_VISIT = event.c.kind.in_([word("opened"), word("clicked")])
Index(
    "event_visit",
    event.c.delivery_id,
    event.c.kind,
    sqlite_where=IS_VISIT,
    postgresql_where=IS_VISIT,
)

# Copies kept instead of sent (test mode, `posthouse dev`): the bytes that would have left. Whose they are and
# who sent them stands here too, or a busy neighbour's mail would have to be looked through.
capture = Table(
    "capture",
    metadata,
    text("delivery_id", key=True),
    text("message_id"),
    instant("at"),
    text("sender"),
    text("recipient"),
    Column("content", LargeBinary, nullable=False),
    text("account_id"),
    text("credential_id"),
)
Index("capture_account", capture.c.account_id, capture.c.delivery_id)
Index("capture_application", capture.c.account_id, capture.c.credential_id, capture.c.delivery_id)

# Who is alive; a worker whose row is gone may not settle anything any more.
worker = Table(
    "worker",
    metadata,
    text("id", key=True),
    text("host"),
    integer("pid"),
    instant("started_at"),
    instant("beat_at"),
)

# Hints that something changed; they only shorten waits, so old ones may be thrown away.
nudge = Table(
    "nudge",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    text("kind"),
    text("detail"),
    sqlite_autoincrement=True,
)
