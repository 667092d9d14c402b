"""Local addresses to send from, and pools of them. Each change raises the identity version."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, select, update

from posthouse.store.asset_tables import ip, pool, pool_ip
from posthouse.store.connection import Connection
from posthouse.store.site_tables import warmup_day
from posthouse.store.statement import Statement, insert_once
from posthouse.store.trouble import Duplicate
from posthouse.store.versions import raise_identity


@dataclass(frozen=True, slots=True)
class LocalAddress:
    """An IPv4 or IPv6 literal of this machine. `account_id` "": every account may use it. `hello`: the name
    to greet receiving hosts with, "" for the installation's. `warmup`: JSON text, "" for a warm address."""

    address: str
    account_id: str
    hello: str
    created_at: float
    warmup: str = ""


@dataclass(frozen=True, slots=True)
class Pool:
    """A named set of local addresses, in order. `description`: the customer's words about it."""

    id: str
    account_id: str
    name: str
    addresses: tuple[str, ...] = ()
    description: str = ""


# Addresses

_add_ip = insert_once(ip)
_ips = Statement(select(ip).order_by(ip.c.address))
_remove_ip = Statement(delete(ip).where(ip.c.address == bindparam("of_address")), "of_address")
_forget_warmup = Statement(
    delete(warmup_day).where(warmup_day.c.address == bindparam("of_address")), "of_address"
)
_leave_pools = Statement(delete(pool_ip).where(pool_ip.c.address == bindparam("of_address")), "of_address")


def add_ip(conn: Connection, new: LocalAddress) -> None:
    """Raises Duplicate if the address is there already."""
    if not conn.change(_add_ip, new.address, new.account_id, new.hello, new.created_at, new.warmup):
        raise Duplicate(f"the address {new.address} is there already")
    raise_identity(conn)


def list_ips(conn: Connection) -> list[LocalAddress]:
    """All, by address."""
    return [LocalAddress(*row) for row in conn.rows(_ips)]


def remove_ip(conn: Connection, address: str) -> bool:
    """Also from every pool. False: there is no such address."""
    if not conn.change(_remove_ip, address):
        return False
    conn.change(_leave_pools, address)
    conn.change(_forget_warmup, address)
    raise_identity(conn)
    return True


# Pools

_add_pool = insert_once(pool)
_join_pool = insert_once(pool_ip)
_leave_pool = Statement(
    delete(pool_ip).where(
        pool_ip.c.pool_id == bindparam("of_pool"), pool_ip.c.address == bindparam("of_address")
    ),
    "of_pool",
    "of_address",
)
_pools = Statement(select(pool).order_by(pool.c.name, pool.c.id))
_members = Statement(select(pool_ip).order_by(pool_ip.c.pool_id, pool_ip.c.address))
_describe_pool = Statement(
    update(pool)
    .where(pool.c.id == bindparam("of_pool"))
    .values(name=bindparam("to_name"), description=bindparam("to_description")),
    "of_pool",
    "to_name",
    "to_description",
)
_remove_pool = Statement(delete(pool).where(pool.c.id == bindparam("of_pool")), "of_pool")


def add_pool(conn: Connection, new: Pool) -> None:
    """A pool with its addresses. Raises Duplicate if the account has one of that name."""
    if not conn.change(_add_pool, new.id, new.account_id, new.name, new.description):
        raise Duplicate(f"the pool {new.name} is there already")
    change_pool(conn, new.id, join=new.addresses)


def change_pool(conn: Connection, pool_id: str, join: Sequence[str] = (), leave: Sequence[str] = ()) -> None:
    """Add addresses to a pool, take others out; those that are in, or not in, already stay as they are."""
    for address in join:
        conn.change(_join_pool, pool_id, address)
    for address in leave:
        conn.change(_leave_pool, pool_id, address)
    raise_identity(conn)


def describe_pool(conn: Connection, pool_id: str, name: str, description: str) -> None:
    """Another name and description; the name must be free."""
    conn.change(_describe_pool, pool_id, name, description)
    raise_identity(conn)


def list_pools(conn: Connection, account_id: str | None = None) -> list[Pool]:
    """All pools, or an account's, by name, with their addresses."""
    members: dict[str, list[str]] = defaultdict(list)
    for pool_id, address in conn.rows(_members):
        members[pool_id].append(address)
    return [
        Pool(pool_id, owner, name, tuple(members[pool_id]), description)
        for pool_id, owner, name, description in conn.rows(_pools)
        if account_id is None or owner == account_id
    ]


def find_pool(conn: Connection, account_id: str, name_or_id: str) -> Pool | None:
    """An account's pool by its name or its id; a name goes first."""
    own = list_pools(conn, account_id)
    named = [item for item in own if item.name == name_or_id]
    return next(iter(named + [item for item in own if item.id == name_or_id]), None)


def remove_pool(conn: Connection, pool_id: str) -> bool:
    """The pool, not its addresses. False: there is no such pool."""
    if not conn.change(_remove_pool, pool_id):
        return False
    raise_identity(conn)
    return True
