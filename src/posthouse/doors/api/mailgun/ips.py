"""Mailgun's calls about addresses to send from and pools of them.

Public: ENDPOINTS, load_pool, done.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from posthouse.desk import domains, egress
from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.bodies import Form
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.mailgun.absent import refused
from posthouse.doors.api.mailgun.asked import fields_of, listed, required, switch
from posthouse.doors.api.mailgun.domains import change_settings
from posthouse.doors.api.mailgun.phrases import said
from posthouse.model.account import Domain
from posthouse.model.clock import Ids
from posthouse.store import egress as stored
from posthouse.store import identity
from posthouse.store.connection import Connection
from posthouse.store.egress import Pool

_READ, _WRITE = "ips.read", "ips.write"
_POOLS = ("/v1/ip_pools", "/v3/ip_pools")
_NO_POOL = "IP pool not found"
_DONE = {"message": "success"}


# Addresses


async def _list(call: Call) -> Answer:
    form = await fields_of(call)
    rows = await call.read(egress.ip_rows, call.account_id, call.now)
    if form.get("dedicated").strip():
        wants = switch(form.get("dedicated"), "dedicated")
        rows = [row for row in rows if row["is_dedicated"] or not wants]
    details = [{"ip": row["address"], "is_on_warmup": row["warmup"] is not None} for row in rows]
    items = [row["address"] for row in rows]
    dedicated = [row["address"] for row in rows if row["is_dedicated"]]
    told = {"items": items, "total_count": len(items), "details": details}
    return json_answer({**told, "assignable_to_pools": dedicated})


async def _get(call: Call) -> Answer:
    found = (await call.read(egress.usable_ips, call.account_id)).get(call.params["ip"])
    if found is None:
        raise said("IP not found", 404)
    rdns = found.hello or call.parts.settings.smtp.hostname
    return json_answer({"ip": found.address, "dedicated": bool(found.account_id), "rdns": rdns})


# Pools


def _shown(pool: Pool, linked: Sequence[str] = ()) -> dict[str, Any]:
    return {
        "pool_id": pool.id,
        "name": pool.name,
        "description": pool.description,
        "ips": list(pool.addresses),
        "is_linked": bool(linked),
        "is_inherited": False,
    }


async def _list_pools(call: Call) -> Answer:
    found = await call.read(_pools, call.account_id)
    return json_answer({"ip_pools": found, **_DONE})


def _pools(conn: Connection, account_id: str) -> list[dict[str, Any]]:
    held = identity.list_domains(conn, account_id)
    return [_shown(pool, _linked(held, pool)) for pool in stored.list_pools(conn, account_id)]


def _linked(held: Iterable[Domain], pool: Pool) -> list[str]:
    """Those of the account's domains that send from the pool."""
    return [domain.name for domain in held if domain.settings.ip_pool in (pool.id, pool.name)]


async def _get_pool(call: Call) -> Answer:
    found, linked = await call.read(_pool_with_links, call.account_id, call.params["id"])
    shown = {**_shown(found, linked), "linked_domains": [{"name": name} for name in linked]}
    return json_answer({**shown, **_DONE})


def _pool_with_links(conn: Connection, account_id: str, pool_id: str) -> tuple[Pool, list[str]]:
    found = load_pool(conn, account_id, pool_id)
    return found, _linked(identity.list_domains(conn, account_id), found)


def load_pool(conn: Connection, account_id: str, pool_id: str) -> Pool:
    found = stored.find_pool(conn, account_id, pool_id)
    if found is None:
        raise said(_NO_POOL, 404)
    return found


async def _create_pool(call: Call) -> Answer:
    form = await fields_of(call)
    name = required(form, "name")

    def answer(made: Pool) -> Answer:
        return json_answer({**_DONE, "pool_id": made.id})

    about = (call.parts.ids, call.account_id, name, listed(form, "ip", "ips"), form.get("description"))
    return await call.write_once(answer, _add_pool, *about)


def _add_pool(
    conn: Connection, ids: Ids, account_id: str, name: str, ips: Sequence[str], description: str
) -> Pool:
    if any(pool.name == name for pool in stored.list_pools(conn, account_id)):
        raise said(f"There is a pool {name} already")
    return egress.put_pool(conn, ids, account_id, name, ips, description)


async def _change_pool(call: Call) -> Answer:
    form = await fields_of(call)
    return await call.write_once(done, _patch, call.parts.ids, call.account_id, call.params["id"], form)


def _patch(conn: Connection, ids: Ids, account_id: str, pool_id: str, form: Form) -> None:
    pool = load_pool(conn, account_id, pool_id)
    description = form.get("description") if "description" in form else None
    if form.get("name").strip() or description is not None:
        pool = egress.describe_pool(conn, account_id, pool.id, name=form.get("name"), description=description)
    if add := listed(form, "add_ip", "add_ips"):
        egress.put_pool(conn, ids, account_id, pool.name, add)
    if gone := listed(form, "remove_ip", "remove_ips"):
        egress.remove_pool(conn, account_id, pool.name, gone)
    for field, target in (("link_domain", pool.id), ("unlink_domain", "")):
        for named in listed(form, field):
            name = _domain_name(conn, account_id, named)
            if target or name in _linked(identity.list_domains(conn, account_id), pool):
                change_settings(conn, account_id, name, [f"ip_pool={target}"])


def _domain_name(conn: Connection, account_id: str, named: str) -> str:
    """A domain by its id or name. Raises Refused."""
    for domain in identity.list_domains(conn, account_id):
        if named in (domain.id, domain.name):
            return domain.name
    return domains.load(conn, account_id, named)[0].name


async def _delete_pool(call: Call) -> Answer:
    form = await fields_of(call)

    def answer(_: None) -> Answer:
        return json_answer({"message": "started"})

    about = (call.account_id, call.params["id"], form.get("pool_id").strip(), form.get("ip").strip())
    return await call.write_once(answer, _remove_pool, *about)


def _remove_pool(conn: Connection, account_id: str, pool_id: str, other: str, ip: str) -> None:
    """Its domains go over to another pool, or to the usual addresses."""
    pool = load_pool(conn, account_id, pool_id)
    target = load_pool(conn, account_id, other).id if other else ""
    if ip not in ("", "shared"):  # documented: "shared" means the usual addresses
        egress.load_ip(conn, account_id, ip)
    for name in _linked(identity.list_domains(conn, account_id), pool):
        change_settings(conn, account_id, name, [f"ip_pool={target}"])
    egress.remove_pool(conn, account_id, pool.id)


# The addresses of a pool


async def _list_linked(call: Call) -> Answer:
    """All on one page, which is its own first and last."""
    _, linked = await call.read(_pool_with_links, call.account_id, call.params["id"])
    held = await call.read(identity.list_domains, call.account_id)
    domains = [{"id": domain.id, "name": domain.name} for domain in held if domain.name in linked]
    here = f"{call.base_url}{call.request.url.path}"
    return json_answer({"domains": domains, "paging": {"first": here, "next": here}})


async def _join(call: Call) -> Answer:
    about = (call.parts.ids, call.account_id, call.params["id"], [call.params["ip"]])
    return await call.write_once(done, _add_members, *about)


async def _join_many(call: Call) -> Answer:
    form = await fields_of(call)
    ips = listed(form, "ips", "ip")
    if not ips:
        raise said("Missing mandatory parameter: ips")
    about = (call.parts.ids, call.account_id, call.params["id"], ips)
    return await call.write_once(done, _add_members, *about)


def _add_members(conn: Connection, ids: Ids, account_id: str, pool_id: str, ips: Sequence[str]) -> None:
    egress.put_pool(conn, ids, account_id, load_pool(conn, account_id, pool_id).name, ips)


async def _leave(call: Call) -> Answer:
    about = (call.account_id, call.params["id"], call.params["ip"])
    return await call.write_once(done, _remove_member, *about)


def _remove_member(conn: Connection, account_id: str, pool_id: str, ip: str) -> None:
    pool = load_pool(conn, account_id, pool_id)
    if ip not in pool.addresses:
        raise said("IP not found", 404)
    if list(pool.addresses) == [ip]:
        raise said(f"{ip} is the only address of {pool.name}: add another one first, or delete the pool")
    egress.remove_pool(conn, account_id, pool.id, [ip])


_delegate = refused("There are no subaccounts here: a pool is its account's alone")


def done(_: None) -> Answer:
    return json_answer(_DONE)


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/v3/ips", _READ, _list),
    Endpoint("GET", "/v3/ips/{ip}", _READ, _get),
    *(
        endpoint
        for path in _POOLS
        for endpoint in (
            Endpoint("GET", path, _READ, _list_pools),
            Endpoint("POST", path, _WRITE, _create_pool),
            Endpoint("GET", f"{path}/{{id}}", _READ, _get_pool),
            Endpoint("PATCH", f"{path}/{{id}}", _WRITE, _change_pool),
            Endpoint("DELETE", f"{path}/{{id}}", _WRITE, _delete_pool),
            Endpoint("GET", f"{path}/{{id}}/domains", _READ, _list_linked),
            Endpoint("PUT", f"{path}/{{id}}/ips/{{ip}}", _WRITE, _join),
            Endpoint("DELETE", f"{path}/{{id}}/ips/{{ip}}", _WRITE, _leave),
            Endpoint("POST", f"{path}/{{id}}/ips.json", _WRITE, _join_many),
            Endpoint("PUT", f"{path}/{{id}}/delegate", _WRITE, _delegate),
            Endpoint("DELETE", f"{path}/{{id}}/delegate", _WRITE, _delegate),
        )
    ),
)
