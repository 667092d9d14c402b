"""Pools as the service's newest calls write them, by numbers: `/v3/send_ips/pools` (documented, with the
texts of its errors).

They are the same ones as at `/v3/ips/pools`. One that is made without addresses gets those that the account
may use, since ours are never made empty.

Public: ENDPOINTS, number_of_pool, pools_of.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from posthouse.desk import egress
from posthouse.desk.local_address import name_of
from posthouse.dialects.event_values import numbered_id
from posthouse.doors.api.answers import NOTHING, Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.sendgrid.asked import find_text, object_of
from posthouse.doors.api.sendgrid.ips import refuse_twin
from posthouse.doors.api.sendgrid.key_pages import page_of
from posthouse.doors.api.sendgrid.phrases import said
from posthouse.store import egress as store
from posthouse.store.connection import Connection
from posthouse.store.egress import Pool

_PREVIEW, _MOST = 10, 100
_ID_BITS = 31
_MISSING = "not found in the request body"
_TWIN = "already exists"


def number_of_pool(pool: Pool) -> str:
    """Its id in the service's form: a text of digits."""
    return str(numbered_id(f"pool {pool.id}", _ID_BITS))


def pools_of(pools: Sequence[Pool], ip: str) -> list[dict[str, str]]:
    """Those that an address is in."""
    return [{"id": number_of_pool(pool), "name": pool.name} for pool in pools if ip in pool.addresses]


def _load(conn: Connection, call: Call) -> Pool:
    """The pool that the path names. Raises Said, alike for another account's (S20)."""
    for pool in store.list_pools(conn, call.account_id):
        if number_of_pool(pool) == call.params["poolid"]:
            return pool
    raise said("not found", field="poolid")


# What is asked for


def _name(given: dict[str, Any]) -> str:
    """Raises Said."""
    name = find_text(given, "name", 1000)
    if name is None:
        raise said(_MISSING, field="name")
    if name.startswith((".", " ")):
        raise said("cannot start with a dot or a space", field="name")
    if not 2 <= len(name) <= egress.MAX_NAME:
        raise said(f"needs to be between 2 to {egress.MAX_NAME} characters long", field="name")
    return name


def _ips(given: dict[str, Any]) -> list[str]:
    """In their usual form. Raises Said."""
    value = given.get("ips")
    if value is None:
        raise said(_MISSING, field="ips")
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise said("must be a list of IP addresses", field="ips")
    if not 1 <= len(value) <= _MOST:
        raise said(f"the number of IPs must be between 1 and {_MOST}", field="ips")
    return [name_of(each) for each in value]


def _usable(conn: Connection, call: Call, ips: Sequence[str]) -> Sequence[str]:
    """Raises Said where the account may not use one, alike for another account's (S20)."""
    known = egress.usable_ips(conn, call.account_id)
    if unknown := [ip for ip in ips if ip not in known]:
        raise said(f"unable to verify IPs assignability: {', '.join(unknown)}", field="ips")
    return ips


# Showing


def _brief(pool: Pool) -> dict[str, Any]:
    preview, count = list(pool.addresses[:_PREVIEW]), len(pool.addresses)
    return {"name": pool.name, "id": number_of_pool(pool), "ips_preview": preview, "total_ip_count": count}


def _whole(pool: Pool) -> dict[str, Any]:
    return {"name": pool.name, "id": number_of_pool(pool), "ips": list(pool.addresses)}


async def _list(call: Call) -> Answer:
    ip = name_of(call.query.get("ip", ""))
    pools: Sequence[Pool] = await call.read(store.list_pools, call.account_id)
    found = [pool for pool in pools if not ip or ip in pool.addresses]
    page = page_of(call, [number_of_pool(pool) for pool in found])
    return json_answer({"result": [_brief(pool) for pool in page.of(found)], "_metadata": page.metadata})


async def _get(call: Call) -> Answer:
    return json_answer(_brief(await call.read(_load, call)))


async def _members(call: Call) -> Answer:
    pool, pools = await call.read(_with_all, call)
    page = page_of(call, pool.addresses)
    rows = [{"ip": ip, "pools": pools_of(pools, ip)} for ip in page.of(pool.addresses)]
    return json_answer({"result": rows, "_metadata": page.metadata})


def _with_all(conn: Connection, call: Call) -> tuple[Pool, list[Pool]]:
    return _load(conn, call), store.list_pools(conn, call.account_id)


# Changing


async def _add(call: Call) -> Answer:
    given = await object_of(call)
    name = _name(given)
    ips = _ips(given) if given.get("ips") else []

    def add(conn: Connection) -> Pool:
        refuse_twin(conn, call, name, text=_TWIN)
        members = _usable(conn, call, ips) or list(egress.usable_ips(conn, call.account_id))
        return egress.put_pool(conn, call.parts.ids, call.account_id, name, members)

    return await call.write_once(lambda made: json_answer(_whole(made), 201), add)


async def _rename(call: Call) -> Answer:
    name = _name(await object_of(call))

    def rename(conn: Connection) -> Pool:
        pool = _load(conn, call)
        refuse_twin(conn, call, name, pool.id, text=_TWIN)
        return egress.describe_pool(conn, call.account_id, pool.id, name=name)

    def shown(pool: Pool) -> Answer:
        return json_answer({"name": pool.name, "id": number_of_pool(pool)})

    return await call.write_once(shown, rename)


async def _remove(call: Call) -> Answer:
    def remove(conn: Connection) -> None:
        egress.remove_pool(conn, call.account_id, _load(conn, call).id)

    return await call.write_once(lambda _: NOTHING, remove)


async def _join(call: Call) -> Answer:
    ips = _ips(await object_of(call))

    def join(conn: Connection) -> Pool:
        pool = _load(conn, call)
        members = _usable(conn, call, ips)
        return egress.put_pool(conn, call.parts.ids, call.account_id, pool.name, members)

    return await call.write_once(lambda pool: json_answer(_whole(pool)), join)


async def _leave(call: Call) -> Answer:
    """All of them or none."""
    ips = _ips(await object_of(call))

    def leave(conn: Connection) -> None:
        pool = _load(conn, call)
        if strange := [ip for ip in ips if ip not in pool.addresses]:
            raise said(f"not found in pool ‘{pool.name}’: {', '.join(strange)}", field="ips")
        egress.remove_pool(conn, call.account_id, pool.id, ips)

    return await call.write_once(lambda _: NOTHING, leave)


_READ, _WRITE = "ips.read", "ips.write"
_POOLS = "/v3/send_ips/pools"
_POOL = f"{_POOLS}/{{poolid}}"
ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", _POOLS, _READ, _list),
    Endpoint("POST", _POOLS, _WRITE, _add),
    Endpoint("GET", _POOL, _READ, _get),
    Endpoint("PUT", _POOL, _WRITE, _rename),
    Endpoint("DELETE", _POOL, _WRITE, _remove),
    Endpoint("GET", f"{_POOL}/ips", _READ, _members),
    Endpoint("POST", f"{_POOL}/ips:batchAdd", _WRITE, _join),
    Endpoint("POST", f"{_POOL}/ips:batchDelete", _WRITE, _leave),
)
