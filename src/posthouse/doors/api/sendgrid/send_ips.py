"""Addresses as the service's newest calls write them: `/v3/send_ips/ips` (documented, with the texts
of its errors).

They are the same ones as at `/v3/ips`: of the machine's own, none leased, and every one that is shown may be
sent from. To warm one up is what can be changed.

Public: ENDPOINTS.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from posthouse.desk import egress, warmup
from posthouse.desk.local_address import name_of
from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.sendgrid.asked import find_flag, number_of, object_of
from posthouse.doors.api.sendgrid.ips import NOT_SOLD
from posthouse.doors.api.sendgrid.key_pages import page_of
from posthouse.doors.api.sendgrid.not_here import refused
from posthouse.doors.api.sendgrid.phrases import said
from posthouse.doors.api.sendgrid.send_pools import pools_of
from posthouse.doors.api.sendgrid.subusers import NO_SUBUSERS
from posthouse.store import egress as store
from posthouse.store.connection import Connection
from posthouse.store.egress import LocalAddress, Pool

_ALWAYS = {"is_parent_assigned": True, "is_enabled": True, "is_leased": False}
_LATEST = 2**40


def _row(item: LocalAddress, pools: Sequence[Pool]) -> dict[str, Any]:
    return {
        "ip": item.address,
        "pools": pools_of(pools, item.address),
        "is_auto_warmup": bool(item.warmup),
        **_ALWAYS,
        "added_at": int(item.created_at),
        "updated_at": None,
    }


def _rows(conn: Connection, call: Call) -> list[dict[str, Any]]:
    pools = store.list_pools(conn, call.account_id)
    return [_row(item, pools) for item in egress.usable_ips(conn, call.account_id).values()]


async def _list(call: Call) -> Answer:
    rows = [row for row in await call.read(_rows, call) if _is_asked_for(call, row)]
    page = page_of(call, [row["ip"] for row in rows])
    return json_answer({"result": page.of(rows), "_metadata": page.metadata})


def _is_asked_for(call: Call, row: dict[str, Any]) -> bool:
    """Filters as documented. Raises Said."""
    wanted = {name: call.query.get(name, "").lower() for name in _ALWAYS}
    if any(said_so and said_so != str(_ALWAYS[name]).lower() for name, said_so in wanted.items()):
        return False
    ip, pool = call.query.get("ip", ""), call.query.get("pool", "")
    since = number_of(call, "start_added_at", 0, _LATEST)
    until = number_of(call, "end_added_at", _LATEST, _LATEST)
    return (
        (not ip or row["ip"] == name_of(ip))
        and (not pool or any(each["id"] == pool for each in row["pools"]))
        and since <= row["added_at"] <= until
    )


def _load(conn: Connection, call: Call) -> LocalAddress:
    """The address that the path names. Raises Said, alike for another account's (S20)."""
    found = egress.usable_ips(conn, call.account_id).get(name_of(call.params["ip"]))
    if found is None:
        raise said("not found", field="ip")
    return found


async def _get(call: Call) -> Answer:
    return json_answer(await call.read(_one, call))


def _one(conn: Connection, call: Call) -> dict[str, Any]:
    item = _load(conn, call)
    return _row(item, store.list_pools(conn, call.account_id))


async def _change(call: Call) -> Answer:
    """A warm-up begins or ends; an address is not taken out of use by a key. Raises Said."""
    given = await object_of(call)
    wants_warmup = find_flag(given, "is_auto_warmup")
    wishes = {name: find_flag(given, name) for name in ("is_parent_assigned", "is_enabled")}
    if wants_warmup is None and not any(wish is not None for wish in wishes.values()):
        names = "is_enabled, is_auto_warmup, is_parent_assigned"
        raise said(f"at least one of the following is required: {names}", field="")
    for name, wish in wishes.items():
        if wish is False:
            text = "an address is taken out of use by whoever runs this service; a pool can leave it out"
            raise said(text, field=name)

    def change(conn: Connection) -> dict[str, Any]:
        item = _load(conn, call)
        if wants_warmup is not None and wants_warmup != bool(item.warmup):
            _warm(conn, call, wants_it=wants_warmup)
        shown = _one(conn, call)
        return {name: shown[name] for name in ("ip", "is_auto_warmup", "is_parent_assigned", "is_enabled")}

    return await call.write_once(json_answer, change)


def _warm(conn: Connection, call: Call, *, wants_it: bool) -> None:
    """Raises Refused for an address that is not the account's alone."""
    own = warmup.own_address(conn, call.account_id, call.params["ip"]).address
    if wants_it:
        warmup.begin(conn, call.now, call.account_id, own, warmup.find_plan())
    else:
        warmup.end(conn, call.account_id, own)


async def _subusers(call: Call) -> Answer:
    """Of an address: none, for there are none."""
    await call.read(_one, call)
    return json_answer({"result": [], "_metadata": {"next_params": {"after_key": None}}})


_READ, _WRITE = "ips.read", "ips.write"
_IPS = "/v3/send_ips/ips"
_IP = f"{_IPS}/{{ip}}"
ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", _IPS, _READ, _list),
    Endpoint("POST", _IPS, _WRITE, refused(NOT_SOLD)),
    Endpoint("GET", _IP, _READ, _get),
    Endpoint("PATCH", _IP, _WRITE, _change),
    Endpoint("GET", f"{_IP}/subusers", _READ, _subusers),
    Endpoint("POST", f"{_IP}/subusers:batchAdd", _WRITE, refused(NO_SUBUSERS, 404)),
    Endpoint("POST", f"{_IP}/subusers:batchDelete", _WRITE, refused(NO_SUBUSERS, 404)),
)
