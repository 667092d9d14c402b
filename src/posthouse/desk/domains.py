"""Sending domains: made with their DKIM keys, loaded, set up, removed.

Making an RSA key takes a second of CPU, so it happens in `draft`, before any transaction. Private keys are
sealed with the installation key and tied to their row's id.

Public: Draft, draft, create, load, remove, change_settings, load_signing_keys, ACCOUNT.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from posthouse.desk import accounts
from posthouse.desk.installation import Installation
from posthouse.mail.dkim import (
    ED25519_SHA256,
    RSA_SHA256,
    SigningKey,
    load_key,
    new_key,
)
from posthouse.model.account import DEFAULTS, Domain, DomainKey, DomainSettings, KeyState
from posthouse.model.address import BadAddress, ascii_domain
from posthouse.model.clock import Ids
from posthouse.model.errors import Refused
from posthouse.store import egress, identity
from posthouse.store.engine import Connection

ACCOUNT = accounts.USUAL
_SELECTORS = {RSA_SHA256: "ph1", ED25519_SHA256: "ph1ed"}


@dataclass(frozen=True, slots=True)
class Draft:
    """A domain with its sealed keys, ready to be stored."""

    domain: Domain
    keys: tuple[DomainKey, ...]


def sending_name(text: str) -> str:
    """A domain name to send for, in A-label form. Raises Refused."""
    try:
        name = ascii_domain(text.strip())
    except BadAddress as error:
        raise Refused(501, "5.1.2", f"Not a domain to send for: {error}", reason="bad-domain") from error
    if name.startswith("[") or "." not in name:
        raise Refused(
            501, "5.1.2", "Not a domain to send for: it needs at least one dot", reason="bad-domain"
        )
    return name


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
        name=sending_name(name),
        region=region,
        verified_at=now if is_verified else None,
        created_at=now,
        settings=settings,
    )
    return Draft(
        domain, tuple(_key(installation, ids, now, domain.id, algorithm) for algorithm in algorithms)
    )


def _key(installation: Installation, ids: Ids, now: float, domain_id: str, algorithm: str) -> DomainKey:
    private, public = new_key(algorithm)
    key_id = ids.new()
    return DomainKey(
        id=key_id,
        domain_id=domain_id,
        selector=_SELECTORS[algorithm],
        algorithm=algorithm,
        private=installation.seal(private, key_id),
        public=public,
        state=KeyState.ACTIVE,
        since=now,
    )


def create(conn: Connection, ids: Ids, new: Draft, account: str = "") -> Domain:
    """Store a draft under the account of that name, inside the caller's transaction; the usual one ("") is
    made with its first domain. Raises Refused."""
    if account in ("", accounts.USUAL):
        identity.ensure_account(conn, accounts.USUAL, id=ids.new(), now=new.domain.created_at)
    domain = replace(new.domain, account_id=accounts.own_account(conn, account))
    if identity.find_domain(conn, domain.name):
        raise Refused(550, "5.1.2", f"There is a domain {domain.name} already", reason="exists")
    identity.add_domain(conn, domain, list(new.keys))
    return domain


def load(conn: Connection, account_id: str, name: str) -> tuple[Domain, list[DomainKey]]:
    """A domain of the account and its keys. Raises Refused, in the same words for another account's (S20)."""
    name = sending_name(name)
    domain = identity.find_domain(conn, name)
    if domain is None or domain.account_id != account_id:
        raise _no_domain(name)
    return domain, identity.keys_of(conn, domain.id)


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
    identity.set_settings(conn, domain.name, settings)
    return replace(domain, settings=settings), keys


def remove(conn: Connection, account_id: str, name: str) -> str:
    """Remove a domain with its keys and users, inside the caller's transaction. Raises Refused."""
    domain, _ = load(conn, account_id, name)
    identity.remove_domain(conn, domain.name)
    return domain.name


def load_signing_keys(installation: Installation, domain: str, keys: Sequence[DomainKey]) -> list[SigningKey]:
    """Open the active keys of a domain, RSA first. Raises SealBroken; costs about 100 us a key."""
    ordered = sorted((key for key in keys if key.is_active), key=lambda key: key.algorithm != RSA_SHA256)
    return [
        SigningKey(domain, key.selector, key.algorithm, load_key(installation.open(key.private, key.id)))
        for key in ordered
    ]


def _no_domain(name: str) -> Refused:
    return Refused(550, "5.1.2", f"There is no domain {name} here", reason="no-domain")
