"""MTA-STS policies, kept over restarts (RFC 8461 3.3): one row a recipient domain, for all workers."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert as upsert_into

from posthouse.model.trust import StsPolicy
from posthouse.store.connection import Connection
from posthouse.store.site_tables import sts_policy
from posthouse.store.statement import Statement

_NAMES = [column.name for column in sts_policy.columns]
_fresh = upsert_into(sts_policy).values({name: bindparam(name) for name in _NAMES})
_keep = Statement(
    _fresh.on_conflict_do_update(
        index_elements=["domain"],
        set_={name: _fresh.excluded[name] for name in _NAMES if name != "domain"},
        # two workers renew at once: the later fetch wins, whoever writes first
        where=sts_policy.c.fetched_at <= _fresh.excluded.fetched_at,
    ),
    *_NAMES,
)
_find = Statement(select(sts_policy).where(sts_policy.c.domain == bindparam("of_domain")), "of_domain")
_forget = Statement(delete(sts_policy).where(sts_policy.c.expires_at < bindparam("before")), "before")


def keep_policy(conn: Connection, policy: StsPolicy) -> None:
    """Put a fetched policy in place of an older one of its domain; those that ran out go."""
    conn.change(_forget, policy.fetched_at)
    conn.change(
        _keep,
        policy.domain,
        policy.policy_id,
        policy.mode,
        " ".join(policy.mx),
        policy.fetched_at,
        policy.expires_at,
    )


def find_policy(conn: Connection, domain: str) -> StsPolicy | None:
    """The last policy fetched for this domain; it may have run out."""
    row = conn.row(_find, domain)
    if row is None:
        return None
    of_domain, policy_id, mode, mx, fetched_at, expires_at = row
    return StsPolicy(of_domain, policy_id, mode, tuple(mx.split()), fetched_at, expires_at)
