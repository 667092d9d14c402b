"""Mailgun's calls about what a domain sends from.

A domain sends from a pool or from the usual addresses; addresses of a domain alone are a pool of its name.

Public: ENDPOINTS.
"""

from __future__ import annotations

from collections.abc import Sequence

from posthouse.desk import domains, egress
from posthouse.desk.local_address import name_of
from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.mailgun.asked import fields_of, listed
from posthouse.doors.api.mailgun.domains import assign_ips, both, change_settings
from posthouse.doors.api.mailgun.ips import done, load_pool
from posthouse.doors.api.mailgun.phrases import said
from posthouse.model.clock import Ids
from posthouse.store import egress as stored
from posthouse.store.connection import Connection
from posthouse.store.egress import Pool

_READ, _WRITE = "ips.read", "ips.write"
_ALL, _POOL, _SHARED = "all", "ip_pool", "shared"


async def _list(call: Call) -> Answer:
    items = await call.read(_addresses, call.account_id, call.domain.name)
    return json_answer({"items": items, "total_count": len(items)})


def _addresses(conn: Connection, account_id: str, name: str) -> list[str]:
    pool = _pool_of(conn, account_id, name)
    return list(pool.addresses) if pool else []


def _pool_of(conn: Connection, account_id: str, name: str) -> Pool | None:
    """What the domain sends from; None: the usual addresses."""
    named = domains.load(conn, account_id, name)[0].settings.ip_pool
    return stored.find_pool(conn, account_id, named) if named else None


async def _assign(call: Call) -> Answer:
    form = await fields_of(call)
    pool_id, ips = form.get("pool_id").strip(), listed(form, "ip", "ips")
    if not pool_id and not ips:
        raise said("Missing mandatory parameter: ip")
    about = (call.parts.ids, call.account_id, call.domain.name, pool_id, ips)
    return await call.write_once(done, _put, *about)


def _put(conn: Connection, ids: Ids, account_id: str, name: str, pool_id: str, ips: Sequence[str]) -> None:
    if pool_id:
        target = load_pool(conn, account_id, pool_id).id
        change_settings(conn, account_id, name, [f"ip_pool={target}"])
    else:
        assign_ips(conn, ids, account_id, name, ips)


async def _unassign(call: Call) -> Answer:
    """`all`, `ip_pool` or one address of the domain's own; `pool_id` and `ip` name what takes their place."""
    form = await fields_of(call)
    what = call.params.get("ip", _POOL)
    other = form.get("pool_id").strip(), form.get("ip").strip()
    about = (call.parts.ids, call.account_id, call.domain.name, what, *other)
    return await call.write_once(done, _replace, *about)


def _replace(
    conn: Connection, ids: Ids, account_id: str, name: str, what: str, other_pool: str, other_ip: str
) -> None:
    before = _pool_of(conn, account_id, name)
    target = load_pool(conn, account_id, other_pool) if other_pool else None
    _drop(conn, account_id, name, what)
    # mailgun (PyPI) shows the pool itself as its own replacement and means: unlink it
    if target is not None and (before is None or target.id != before.id):
        _put(conn, ids, account_id, name, target.id, [])
    elif other_ip not in ("", _SHARED):  # documented: "shared" means the usual addresses
        _put(conn, ids, account_id, name, "", [other_ip])


def _drop(conn: Connection, account_id: str, name: str, ip: str) -> None:
    pool = _pool_of(conn, account_id, name)
    if ip not in (_ALL, _POOL):
        ip = name_of(ip)
    if ip in (_ALL, _POOL) or (pool and list(pool.addresses) == [ip] and pool.name == name):
        change_settings(conn, account_id, name, ["ip_pool="])
        if pool and pool.name == name:
            egress.remove_pool(conn, account_id, pool.id)
        return
    if pool is None or ip not in pool.addresses:
        raise said("IP not found", 404)
    if pool.name != name:
        raise said(f"{name} sends from the pool {pool.name}: change that pool, or unlink it")
    egress.remove_pool(conn, account_id, pool.id, [ip])


ENDPOINTS: tuple[Endpoint, ...] = (
    *both("GET", "/domains/{domain}/ips", _READ, _list),
    *both("POST", "/domains/{domain}/ips", _WRITE, _assign),
    *both("DELETE", "/domains/{domain}/ips", _WRITE, _unassign),
    *both("DELETE", "/domains/{domain}/ips/{ip}", _WRITE, _unassign),
    Endpoint("DELETE", "/v3/domains/{domain}/pool/{ip}", _WRITE, _unassign),
)
