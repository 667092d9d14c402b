"""The tables of what the HTTP doors keep beside the house's own nouns.

Same rules as in `tables`, same metadata. All of it hangs on the account's row and goes with it.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, Table

from posthouse.store.columns import instant, integer, part_of, text
from posthouse.store.tables import metadata

# Answers to calls that named a key, so that the same call again has no second effect. `id` is a hash over
# credential, service and key; `fingerprint` tells whether it is the same call, "" where nobody asks. Written
# in the transaction of the call's effect. `headers` is JSON text.
answered = Table(
    "answered",
    metadata,
    text("id", key=True),
    part_of("account_id", "account"),
    text("fingerprint"),
    integer("status"),
    text("headers"),
    Column("body", LargeBinary, nullable=False),
    instant("at"),
)
Index("answered_at", answered.c.at)

# Single addresses that a customer wants to send from; `data` is a JSON object in the service's own words.
sender = Table(
    "sender",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    part_of("account_id", "account"),
    text("email"),
    text("data"),
    instant("created_at"),
    sqlite_autoincrement=True,
)
Index("sender_account", sender.c.account_id)

# What people wrote about a tag.
tag_note = Table(
    "tag_note",
    metadata,
    part_of("account_id", "account", key=True),
    text("name", key=True),
    text("description"),
)

# Names that are counted by (`store.tally_names`) whose counters somebody deleted: what was counted up to `at`
# differs from the log since then, and is meant to.
forgotten = Table(
    "forgotten",
    metadata,
    part_of("account_id", "account", key=True),
    text("dim", key=True),
    text("name", key=True),
    instant("at"),
)

API_TABLES: tuple[Table, ...] = (answered, sender, tag_note, forgotten)
"""In the order to make them: parents first."""
