"""Addresses of this machine to send from, and pools of them.

An address belongs to everybody or, dedicated, to one account; for all others it is not there. Pools belong to
accounts.

Public: add_ip, parse_hello, usable_ips, load_ip, remove_ip, ip_rows, warmup_row, put_pool,
describe_pool, remove_pool, pool_row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec

from posthouse.desk.local_address import name_of
from posthouse.model.address import BadAddress, ascii_domain
from posthouse.model.clock import Ids
from posthouse.model.errors import Refused
from posthouse.model.warmup import read_warmup
from posthouse.rules.warmup import day_of, plan_day
from posthouse.store import egress, identity, warmup
from posthouse.store.egress import LocalAddress, Pool
from posthouse.store.engine import Connection
from posthouse.store.trouble import Duplicate

MAX_NAME = 64
MAX_DESCRIPTION = 500


# Addresses


def add_ip(conn: Connection, now: float, address: str, hello: str = "", account_id: str = "") -> LocalAddress:
    """Take in an address as `local_address` found it good, inside the caller's transaction. `account_id`:
    whose alone it is, "" for everybody's. Raises Refused."""
    new = LocalAddress(address, account_id, parse_hello(hello) if hello else "", now)
    try:
        egress.add_ip(conn, new)
    except Duplicate as error:
        raise _refused(f"The address {new.address} is there already", "exists") from error
    return new


def parse_hello(text: str) -> str:
    """A name to greet with, RFC 5321 4.1.1.1: a full domain name. Raises Refused."""
    try:
        name = ascii_domain(text.strip())
    except BadAddress as error:
        raise _refused(f"Not a name to greet with: {error}", "bad-domain") from error
    if name.startswith("[") or "." not in name:
        raise _refused("Not a name to greet with: it needs at least one dot", "bad-domain")
    return name


def usable_ips(conn: Connection, account_id: str) -> dict[str, LocalAddress]:
    """The addresses that an account may know of: its own and everybody's."""
    return {item.address: item for item in egress.list_ips(conn) if item.account_id in ("", account_id)}


def load_ip(conn: Connection, account_id: str, address: str) -> LocalAddress:
    """An address that the account may know of, in whatever notation. Raises Refused, with the same words for
    another account's as for none."""
    name = name_of(address)
    found = usable_ips(conn, account_id).get(name)
    if found is None:
        raise _refused(f"There is no address {name} here", "no-address")
    return found


def remove_ip(conn: Connection, account_id: str, address: str) -> str:
    """Also from every pool. Raises Refused."""
    found = load_ip(conn, account_id, address)
    egress.remove_ip(conn, found.address)
    return found.address


def ip_rows(conn: Connection, account_id: str, now: float) -> list[dict[str, Any]]:
    """An account's own and everybody's addresses as rows, with the account's pools that they are in and how
    their warm-up goes (`warmup_row`)."""
    pools = egress.list_pools(conn, account_id)
    paused = warmup.paused_sites(conn, now)
    return [
        {
            "address": item.address,
            "hello": item.hello,
            "is_dedicated": bool(item.account_id),
            "pools": [pool.name for pool in pools if item.address in pool.addresses],
            "warmup": warmup_row(item.warmup, now, paused.get(item.address, 0)),
            "created_at": item.created_at,
        }
        for item in usable_ips(conn, account_id).values()
    ]


def warmup_row(text: str, now: float, paused_sites: int) -> dict[str, Any] | None:
    """A running plan as plain values, from the store's text; None for a warm address."""
    running = read_warmup(text)
    if running is None:
        return None
    return {
        "plan": running.plan.name,
        "day": min(plan_day(running, day_of(now), ()), len(running.plan.days)),
        "days": len(running.plan.days),
        "paused_sites": paused_sites,
    }


# Pools


def put_pool(
    conn: Connection,
    ids: Ids,
    account_id: str,
    name: str,
    addresses: Sequence[str],
    description: str = "",
) -> Pool:
    """Make a pool of these addresses, or add them to the one of that name. Raises Refused."""
    name = _pool_name(name)
    members = _members(conn, account_id, addresses)
    found = next((pool for pool in egress.list_pools(conn, account_id) if pool.name == name), None)
    if found is None:
        if not members:
            raise _refused("A new pool needs at least one address", "empty")
        new = Pool(ids.new(), account_id, name, members, _description(description))
        egress.add_pool(conn, new)
        return new
    egress.change_pool(conn, found.id, join=members)
    return _load(conn, account_id, found.id)


def describe_pool(
    conn: Connection, account_id: str, name_or_id: str, *, name: str = "", description: str | None = None
) -> Pool:
    """Another name ("": it stays) or description (None: it stays) for a pool. Its domains keep sending from
    it, and mail that waits knows its addresses already. Raises Refused."""
    pool = _load(conn, account_id, name_or_id)
    name = _pool_name(name) if name.strip() else pool.name
    if name != pool.name and any(each.name == name for each in egress.list_pools(conn, account_id)):
        raise _refused(f"There is a pool {name} already", "exists")
    text = pool.description if description is None else _description(description)
    egress.describe_pool(conn, pool.id, name, text)
    if name != pool.name:
        _refer_by_id(conn, pool)
    return replace(pool, name=name, description=text)


def _refer_by_id(conn: Connection, pool: Pool) -> None:
    """For the domains whose settings say the pool's name as it was."""
    for domain in identity.list_domains(conn, pool.account_id):
        if domain.settings.ip_pool == pool.name:
            settings = msgspec.structs.replace(domain.settings, ip_pool=pool.id)
            identity.set_settings(conn, domain.name, settings)


def _pool_name(text: str) -> str:
    name = text.strip()
    if not name or not name.isprintable() or len(name) > MAX_NAME:
        raise _refused(f"A pool's name has 1 to {MAX_NAME} visible characters", "bad-name")
    return name


def _description(text: str) -> str:
    text = " ".join(text.split())
    if len(text) > MAX_DESCRIPTION or not text.isprintable():
        raise _refused(
            f"A pool's description has at most {MAX_DESCRIPTION} visible characters", "bad-description"
        )
    return text


def _members(conn: Connection, account_id: str, addresses: Sequence[str]) -> tuple[str, ...]:
    """The addresses in their usual form, once each. Raises Refused for one that the account may not use."""
    known = usable_ips(conn, account_id)
    members = dict.fromkeys(name_of(text) for text in addresses)
    for name in members:
        if name not in known:
            raise _refused(f"There is no address {name} here; add it first", "no-own-address")
    return tuple(members)


def remove_pool(conn: Connection, account_id: str, name: str, addresses: Sequence[str] = ()) -> Pool:
    """End a pool, or with addresses take only these out of it; the pool as it was. Raises Refused."""
    pool = _load(conn, account_id, name)
    if addresses:
        egress.change_pool(conn, pool.id, leave=_members(conn, account_id, addresses))
    else:
        egress.remove_pool(conn, pool.id)
    return pool


def _load(conn: Connection, account_id: str, name: str) -> Pool:
    found = egress.find_pool(conn, account_id, name)
    if found is None:
        raise _refused(f"There is no pool {name} here", "no-pool")
    return found


def pool_row(pool: Pool) -> dict[str, Any]:
    """One pool as plain values."""
    row = {"id": pool.id, "name": pool.name, "description": pool.description}
    return row | {"ips": list(pool.addresses)}


def _refused(text: str, reason: str) -> Refused:
    return Refused(501, "5.5.4", text, reason=reason)
