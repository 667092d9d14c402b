"""The tables of receiving hosts: what we know of them, what we promised them, what they did to us.

Same rules as in `tables`, same metadata.
"""

from __future__ import annotations

from sqlalchemy import Table

from posthouse.store.columns import instant, integer, text
from posthouse.store.tables import metadata

# What an automation or an operator decided about a site until a time: `kind` is suspend, slow or avoid;
# `source` is our address that it is about, "" for all.
site_rest = Table(
    "site_rest",
    metadata,
    text("site", key=True),
    text("kind", key=True),
    text("source", key=True),
    instant("until"),
    instant("set_at"),
    text("reason"),
    text("data"),
    sqlite_with_rowid=False,
)

# How a worker sees a site now, for people to read; goes with the worker.
site_view = Table(
    "site_view",
    metadata,
    text("worker_id", key=True),
    text("site", key=True),
    instant("at"),
    text("data"),
    sqlite_with_rowid=False,
)

# What an address that warms up did at a site in a day; until when it pauses there if a pause began, and why.
warmup_day = Table(
    "warmup_day",
    metadata,
    text("address", key=True),
    text("site", key=True),
    integer("day", key=True),
    integer("reserved"),
    integer("sent"),
    integer("deferred"),
    instant("paused_until"),
    text("why"),
    sqlite_with_rowid=False,
)

# MTA-STS policies that hold until `expires_at`, whatever DNS and HTTPS say meanwhile (RFC 8461 3.3).
sts_policy = Table(
    "sts_policy",
    metadata,
    text("domain", key=True),
    text("policy_id"),
    text("mode"),
    text("mx"),
    instant("fetched_at"),
    instant("expires_at"),
    sqlite_with_rowid=False,
)

# Connections by day, recipient domain, policy and result (RFC 8460 4); `result` "" is a success, `detail`
# the rest of a failure as JSON text. `kind` is a digest of these three: receivers write them, and a key of
# PostgreSQL holds no more than 2,700 octets.
tls_result = Table(
    "tls_result",
    metadata,
    integer("day", key=True),
    text("domain", key=True),
    text("kind", key=True),
    text("policy"),
    text("result"),
    text("detail"),
    integer("count"),
    sqlite_with_rowid=False,
)

# Reports of a day that were sent, or are being sent, to a domain.
tls_report = Table(
    "tls_report",
    metadata,
    integer("day", key=True),
    text("domain", key=True),
    text("report_id"),
    instant("due_at"),
    integer("attempt"),
    text("state"),
    text("last_text"),
    sqlite_with_rowid=False,
)

SITE_TABLES: tuple[Table, ...] = (site_rest, site_view, warmup_day, sts_policy, tls_result, tls_report)
