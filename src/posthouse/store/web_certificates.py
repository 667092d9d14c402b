"""Certificates of tracking hosts, one for each host; private keys are sealed before they come here.

Each change raises the identity version, so that all workers follow. All changes are for write transactions.

Public: WebCertificate, put, remove_of, find_of, list_certificates, marks, load.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert as upsert_into

from posthouse.store.connection import Connection, Row
from posthouse.store.event_tables import web_certificate
from posthouse.store.parts import EVERYTHING, Part, Parted
from posthouse.store.statement import RowsStatement, Statement, given_key
from posthouse.store.versions import raise_identity


@dataclass(frozen=True, slots=True)
class WebCertificate:
    """`chain` is PEM, the host's own certificate first; `private` the sealed key. `domain`: whose links live
    at the host. Instants are seconds since 1970."""

    host: str
    account_id: str
    domain: str
    chain: str
    private: bytes = field(repr=False)
    expires_at: float
    changed_at: float


_NAMES = tuple(column.name for column in web_certificate.columns)
_fresh = upsert_into(web_certificate).values({name: bindparam(name) for name in _NAMES})
_put = Statement(
    _fresh.on_conflict_do_update(
        index_elements=[web_certificate.c.host],
        set_={name: _fresh.excluded[name] for name in _NAMES if name != "host"},
    ),
    *_NAMES,
)
_of_domain = (
    web_certificate.c.account_id == bindparam("of_account"),
    web_certificate.c.domain == bindparam("of_domain"),
)
_remove = Statement(delete(web_certificate).where(*_of_domain), "of_account", "of_domain")
_of_account = web_certificate.c.account_id == bindparam("of_account")
_every = select(web_certificate)
_host, _searched = web_certificate.c.host, (web_certificate.c.host, web_certificate.c.domain)
_all = Parted(_every, key=_host, searched=_searched)
_list = Parted(_every.where(_of_account), "of_account", key=_host, searched=_searched)
_of = Parted(_every.where(*_of_domain), "of_account", "of_domain", key=_host, searched=_searched)
_marks = Statement(select(web_certificate.c.host, web_certificate.c.changed_at, web_certificate.c.expires_at))
_load = RowsStatement(
    given_key(web_certificate.c.host.type),
    lambda given: select(web_certificate).join(given, web_certificate.c.host == given.c.key),
)


def put(conn: Connection, new: WebCertificate) -> None:
    """Add it, or put it in the place of the host's older one, whosever that was."""
    conn.change(_put, *(getattr(new, name) for name in _NAMES))
    raise_identity(conn)


def remove_of(conn: Connection, account_id: str, domain: str) -> int:
    """Remove what was installed for a domain of the account; how many."""
    gone = conn.change(_remove, account_id, domain)
    if gone:
        raise_identity(conn)
    return gone


def list_certificates(
    conn: Connection, account_id: str | None = None, domain: str = "", part: Part = EVERYTHING
) -> list[WebCertificate]:
    """An account's, with `domain` those of that one alone, or (None) all, by host."""
    if account_id is None:
        rows = _all.rows(conn, part)
    elif domain:
        rows = _of.rows(conn, part, account_id, domain)
    else:
        rows = _list.rows(conn, part, account_id)
    return [_to_certificate(row) for row in rows]


def find_of(conn: Connection, account_id: str, domain: str) -> WebCertificate | None:
    """What is installed for a domain of the account."""
    return next(iter(list_certificates(conn, account_id, domain, Part(most=1))), None)


def marks(conn: Connection) -> dict[str, tuple[float, float]]:
    """host -> (changed_at, expires_at), of all accounts: what changed is seen without reading any chain."""
    return {row[0]: (float(row[1]), float(row[2])) for row in conn.rows(_marks)}


def load(conn: Connection, hosts: Iterable[str]) -> list[WebCertificate]:
    """Those of these hosts that are there."""
    return [_to_certificate(row) for row in conn.answers(_load, [(host,) for host in hosts])]


def _to_certificate(row: Row) -> WebCertificate:
    host, account_id, domain, chain, private, expires_at, changed_at = row
    return WebCertificate(
        host, account_id, domain, chain, bytes(private), float(expires_at), float(changed_at)
    )
