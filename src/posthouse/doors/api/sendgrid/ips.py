"""Addresses to send from, and pools of them (sendgrid.md 3.15).

A pool holds at least one address here, so one is made with the addresses that the account may use. Addresses
are not for sale: none can be had by a call.

Public: ENDPOINTS, NOT_SOLD, refuse_twin.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from posthouse.desk import egress, warmup
from posthouse.desk.local_address import name_of
from posthouse.doors.api.answers import NOTHING, Answer, Said, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.sendgrid.asked import object_of, page_of, text_of
from posthouse.doors.api.sendgrid.not_here import refused
from posthouse.doors.api.sendgrid.phrases import said
from posthouse.store import egress as store
from posthouse.store.connection import Connection
from posthouse.store.egress import Pool

_NO_POOL = "Unable to locate specified IPs Pool"
_TWIN = "This IP Pool already exists"
_NO_IP = "Unable to locate specified IP Address"
NOT_SOLD = "addresses are not sold here: whoever runs this service adds them, with `posthouse ip add`"


async def _list(call: Call) -> Answer:
    """A page, by address; filters as documented. Raises Said."""
    limit, offset = page_of(call, 10, 500)
    direction = call.query.get("sort_by_direction", "").lower() or "asc"
    if direction not in ("asc", "desc"):
        raise said("sort_by_direction must be asc or desc", field="sort_by_direction")
    rows = await call.read(_rows, call)
    chosen = [row for row in rows if _is_asked_for(call, row)]
    chosen.sort(key=lambda row: ipaddress.ip_address(row["ip"]).packed, reverse=direction == "desc")
    return json_answer(chosen[offset : offset + limit])


def _is_asked_for(call: Call, row: dict[str, Any]) -> bool:
    """`subuser`: there are none, so no address is one's."""
    ip = call.query.get("ip", "").strip()
    wants_plain = call.query.get("exclude_whitelabels", "").lower() in ("true", "1")
    is_other = bool(ip) and row["ip"] != name_of(ip)
    return not (is_other or (wants_plain and row["whitelabeled"]) or call.query.get("subuser"))


async def _assigned(call: Call) -> Answer:
    return json_answer(await call.read(_rows, call))


async def _get(call: Call) -> Answer:
    for row in await call.read(_rows, call):
        if row["ip"] == name_of(call.params["ip"]):
            return json_answer(row)
    raise said(_NO_IP, 404)


def _rows(conn: Connection, call: Call) -> list[dict[str, Any]]:
    usable = egress.usable_ips(conn, call.account_id)
    rows = egress.ip_rows(conn, call.account_id, call.now)
    return [_ip(row, warmup.begun_at(usable[row["address"]])) for row in rows]


def _ip(row: dict[str, Any], begun_at: float | None) -> dict[str, Any]:
    return {
        "ip": row["address"],
        "pools": row["pools"],
        "subusers": [],
        "rdns": row["hello"],
        "warmup": begun_at is not None,
        "start_date": _instant(begun_at),
        "whitelabeled": bool(row["hello"]),
        "assigned_at": int(row["created_at"]),
    }


def _instant(at: float | None) -> int | None:
    return None if at is None else int(at)


async def _remaining(call: Call) -> Answer:
    """How many could be bought (documented)."""
    return json_answer({"results": [{"remaining": 0, "period": "month", "price_per_ip": 0}]})


# Pools


def _pool(conn: Connection, call: Call) -> Pool:
    """The pool that the path names. Raises Said, alike for another account's (S20)."""
    found = store.find_pool(conn, call.account_id, call.params["name"])
    if found is None:
        raise said(_NO_POOL, 404, "error")
    return found


def refuse_twin(conn: Connection, call: Call, name: str, but: str = "", *, text: str = _TWIN) -> None:
    """Another pool of that name than the one of our id `but`. Raises Said."""
    found = store.find_pool(conn, call.account_id, name.strip())
    if found is not None and found.id != but:
        raise said(text, field="name")


async def _pools(call: Call) -> Answer:
    found = await call.read(store.list_pools, call.account_id)
    return json_answer([{"name": pool.name} for pool in found])


async def _get_pool(call: Call) -> Answer:
    pool = await call.read(_pool, call)
    return json_answer({"pool_name": pool.name, "ips": list(pool.addresses)})


async def _add_pool(call: Call) -> Answer:
    name = text_of(await object_of(call), "name", egress.MAX_NAME)

    def add(conn: Connection) -> Pool:
        refuse_twin(conn, call, name)
        own = list(egress.usable_ips(conn, call.account_id))
        return egress.put_pool(conn, call.parts.ids, call.account_id, name, own)

    return await call.write_once(lambda made: json_answer({"name": made.name}), add)


async def _rename_pool(call: Call) -> Answer:
    name = text_of(await object_of(call), "name", egress.MAX_NAME)

    def rename(conn: Connection) -> Pool:
        pool = _pool(conn, call)
        refuse_twin(conn, call, name, pool.id)
        return egress.describe_pool(conn, call.account_id, pool.id, name=name)

    return await call.write_once(lambda pool: json_answer({"name": pool.name}), rename)


async def _remove_pool(call: Call) -> Answer:
    def remove(conn: Connection) -> None:
        if store.find_pool(conn, call.account_id, call.params["name"]) is None:
            raise Said(json_answer({"error": _NO_POOL}, 404))  # another shape than elsewhere (documented)
        egress.remove_pool(conn, call.account_id, call.params["name"])

    return await call.write_once(lambda _: NOTHING, remove)


async def _add_member(call: Call) -> Answer:
    ip = text_of(await object_of(call), "ip", 100)

    def add(conn: Connection) -> dict[str, Any]:
        pool = _pool(conn, call)
        found = egress.load_ip(conn, call.account_id, ip)
        egress.put_pool(conn, call.parts.ids, call.account_id, pool.name, [found.address])
        begun_at = warmup.begun_at(found)
        pools = [
            pool.name for pool in store.list_pools(conn, call.account_id) if found.address in pool.addresses
        ]
        return {
            "ip": found.address,
            "pools": pools,
            "start_date": _instant(begun_at),
            "warmup": begun_at is not None,
        }

    return await call.write_once(lambda shown: json_answer(shown, 201), add)


async def _remove_member(call: Call) -> Answer:
    def remove(conn: Connection) -> None:
        pool = _pool(conn, call)
        if call.params["ip"] not in pool.addresses:
            raise said(_NO_IP, 404)
        egress.remove_pool(conn, call.account_id, pool.name, [call.params["ip"]])

    return await call.write_once(lambda _: NOTHING, remove)


_READ, _WRITE = "ips.read", "ips.write"
_POOLS = "/v3/ips/pools"
ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/v3/ips", _READ, _list),
    Endpoint("POST", "/v3/ips", _WRITE, refused(NOT_SOLD)),
    Endpoint("GET", "/v3/ips/assigned", _READ, _assigned),
    Endpoint("GET", "/v3/ips/remaining", _READ, _remaining),
    Endpoint("GET", "/v3/ips/{ip}", _READ, _get),
    Endpoint("GET", _POOLS, _READ, _pools),
    Endpoint("POST", _POOLS, _WRITE, _add_pool),
    Endpoint("GET", f"{_POOLS}/{{name}}", _READ, _get_pool),
    Endpoint("PUT", f"{_POOLS}/{{name}}", _WRITE, _rename_pool),
    Endpoint("DELETE", f"{_POOLS}/{{name}}", _WRITE, _remove_pool),
    Endpoint("POST", f"{_POOLS}/{{name}}/ips", _WRITE, _add_member),
    Endpoint("DELETE", f"{_POOLS}/{{name}}/ips/{{ip}}", _WRITE, _remove_member),
)
