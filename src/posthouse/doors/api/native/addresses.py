"""Local addresses to send from, their pools, and how new ones get known.

What everybody's mail uses is the operator's: a key changes its account's pools and the warm-up of its own
addresses.

Public: ENDPOINTS.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from posthouse.desk import egress, warmup
from posthouse.doors.api.answers import Answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.native.endpoint import NativeEndpoint, Nothing, Page, many, one, reading, writing
from posthouse.store import egress as stored
from posthouse.store.connection import Connection
from posthouse.store.egress import Pool

Address = Annotated[str, Meta(min_length=2, max_length=45, examples=["192.0.2.25"])]


class WarmupRow(Struct, frozen=True, kw_only=True):
    """A running plan. `paused_sites`: where it pauses."""

    plan: str
    day: int
    days: int
    paused_sites: int


class AddressRow(Struct, frozen=True, kw_only=True):
    """A local address. `warmup` null: it is warm."""

    address: str
    hello: str
    is_dedicated: bool
    pools: list[str]
    warmup: WarmupRow | None
    created_at: dt.datetime


class WarmupSite(Struct, frozen=True, kw_only=True):
    """Today's figures of one receiving site. `limit` null: none any more."""

    site: str
    day: int
    limit: int | None
    reserved: int
    sent: int
    deferred: int
    paused_until: dt.datetime | None
    why: str


class WholeWarmup(WarmupRow, frozen=True, kw_only=True):
    """A running plan. `pool`: where the rest goes; `limits`: messages to a site, day by day."""

    pool: str
    limits: list[int]


class WholeAddress(Struct, frozen=True, kw_only=True):
    """An address and how its warm-up goes."""

    address: str
    hello: str
    is_dedicated: bool
    pools: list[str]
    warmup: WholeWarmup | None
    created_at: dt.datetime
    sites: list[WarmupSite]


class NewWarmup(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A plan to begin."""

    plan: Literal["default", "slow", "fast"] = "default"
    day: Annotated[int, Meta(ge=1, le=365, description="On which day of the plan.")] = 1
    pool: Annotated[str, Meta(max_length=100, description="Where the rest goes.")] = ""


class PoolRow(Struct, frozen=True, kw_only=True):
    """A pool of addresses."""

    id: str
    name: str
    description: str
    ips: list[str]


class PoolMembers(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The addresses to put into a pool; it is made if it is not there."""

    ips: Annotated[list[Address], Meta(max_length=100)]
    description: Annotated[str, Meta(max_length=1000, description="What a new pool is for.")] = ""


class PoolChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another name or description; what is left out stays."""

    name: Annotated[str, Meta(max_length=255)] = ""
    description: Annotated[str, Meta(max_length=1000)] | None = None


class LeavingMembers(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The addresses to take out; none: the whole pool ends."""

    ip: Annotated[list[Address], Meta(max_length=100)] = []


class RemovedPool(Struct, frozen=True, kw_only=True):
    """`ips`: those that were taken out, none: all of the pool went."""

    removed: str
    ips: list[str]


async def list_addresses(call: Call, asked: Nothing) -> Answer:
    return many(AddressRow, await call.read(egress.ip_rows, call.account_id, call.now))


async def show_address(call: Call, asked: Nothing) -> Answer:
    return one(WholeAddress)(await call.read(_row, call))


def _row(conn: Connection, call: Call) -> dict[str, Any]:
    return warmup.address_row(conn, call.now, call.account_id, call.params["address"])


async def begin_warmup(call: Call, asked: NewWarmup) -> Answer:
    return await call.write_once(one(WholeAddress), _begin, call, asked)


def _begin(conn: Connection, call: Call, asked: NewWarmup) -> dict[str, Any]:
    address = warmup.own_address(conn, call.account_id, call.params["address"]).address
    plan = warmup.find_plan(asked.plan)
    warmup.begin(conn, call.now, call.account_id, address, plan, asked.day, asked.pool)
    return _row(conn, call)


async def end_warmup(call: Call, asked: Nothing) -> Answer:
    return await call.write_once(one(WholeAddress), _end, call)


def _end(conn: Connection, call: Call) -> dict[str, Any]:
    own = warmup.own_address(conn, call.account_id, call.params["address"])
    warmup.end(conn, call.account_id, own.address)
    return _row(conn, call)


async def list_pools(call: Call, asked: Nothing) -> Answer:
    return many(PoolRow, map(egress.pool_row, await call.read(stored.list_pools, call.account_id)))


async def put_pool(call: Call, asked: PoolMembers) -> Answer:
    return await call.write_once(_pool, _put, call, asked)


def _put(conn: Connection, call: Call, asked: PoolMembers) -> Pool:
    name, ids = call.params["name"], call.parts.ids
    return egress.put_pool(conn, ids, call.account_id, name, asked.ips, asked.description)


def _pool(pool: Pool) -> Answer:
    return one(PoolRow)(egress.pool_row(pool))


async def change_pool(call: Call, asked: PoolChange) -> Answer:
    return await call.write_once(_pool, _describe, call, asked)


def _describe(conn: Connection, call: Call, asked: PoolChange) -> Pool:
    name = call.params["name"]
    return egress.describe_pool(conn, call.account_id, name, name=asked.name, description=asked.description)


async def remove_pool(call: Call, asked: LeavingMembers) -> Answer:
    return await call.write_once(
        lambda pool: one(RemovedPool)({"removed": pool.name, "ips": asked.ip}),
        egress.remove_pool,
        call.account_id,
        call.params["name"],
        asked.ip,
    )


_READ, _WRITE = "ips.read", "ips.write"
_TOPIC: dict[str, Any] = {"topic": "Addresses and pools"}
_WARMUP = "/addresses/{address}/warm-up"
ENDPOINTS: tuple[NativeEndpoint, ...] = (
    reading("/addresses", _READ, list_addresses, "List addresses to send from", **_TOPIC,
            gives=Page[AddressRow]),
    reading("/addresses/{address}", _READ, show_address, "Show an address and its warm-up", **_TOPIC,
            gives=WholeAddress),
    writing("PUT", _WARMUP, _WRITE, begin_warmup, "Begin to warm an address up", **_TOPIC,
            text="One that is the account's alone.", asks=NewWarmup, gives=WholeAddress),
    writing("DELETE", _WARMUP, _WRITE, end_warmup, "Call an address warm", **_TOPIC, gives=WholeAddress),
    reading("/pools", _READ, list_pools, "List pools", **_TOPIC, gives=Page[PoolRow]),
    writing("PUT", "/pools/{name}", _WRITE, put_pool, "Make a pool, or add to it", **_TOPIC,
            asks=PoolMembers, gives=PoolRow),
    writing("PATCH", "/pools/{name}", _WRITE, change_pool, "Rename or describe a pool", **_TOPIC,
            text="Domains that send from it go on.", asks=PoolChange, gives=PoolRow),
    writing("DELETE", "/pools/{name}", _WRITE, remove_pool, "Remove a pool, or addresses of it", **_TOPIC,
            asks=LeavingMembers, gives=RemovedPool),
)  # fmt: skip
