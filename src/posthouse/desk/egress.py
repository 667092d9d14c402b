"""Addresses of this machine to send from, and pools of them.

An address is tried before it is taken in: an attempt from an address that the machine does not have would
fail for every receiving host.

Public: add_ip, remove_ip, ip_rows, put_pool, remove_pool, pool_row.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from posthouse.model.address import BadAddress, ascii_domain
from posthouse.model.clock import Ids
from posthouse.model.errors import Refused
from posthouse.store import egress
from posthouse.store.egress import LocalAddress, Pool
from posthouse.store.engine import Connection
from posthouse.store.trouble import Duplicate

MAX_NAME = 64


# Addresses


def local_address(text: str) -> str:
    """An address literal in its usual form, proved to be this machine's. Raises Refused."""
    try:
        if "%" in text:  # a scope id means nothing in a pool
            raise ValueError(text)
        address = ipaddress.ip_address(text.strip())
    except ValueError as error:
        raise _refused("Not an IPv4 or IPv6 address", "bad-address") from error
    if address.is_unspecified or address.is_multicast:
        raise _refused(f"{address} is not the address of one machine", "bad-address")
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with closing(socket.socket(family, socket.SOCK_STREAM)) as trial:
            trial.bind((str(address), 0))
    except OSError as error:
        raise _refused(
            f"{address} is not an address of this machine: {error.strerror}", "not-here"
        ) from error
    return str(address)


def add_ip(conn: Connection, now: float, address: str, hello: str = "", account_id: str = "") -> LocalAddress:
    """Take an address in, inside the caller's transaction. Raises Refused."""
    new = LocalAddress(local_address(address), account_id, _hello(hello) if hello else "", now)
    try:
        egress.add_ip(conn, new)
    except Duplicate as error:
        raise _refused(f"The address {new.address} is there already", "exists") from error
    return new


def _hello(text: str) -> str:
    """RFC 5321 4.1.1.1: a full domain name."""
    try:
        name = ascii_domain(text.strip())
    except BadAddress as error:
        raise _refused(f"Not a name to greet with: {error}", "bad-domain") from error
    if name.startswith("[") or "." not in name:
        raise _refused("Not a name to greet with: it needs at least one dot", "bad-domain")
    return name


def remove_ip(conn: Connection, address: str) -> str:
    """Also from every pool. Raises Refused."""
    try:
        name = str(ipaddress.ip_address(address.strip()))
    except ValueError:
        name = address
    if not egress.remove_ip(conn, name):
        raise _refused(f"There is no address {name} here", "no-address")
    return name


def ip_rows(conn: Connection) -> list[dict[str, Any]]:
    """All addresses as rows with the pools that they are in."""
    pools = egress.list_pools(conn)
    return [
        {
            "address": item.address,
            "hello": item.hello,
            "pools": [pool.name for pool in pools if item.address in pool.addresses],
            "created_at": item.created_at,
        }
        for item in egress.list_ips(conn)
    ]


# Pools


def put_pool(conn: Connection, ids: Ids, account_id: str, name: str, addresses: Sequence[str]) -> Pool:
    """Make a pool of these addresses, or add them to the one of that name. Raises Refused."""
    name = name.strip()
    if not name or not name.isprintable() or len(name) > MAX_NAME:
        raise _refused(f"A pool's name has 1 to {MAX_NAME} visible characters", "bad-name")
    members = _members(conn, addresses)
    found = next((pool for pool in egress.list_pools(conn, account_id) if pool.name == name), None)
    if found is None:
        if not members:
            raise _refused("A new pool needs at least one address", "empty")
        new = Pool(ids.new(), account_id, name, members)
        egress.add_pool(conn, new)
        return new
    egress.change_pool(conn, found.id, join=members)
    return _load(conn, account_id, found.id)


def _members(conn: Connection, addresses: Sequence[str]) -> tuple[str, ...]:
    known = {item.address for item in egress.list_ips(conn)}
    members = []
    for text in dict.fromkeys(addresses):
        try:
            name = str(ipaddress.ip_address(text.strip()))
        except ValueError as error:
            raise _refused("Not an IPv4 or IPv6 address", "bad-address") from error
        if name not in known:
            raise _refused(f"There is no address {name} here: `posthouse ip add {name}` first", "no-address")
        members.append(name)
    return tuple(members)


def remove_pool(conn: Connection, account_id: str, name: str, addresses: Sequence[str] = ()) -> Pool:
    """End a pool, or with addresses take only these out of it; the pool as it was. Raises Refused."""
    pool = _load(conn, account_id, name)
    if addresses:
        egress.change_pool(conn, pool.id, leave=_members(conn, addresses))
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
    return {"id": pool.id, "name": pool.name, "ips": list(pool.addresses)}


def _refused(text: str, reason: str) -> Refused:
    return Refused(501, "5.5.4", text, reason=reason)
