"""One version of who is who and who has what, read from the store in one snapshot.

Public: Identity, load_identity.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from posthouse.desk.expiry import has_expired
from posthouse.desk.sign_in import Known, SignIns
from posthouse.desk.verification import domains_with_returns
from posthouse.mail.tokens import domain_tag, old_tag
from posthouse.model.account import Account, Credential, CredentialKind, Domain, DomainKey, Principal
from posthouse.model.warmup import Warming, read_warmup
from posthouse.rules.ranges import Network, compile_ranges
from posthouse.rules.tracking_hosts import owner_of, tracking_host
from posthouse.store import caps, domain_keys, egress, groups, identity
from posthouse.store.engine import Connection
from posthouse.store.groups import Group


@dataclass(frozen=True, slots=True)
class Identity:
    """`sign_ins` and `domains` are of one region; what mail on its way needs (`keys`, `tags`, `everywhere`)
    is of all. `domains`, `everywhere` and `keys` (sealed) by domain name, `principals` by credential id, so
    is `fences`: the networks from which a credential may be used, of those that have any;
    `tags` by what links say of a domain (`mail.tokens`). `ips`: local address -> account, "" for everybody's;
    `hellos` those that greet with a name of their own, `dedicated` by account, `warming` those that warm up.
    `pools` by account and by name or id. `accounts` by id; `suspended` the ids of those that may not send;
    `caps`: recipients a day that they have earned. `returning`: names of the domains whose return host leads
    to us. `tracking_hosts`: the names of domains' own links, each with the accounts whose links those are.
    `next_expiry`: when the next of the credentials is valid no more, an instant.
    """

    version: int = -1
    accounts: Mapping[str, Account] = field(default_factory=dict)
    suspended: frozenset[str] = frozenset()
    sign_ins: SignIns = field(default_factory=SignIns)
    principals: Mapping[str, Principal] = field(default_factory=dict)
    fences: Mapping[str, tuple[Network, ...]] = field(default_factory=dict)
    domains: Mapping[str, Domain] = field(default_factory=dict)
    everywhere: Mapping[str, Domain] = field(default_factory=dict)
    keys: Mapping[str, tuple[DomainKey, ...]] = field(default_factory=dict)
    tags: Mapping[bytes, Domain] = field(default_factory=dict)
    ips: Mapping[str, str] = field(default_factory=dict)
    hellos: Mapping[str, str] = field(default_factory=dict)
    dedicated: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    warming: Mapping[str, Warming] = field(default_factory=dict)
    pools: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    groups: Mapping[str, frozenset[int]] = field(default_factory=dict)
    group_nouns: Mapping[tuple[str, int], Group] = field(default_factory=dict)
    tracking_hosts: Mapping[str, frozenset[str]] = field(default_factory=dict)
    default_groups: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    caps: Mapping[str, int] = field(default_factory=dict)
    returning: frozenset[str] = frozenset()
    next_expiry: float = math.inf


def load_identity(conn: Connection, region: str, known_version: int, now: float) -> Identity | None:
    """Everything in one snapshot, less what has expired, or None when `known_version` is the store's."""
    version = identity.identity_version(conn)
    if version == known_version:
        return None
    # C-14: a domain of another region is unknown at this region's host
    known = identity.list_domains(conn)
    own = {domain.id: domain for domain in known if domain.region == region}
    valid = [
        (credential, _principal(own.get(credential.domain_id), credential))
        for credential in identity.list_credentials(conn)
        if credential.revoked_at is None
        and not has_expired(credential.expires_at, now)
        and (credential.domain_id in own or not credential.domain_id)
    ]
    keys = domain_keys.keys_by_domain(conn)
    addresses = egress.list_ips(conn)
    pools = egress.list_pools(conn)
    kinds = groups.list_groups(conn)
    accounts = identity.list_accounts(conn)
    with_returns = domains_with_returns(conn)
    return Identity(
        version=version,
        accounts={account.id: account for account in accounts},
        suspended=frozenset(account.id for account in accounts if account.settings.is_suspended),
        sign_ins=_sign_ins(valid),
        principals={credential.id: principal for credential, principal in valid},
        fences={item.id: compile_ranges(item.ranges) for item, _ in valid if item.ranges},
        domains={domain.name: domain for domain in own.values()},
        everywhere={domain.name: domain for domain in known},
        keys={domain.name: keys.get(domain.id, ()) for domain in known},
        tags=_tags(known),
        ips={item.address: item.account_id for item in addresses},
        hellos={item.address: item.hello for item in addresses if item.hello},
        dedicated=_dedicated(addresses),
        warming=_warming(addresses, pools),
        pools=_pools(pools),
        groups=_group_numbers(kinds),
        default_groups=_default_groups(kinds),
        caps={cap.account_id: cap.most for cap in caps.list_caps(conn)},
        returning=frozenset(item.name for item in known if item.id in with_returns),
        group_nouns={(group.account_id, group.number): group for group in kinds},
        tracking_hosts=_tracking_hosts(known),
        next_expiry=min(
            (item.expires_at for item, _ in valid if item.expires_at is not None), default=math.inf
        ),
    )


def _principal(domain: Domain | None, credential: Credential) -> Principal:
    """Without a domain: a key of the whole account, which every region takes."""
    return Principal(
        account_id=credential.account_id,
        domain_id=domain.id if domain else "",
        domain=domain.name if domain else "",
        region=domain.region if domain else "",
        verified=domain is None or domain.verified_at is not None,
        credential_id=credential.id,
        login=credential.login,
        kind=credential.kind,
        dialect=credential.dialect,
        permissions=credential.permissions,
        ranges=credential.ranges,
        limits=credential.limits,
    )


def _sign_ins(valid: Sequence[tuple[Credential, Principal]]) -> SignIns:
    by_secret: dict[CredentialKind, dict[bytes, Principal]] = defaultdict(dict)
    for credential, principal in valid:
        by_secret[credential.kind][credential.secret_hash] = principal
    users = {
        credential.login: Known(credential.secret_hash, principal)
        for credential, principal in valid
        if credential.kind is CredentialKind.SMTP_USER
    }
    return SignIns(users, by_secret[CredentialKind.API_KEY], by_secret[CredentialKind.DOMAIN_TOKEN])


def _tags(known: Sequence[Domain]) -> dict[bytes, Domain]:
    """By both forms. Of two names with the same old tag the one that was here first keeps it: a later one
    has no links of that form, or was made to take them."""
    newest_first = sorted(known, key=lambda item: item.created_at, reverse=True)
    old = {old_tag(item.name): item for item in newest_first}
    return old | {domain_tag(item.name): item for item in known}


def _tracking_hosts(known: Sequence[Domain]) -> dict[str, frozenset[str]]:
    """A host below a sending domain is its account's alone, whoever else names it (S17, S20)."""
    by_name = {item.name: item for item in known}
    owners: dict[str, set[str]] = defaultdict(set)
    for item in known:
        host = tracking_host(item.name, item.settings.tracking_url)
        owner = owner_of(host, [by_name[name] for name in _and_above(host) if name in by_name])
        if owner is None or owner.account_id == item.account_id:
            owners[host].add(item.account_id)
    return {host: frozenset(who) for host, who in owners.items()}


def _and_above(host: str) -> list[str]:
    """The name and those that it stands below, the longest first."""
    labels = host.split(".")
    return [".".join(labels[at:]) for at in range(len(labels))]


def _pools(pools: Sequence[egress.Pool]) -> dict[tuple[str, str], tuple[str, ...]]:
    """A pool's name goes before another one's id, as in `egress.find_pool`."""
    by_id = {(pool.account_id, pool.id): pool.addresses for pool in pools}
    return by_id | {(pool.account_id, pool.name): pool.addresses for pool in pools}


def _dedicated(addresses: Sequence[egress.LocalAddress]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = defaultdict(list)
    for item in addresses:
        if item.account_id:
            found[item.account_id].append(item.address)
    return {account_id: tuple(own) for account_id, own in found.items()}


def _warming(addresses: Sequence[egress.LocalAddress], pools: Sequence[egress.Pool]) -> dict[str, Warming]:
    members = {pool.id: pool.addresses for pool in pools}
    return {
        item.address: Warming(warmup, members.get(warmup.pool_id, ()))
        for item in addresses
        if (warmup := read_warmup(item.warmup))
    }


def _group_numbers(kinds: Sequence[Group]) -> dict[str, frozenset[int]]:
    numbers: dict[str, set[int]] = defaultdict(set)
    for group in kinds:
        numbers[group.account_id].add(group.number)
    return {account_id: frozenset(found) for account_id, found in numbers.items()}


def _default_groups(kinds: Sequence[Group]) -> dict[str, tuple[int, ...]]:
    numbers: dict[str, list[int]] = defaultdict(list)
    for group in kinds:
        if group.is_default:
            numbers[group.account_id].append(group.number)
    return {account_id: tuple(found) for account_id, found in numbers.items()}
