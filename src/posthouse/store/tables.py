"""Every table and index of the store, with a sentence each.

Only Integer, Float, Text and LargeBinary columns: no value needs converting between Python and either
engine, so compiled statements run by the driver directly. Texts compare byte by byte on both engines
(collation "C" on PostgreSQL), because ids sort by time and a key range is how a message finds its deliveries.

Columns of `message`, `delivery`, `event`, `domain`, … stand in the order of the fields of the noun in
`model`, so a row becomes its noun by position. The hot tables carry no foreign keys: their rows are written
together in one transaction, and a check per row would only cost.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, LargeBinary, MetaData, Table, Text
from sqlalchemy.sql.elements import ColumnElement, literal_column
from sqlalchemy.types import TypeEngine

metadata = MetaData()
_TEXT: TypeEngine[str] = Text().with_variant(Text(collation="C"), "postgresql")

CONSUMERS = ("counters",)
"""Who reads the outbox: every event gets one `event_todo` row for each of these names."""


def _text(name: str, *, key: bool = False) -> Column[str]:
    return Column(name, _TEXT, primary_key=key, nullable=False)


def _integer(name: str, *, key: bool = False) -> Column[int]:
    return Column(name, Integer, primary_key=key, nullable=False, autoincrement=False)


def _instant(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, Float, nullable=nullable)


def _of(name: str, parent: str, *, nullable: bool = False) -> Column[str]:
    """A key of `parent`; the row goes when the parent goes."""
    return Column(name, _TEXT, ForeignKey(f"{parent}.id", ondelete="CASCADE"), nullable=nullable)


def word(value: str) -> ColumnElement[str]:
    """A constant of ours written into the SQL text: partial indexes match only constants, not parameters."""
    return literal_column(f"'{value}'", _TEXT)


# Steps of the schema that this store has taken; see `migrations`.
schema_step = Table("schema_step", metadata, _integer("number", key=True), _text("name"), _instant("at"))

# Counters and cursors of our own, a row per name: the identity version, the probe, the sweeper's place.
mark = Table("mark", metadata, _text("name", key=True), _integer("number"), _text("value"))

account = Table(
    "account", metadata, _text("id", key=True), Column("name", _TEXT, nullable=False, unique=True)
)

# Sending domains, names in lower-case A-label form; `settings` is JSON text, "" for the defaults.
domain = Table(
    "domain",
    metadata,
    _text("id", key=True),
    _of("account_id", "account"),
    Column("name", _TEXT, nullable=False, unique=True),
    _text("region"),
    _instant("verified_at", nullable=True),
    _instant("created_at"),
    _text("settings"),
)

# DKIM keys; `private` is sealed with the installation's key before it comes here.
domain_key = Table(
    "domain_key",
    metadata,
    _text("id", key=True),
    _of("domain_id", "domain"),
    _text("selector"),
    _text("algorithm"),
    Column("private", LargeBinary, nullable=False),
    _text("public"),
    _integer("active"),
)
Index("domain_key_domain", domain_key.c.domain_id)

# Sign-ins; only the keyed hash of the secret. A login is unique among those that are not revoked. A key of
# the whole account has no domain: NULL, so that the others still go with their domain. `permissions` are
# words with blanks between them.
credential = Table(
    "credential",
    metadata,
    _text("id", key=True),
    _of("account_id", "account"),
    _of("domain_id", "domain", nullable=True),
    _text("kind"),
    _text("login"),
    Column("secret_hash", LargeBinary, nullable=False),
    _instant("created_at"),
    _instant("revoked_at", nullable=True),
    _text("dialect"),
    _text("permissions"),
    _text("name"),
)
Index(
    "credential_login",
    credential.c.login,
    unique=True,
    sqlite_where=credential.c.revoked_at.is_(None),
    postgresql_where=credential.c.revoked_at.is_(None),
)

# One row per accepted letter, without its bytes; `options` is JSON text, "" for none.
message = Table(
    "message",
    metadata,
    _text("id", key=True),
    _text("account_id"),
    _text("domain"),
    _text("credential_id"),
    _text("sender"),
    _text("subject"),
    _text("header_id"),
    _integer("size_bytes"),
    _instant("accepted_at"),
    _instant("expires_at"),
    _integer("is_utf8"),
    _integer("is_8bit"),
    _text("ret"),
    _text("envid"),
    _text("options"),
    _text("batch_id"),
    sqlite_with_rowid=False,
)
# Messages of a batch; a query must name the constant ('' or not), or SQLite does not see that this serves it.
_IN_BATCH = message.c.batch_id != word("")
Index("message_batch", message.c.batch_id, sqlite_where=_IN_BATCH, postgresql_where=_IN_BATCH)

# The bytes of a letter, once per message, apart so that scanning messages never drags bodies along.
content = Table(
    "content", metadata, _text("message_id", key=True), Column("raw", LargeBinary, nullable=False)
)

# Message x recipient: the queue. States and their changes: `queue`. `personal`: what this recipient's copy
# differs in, JSON text, "" for nothing.
delivery = Table(
    "delivery",
    metadata,
    _text("id", key=True),
    _text("message_id"),
    _text("account_id"),
    _text("recipient"),
    _text("domain"),
    _text("lane"),
    _text("state"),
    _instant("due_at"),
    _instant("expires_at"),
    _integer("attempt"),
    _text("owner"),
    _text("notify"),
    _text("orcpt"),
    _integer("last_code"),
    _text("last_text"),
    _text("personal"),
    sqlite_with_rowid=False,
)
_WAITING, _TAKEN, _HELD = (delivery.c.state == word(name) for name in ("waiting", "taken", "held"))
# What waits, lane by lane in the order of due times: the head of a lane is one look-up.
Index(
    "delivery_waiting",
    delivery.c.lane,
    delivery.c.due_at,
    sqlite_where=_WAITING,
    postgresql_where=_WAITING,
)
# What is out with a worker: found when the worker dies.
Index("delivery_taken", delivery.c.owner, sqlite_where=_TAKEN, postgresql_where=_TAKEN)
# For what is past its time; only waiting rows pay for it.
Index("delivery_expires", delivery.c.expires_at, sqlite_where=_WAITING, postgresql_where=_WAITING)
# What waits for a person; empty on most days, so it costs the others nothing.
Index("delivery_held", delivery.c.lane, sqlite_where=_HELD, postgresql_where=_HELD)

# The append-only log; `data` is JSON text.
event = Table(
    "event",
    metadata,
    _text("id", key=True),
    _text("kind"),
    _instant("at"),
    _text("account_id"),
    _text("domain"),
    _text("message_id"),
    _text("delivery_id"),
    _text("recipient"),
    _text("data"),
    sqlite_with_rowid=False,
)
Index("event_message", event.c.message_id)
Index("event_recipient", event.c.recipient, event.c.id)

# The outbox: written with the event, deleted in the transaction of its effect.
event_todo = Table(
    "event_todo",
    metadata,
    _text("consumer", key=True),
    _text("event_id", key=True),
    sqlite_with_rowid=False,
)

# Events by hour (hours since the epoch), account, domain and kind; folded from the outbox.
counter = Table(
    "counter",
    metadata,
    _integer("hour", key=True),
    _text("account_id", key=True),
    _text("domain", key=True),
    _text("kind", key=True),
    _integer("count"),
    sqlite_with_rowid=False,
)

# Copies kept instead of sent (test mode, `posthouse dev`): the bytes that would have left.
capture = Table(
    "capture",
    metadata,
    _text("delivery_id", key=True),
    _text("message_id"),
    _instant("at"),
    _text("sender"),
    _text("recipient"),
    Column("content", LargeBinary, nullable=False),
)

# Who is alive; a worker whose row is gone may not settle anything any more.
worker = Table(
    "worker",
    metadata,
    _text("id", key=True),
    _text("host"),
    _integer("pid"),
    _instant("started_at"),
    _instant("beat_at"),
)

# Hints that something changed; they only shorten waits, so old ones may be thrown away.
nudge = Table(
    "nudge",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    _text("kind"),
    _text("detail"),
    sqlite_autoincrement=True,
)
