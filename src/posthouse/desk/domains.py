"""Sending domains: made with their DKIM keys, loaded, set up, removed.

Making RSA keys takes a second of CPU, so it happens in `draft`, before any transaction.

Public: Draft, draft, create, load, remove, change_settings, sending_name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from posthouse.desk import accounts, claims
from posthouse.desk.domain_keys import first_keys
from posthouse.desk.domain_names import new_name, sending_name
from posthouse.desk.installation import Installation
from posthouse.mail.dkim import RSA_SHA256
from posthouse.model.account import DEFAULTS, Domain, DomainKey, DomainSettings
from posthouse.model.clock import Ids
from posthouse.model.errors import Refused
from posthouse.store import domain_keys, egress, hook_keys, identity, web_certificates
from posthouse.store.engine import Connection

__all__ = ["Draft", "change_settings", "create", "create_for", "draft", "load", "remove", "sending_name"]


@dataclass(frozen=True, slots=True)
class Draft:
    """A domain with its sealed keys, ready to be stored."""

    domain: Domain
    keys: tuple[DomainKey, ...]


def draft(
    installation: Installation,
    ids: Ids,
    now: float,
    *,
    name: str,
    region: str,
    is_verified: bool = False,
    settings: DomainSettings = DEFAULTS,
    algorithms: Sequence[str] = (RSA_SHA256,),
) -> Draft:
    """Make a domain and its keys without touching the store; `account_id` is filled by `create`."""
    domain = Domain(
        id=ids.new(),
        account_id="",
        name=new_name(name),
        region=region,
        verified_at=now if is_verified else None,
        created_at=now,
        settings=settings,
    )
    return Draft(domain, first_keys(installation, ids, now, domain.id, algorithms))


def create(conn: Connection, ids: Ids, new: Draft, account: str = "", *, is_proven: bool = False) -> Domain:
    """Store a draft under the account of that name, inside the caller's transaction; the usual one ("") is
    made with its first domain. `is_proven`: DNS shows that the domain is the account's, so another account
    that has it loses it with its keys and users (`claims`). Raises Refused."""
    account_id = accounts.ensure(conn, ids, new.domain.created_at, account)
    return create_for(conn, account_id, new, is_proven=is_proven)


def create_for(conn: Connection, account_id: str, new: Draft, *, is_proven: bool = False) -> Domain:
    """The same for an account that is there, by its id."""
    domain = replace(new.domain, account_id=account_id)
    if not is_proven:
        claims.refuse_foreign(conn, account_id, domain.name)
    elif found := identity.find_domain(conn, domain.name):
        if found.account_id == account_id:
            raise claims.there_already(domain.name)
        _remove(conn, found)
    identity.add_domain(conn, domain, list(new.keys))
    return domain


def load(conn: Connection, account_id: str, name: str) -> tuple[Domain, list[DomainKey]]:
    """A domain of the account and its keys. Raises Refused, in the same words for another account's (S20)."""
    name = sending_name(name)
    domain = identity.find_domain(conn, name)
    if domain is None or domain.account_id != account_id:
        raise _no_domain(name)
    return domain, domain_keys.keys_of(conn, domain.id)


def change_settings(
    conn: Connection, account_id: str, name: str, change: Callable[[DomainSettings], DomainSettings]
) -> tuple[Domain, list[DomainKey]]:
    """Replace a domain's settings by what `change` makes of them, inside the caller's transaction. Raises
    Refused."""
    domain, keys = load(conn, account_id, name)
    settings = change(domain.settings)
    pool = settings.ip_pool
    if pool != domain.settings.ip_pool and pool and not egress.find_pool(conn, domain.account_id, pool):
        raise Refused(550, "5.5.4", f"There is no pool {pool} here", reason="no-pool")
    if settings != domain.settings:
        identity.set_settings(conn, domain.name, settings)
    return replace(domain, settings=settings), keys


def remove(conn: Connection, account_id: str, name: str) -> str:
    """Remove a domain with its keys and users, inside the caller's transaction. Raises Refused."""
    domain, _ = load(conn, account_id, name)
    _remove(conn, domain)
    return domain.name


def _remove(conn: Connection, domain: Domain) -> None:
    identity.remove_domain(conn, domain.name)
    hook_keys.remove_hook_keys_of(conn, domain.account_id, domain.name)
    web_certificates.remove_of(conn, domain.account_id, domain.name)


def _no_domain(name: str) -> Refused:
    return Refused(550, "5.1.2", f"There is no domain {name} here", reason="no-domain")
