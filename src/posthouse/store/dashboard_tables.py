"""The tables of what the pages for people keep beside the house's own nouns.

Same rules as in `tables`, same metadata.
"""

from __future__ import annotations

from sqlalchemy import Index, Table

from posthouse.store.columns import instant, text
from posthouse.store.tables import metadata

# Who changed what, and from where (`store.audit`). `account_id` "" is the whole machine's; no foreign key:
# what was done stays known when the account is gone.
audit = Table(
    "audit",
    metadata,
    text("id", key=True),
    instant("at"),
    text("account_id"),
    text("kind"),
    text("who"),
    text("name"),
    text("what"),
    text("about"),
    text("address"),
)
Index("audit_account", audit.c.account_id, audit.c.id)
Index("audit_who", audit.c.account_id, audit.c.who, audit.c.id)
Index("audit_about", audit.c.account_id, audit.c.about, audit.c.id)

DASHBOARD_TABLES: tuple[Table, ...] = (audit,)
"""In the order to make them: parents first."""
