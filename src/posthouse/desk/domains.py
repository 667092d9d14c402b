"""Sending domains: made with their DKIM keys, shown with the DNS records they need, removed.

Making an RSA key takes a second of CPU, so it happens in `draft`, before any transaction. Private keys are
sealed with the installation key and tied to their row's id.

Public: Draft, Record, draft, create, load, remove, change_settings, records_of, load_signing_keys, ACCOUNT.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from posthouse.desk import accounts
from posthouse.desk.installation import Installation
from posthouse.mail.dkim import (
    ED25519_SHA256,
    RSA_SHA256,
    SigningKey,
    dkim_record,
    load_key,
    new_key,
    txt_strings,
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


@dataclass(frozen=True, slots=True)
class Record:
    """A DNS record to publish. `value` is the whole text, not yet cut into strings of 255 octets."""

    purpose: str
    kind: str
    name: str
    value: str
    is_required: bool

    @property
    def zone_text(self) -> str:
        """The record as a line of a zone file."""
        if self.kind != "TXT":
            return f"{self.name}. IN {self.kind} {self.value}"
        return f"{self.name}. IN TXT " + " ".join(f'"{part}"' for part in txt_strings(self.value))


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


def records_of(
    domain: Domain,
    keys: Sequence[DomainKey],
    hostname: str,
    sources: Sequence[str] = (),
    *,
    has_own_links: bool = True,
) -> list[Record]:
    """The DNS records for a domain whose mail leaves from `hostname` (or from these addresses).

    `has_own_links`: tracked links are below the domain unless its settings name another place.
    """
    name = domain.name
    signing = [
        Record(
            "DKIM signature",
            "TXT",
            f"{key.selector}._domainkey.{name}",
            dkim_record(key.public, key.algorithm),
            key.algorithm == RSA_SHA256,
        )
        for key in keys
        if key.is_active
    ]
    advice = [
        Record("SPF; joins an SPF record that is there", "TXT", name, _spf(hostname, sources), False),
        Record(
            "return path, for envelope senders below it", "MX", f"return.{name}", f"10 {hostname}.", False
        ),
        Record("SPF of the return path", "TXT", f"return.{name}", _spf(hostname, sources), False),
        Record("DMARC, to begin with", "TXT", f"_dmarc.{name}", "v=DMARC1; p=none", False),
    ]
    if has_own_links and not domain.settings.tracking_url:
        advice.append(Record("tracked links", "CNAME", f"email.{name}", f"{hostname}.", False))
    return signing + advice


def _spf(hostname: str, sources: Sequence[str]) -> str:
    """RFC 7208 4.6: this host's addresses pass, everything else is doubtful."""
    if not sources:
        return f"v=spf1 a:{hostname} ~all"
    terms = [f"ip{ipaddress.ip_address(address).version}:{address}" for address in sources]
    return f"v=spf1 {' '.join(terms)} ~all"


def load_signing_keys(installation: Installation, domain: str, keys: Sequence[DomainKey]) -> list[SigningKey]:
    """Open the active keys of a domain, RSA first. Raises SealBroken; costs about 100 us a key."""
    ordered = sorted((key for key in keys if key.is_active), key=lambda key: key.algorithm != RSA_SHA256)
    return [
        SigningKey(domain, key.selector, key.algorithm, load_key(installation.open(key.private, key.id)))
        for key in ordered
    ]


def _no_domain(name: str) -> Refused:
    return Refused(550, "5.1.2", f"There is no domain {name} here", reason="no-domain")
