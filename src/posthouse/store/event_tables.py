"""The tables of what follows from events: the outbox, labels to search by, counters, posts to receivers.

Same rules as in `tables`, same metadata.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, Table

from posthouse.store.columns import instant, integer, part_of, text
from posthouse.store.tables import metadata, word

# What happened and nobody acted upon yet: ids of events with line feeds between them, the smallest one apart.
# Written with the events, deleted in the transaction of their effects.
outbox = Table(
    "outbox",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    text("first_id"),
    text("ids"),
    sqlite_autoincrement=True,
)

# Events by what no column of theirs says: `label` is `to:DOMAIN` (the recipient's), `tag:NAME` or
# `meta:KEY=VALUE`; see `rows.labels_of`.
event_label = Table(
    "event_label",
    metadata,
    text("account_id", key=True),
    text("label", key=True),
    text("event_id", key=True),
    sqlite_with_rowid=False,
)

# Events counted by `span` ("hour" or "day") and its number `at` since the epoch (UTC). `dim` says by what:
# "account" (with `name` ""), "domain", "tag", "site", "ip", "credential". `metric`: `rules.metrics`.
tally = Table(
    "tally",
    metadata,
    text("account_id", key=True),
    text("dim", key=True),
    text("name", key=True),
    text("span", key=True),
    integer("at", key=True),
    text("metric", key=True),
    integer("count"),
    sqlite_with_rowid=False,
)
Index("tally_at", tally.c.span, tally.c.at)
# The names of a dim by how much of one metric they have.
Index("tally_metric", tally.c.account_id, tally.c.dim, tally.c.span, tally.c.metric, tally.c.at)

# The names that are counted by; there is room for a limited number of each dim (`rules.metrics`).
tally_name = Table(
    "tally_name",
    metadata,
    text("account_id", key=True),
    text("dim", key=True),
    text("name", key=True),
    instant("first_at"),
    instant("last_at"),
    sqlite_with_rowid=False,
)

# The first open and click of a delivery by people, in the order of counting: what makes them unique. Also
# what happens to a delivery once, whatever is sent again: bounced, complained (`firsts`).
engaged = Table(
    "engaged",
    metadata,
    text("delivery_id", key=True),
    text("kind", key=True),
    text("event_id"),
    sqlite_with_rowid=False,
)

# Who wants to be told; `model.hook` tells the columns. `kinds` are words with blanks between them.
hook = Table(
    "hook",
    metadata,
    text("id", key=True),
    part_of("account_id", "account"),
    text("domain"),
    text("dialect"),
    text("url"),
    text("kinds"),
    text("name"),
    integer("is_enabled"),
    text("settings"),
    instant("created_at"),
    instant("changed_at"),
    instant("troubled_at"),
    integer("failures"),
    instant("rests_until"),
    text("note"),
)
Index("hook_account", hook.c.account_id)

# An event that a receiver has not taken yet. `owner` "" while no worker is at it.
hook_item = Table(
    "hook_item",
    metadata,
    part_of("hook_id", "hook", key=True),
    text("event_id", key=True),
    instant("due_at"),
    instant("expires_at"),
    integer("attempt"),
    text("owner"),
    sqlite_with_rowid=False,
)
_IS_FREE = hook_item.c.owner == word("")
_IS_OWNED = hook_item.c.owner != word("")
Index(
    "hook_item_due",
    hook_item.c.hook_id,
    hook_item.c.due_at,
    sqlite_where=_IS_FREE,
    postgresql_where=_IS_FREE,
)
Index("hook_item_owner", hook_item.c.owner, sqlite_where=_IS_OWNED, postgresql_where=_IS_OWNED)

# Posts that were made: what was sent, as far as it is kept, and what was answered. `status` 0: nothing.
hook_attempt = Table(
    "hook_attempt",
    metadata,
    text("id", key=True),
    part_of("hook_id", "hook"),
    instant("at"),
    integer("attempt"),
    integer("status"),
    integer("took_ms"),
    integer("is_taken"),
    text("event_ids"),
    Column("request", LargeBinary, nullable=False),
    text("answer"),
)
Index("hook_attempt_hook", hook_attempt.c.hook_id, hook_attempt.c.id)

# What nobody but a person puts on a list of suppressions; `model.suppression.Allowed`.
allowed = Table(
    "allowed",
    metadata,
    text("account_id", key=True),
    text("domain", key=True),
    text("value", key=True),
    instant("at"),
    text("detail"),
    sqlite_with_rowid=False,
)

# Certificates of tracking hosts: `chain` is PEM, `private` sealed PKCS#8 DER.
web_certificate = Table(
    "web_certificate",
    metadata,
    text("host", key=True),
    part_of("account_id", "account"),
    text("domain"),
    text("chain"),
    Column("private", LargeBinary, nullable=False),
    instant("expires_at"),
    instant("changed_at"),
)

EVENT_TABLES: tuple[Table, ...] = (
    outbox,
    event_label,
    tally,
    tally_name,
    engaged,
    hook,
    hook_item,
    hook_attempt,
    allowed,
    web_certificate,
)
"""In the order to make them: parents first."""
