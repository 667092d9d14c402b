"""`/pools`: sets of addresses that an account's mail may leave by.

Public: PAGES.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from posthouse.desk import egress
from posthouse.doors.web.dashboard.page import Page, Work
from posthouse.doors.web.dashboard.visit import Visit
from posthouse.store.connection import Connection
from posthouse.store.egress import Pool, list_pools

PATH = "/pools"


async def _look(visit: Visit) -> Response:
    pools, known = await visit.read(_listing, visit.account_id, visit.now)
    return visit.page("pools.html", "IP pools", pools=pools, known=known, chosen=set(visit.fields("address")))


def _listing(conn: Connection, account_id: str, now: float) -> tuple[list[Pool], list[dict[str, Any]]]:
    return list_pools(conn, account_id), egress.ip_rows(conn, account_id, now)


async def _put(visit: Visit) -> str:
    pool: Pool = await visit.write(
        egress.put_pool,
        visit.parts.ids,
        visit.account_id,
        visit.field("name"),
        visit.fields("address"),
        visit.field("description"),
    )
    count = len(pool.addresses)
    return f"The pool {pool.name} has {count} address{'es' * (count != 1)}."


async def _change(visit: Visit) -> str:
    pool: Pool = await visit.write(
        egress.describe_pool,
        visit.account_id,
        visit.field("pool"),
        name=visit.field("name"),
        description=visit.field("description"),
    )
    return f"The pool {pool.name} is changed; domains that send from it go on."


async def _take_out(visit: Visit) -> str:
    address = visit.field("address")
    pool: Pool = await visit.write(egress.remove_pool, visit.account_id, visit.field("pool"), [address])
    return f"{address} is out of the pool {pool.name}."


async def _remove(visit: Visit) -> str:
    pool: Pool = await visit.write(egress.remove_pool, visit.account_id, visit.field("pool"))
    return f"The pool {pool.name} is removed; its addresses stay."


PAGES = (
    Page(
        PATH,
        "ips.read",
        _look,
        {
            "put": Work("ips.write", _put),
            "change": Work("ips.write", _change),
            "take-out": Work("ips.write", _take_out),
            "remove": Work("ips.write", _remove),
        },
        most_fields=300,
    ),
)
