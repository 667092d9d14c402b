"""`/addresses`: addresses of this machine to send from, how they get known, and what DNS says of them.

They are the machine's, so these pages are for people of the usual account; `account` in the address of a page
says whose addresses it shows beside everybody's.

Public: PAGES.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from posthouse.desk import accounts, egress, local_address, reverse, tracking_certificates, warmup
from posthouse.desk.tracking_certificates import WARN_DAYS
from posthouse.doors.web.dashboard.choices import account_choices
from posthouse.doors.web.dashboard.page import Page, Work
from posthouse.doors.web.dashboard.visit import Visit
from posthouse.doors.web.forms import FormTrouble
from posthouse.doors.web.rim import sentence
from posthouse.model.errors import Refused
from posthouse.net.lookup import Lookup
from posthouse.rules.warmup import load_plans
from posthouse.store.connection import Connection
from posthouse.store.egress import list_pools

PATH = "/addresses"
ONE = f"{PATH}/{{address}}"
_LOOKUP_S = 6.0


async def _look(visit: Visit) -> Response:
    def listing(conn: Connection) -> tuple[Any, ...]:
        rows = egress.ip_rows(conn, _whose(conn, visit), visit.now)
        names = account_choices(conn)
        shown = [
            tracking_certificates.shown(each, visit.now) for each in tracking_certificates.listing(conn, None)
        ]
        return rows, names, shown

    rows, names, certificates = await visit.read(listing)
    return visit.page(
        "addresses.html",
        "IP addresses",
        rows=rows,
        accounts=names,
        whose=visit.query("account") or visit.account,
        asked=_asked(visit),
        certificates=certificates,
        warn_days=WARN_DAYS,
        is_looked_up=visit.query("dns") == "yes",
        verdicts=await _verdicts(visit, "") if visit.query("dns") == "yes" else [],
    )


def _whose(conn: Connection, visit: Visit) -> str:
    """The id of the account whose addresses are asked for. Raises FormTrouble."""
    try:
        return accounts.own_account(conn, visit.query("account") or visit.account)
    except Refused as refused:
        raise FormTrouble(404, sentence(refused)) from refused


def _asked(visit: Visit) -> str:
    """What the links of the page keep, with a `?`."""
    name = visit.query("account")
    return "?" + urlencode({"account": name}) if name else ""


async def _look_one(visit: Visit) -> Response:
    def load(conn: Connection) -> tuple[dict[str, Any], list[str]]:
        account_id = _whose(conn, visit)
        try:
            row = warmup.address_row(conn, visit.now, account_id, visit.param("address"))
        except Refused as refused:
            raise FormTrouble(404, "There is no such address here.") from refused
        return row, [pool.name for pool in list_pools(conn, account_id)]

    row, pools = await visit.read(load)
    plans = load_plans()
    return visit.page(
        "address.html",
        row["address"],
        row=row,
        asked=_asked(visit),
        pools=[(name, name) for name in pools],
        plans=[
            (name, f"{name}: {len(plan.days)} days, from {plan.days[0]} a day")
            for name, plan in plans.items()
        ],
    )


async def _look_dns(visit: Visit) -> Response:
    """What DNS has about one address or all: a piece of a page, which comes when DNS has answered."""
    return visit.fragment("_verdicts.html", verdicts=await _verdicts(visit, visit.query("address")))


async def _verdicts(visit: Visit, address: str) -> list[dict[str, Any]]:
    settings = visit.parts.settings

    def hellos(conn: Connection) -> dict[str, str]:
        usual = settings.delivery.source_addresses
        return reverse.hellos_of(conn, _whose(conn, visit), address, settings.smtp.hostname, usual)

    try:
        known = await visit.read(hellos)
    except Refused as refused:
        raise FormTrouble(404, "There is no such address here.") from refused
    servers = [str(server) for server in settings.dns.servers]
    lookup = Lookup(servers, visit.parts.clock, lifetime_s=_LOOKUP_S)
    return [asdict(verdict) for verdict in await reverse.check_addresses(lookup, known)]


async def _add(visit: Visit) -> str:
    allows = visit.parts.settings.delivery.private_networks == "allow"
    name = local_address.parse_address(visit.field("address"), allows_loopback=allows)
    await asyncio.to_thread(local_address.prove_local, name)

    def add(conn: Connection) -> str:
        owner = accounts.load(conn, visit.field("owner")).id if visit.field("owner") else ""
        return egress.add_ip(conn, visit.now, name, visit.field("hello"), owner).address

    return f"{await visit.write(add)} is added. Mail uses it through a pool or as its account's own."


async def _remove(visit: Visit) -> Response:
    def remove(conn: Connection) -> str:
        return egress.remove_ip(conn, _whose(conn, visit), visit.param("address"))

    gone = await visit.write(remove)
    return visit.go(f"{visit.at(PATH)}{_asked(visit)}", f"{gone} is removed, also from its pools.")


async def _begin(visit: Visit) -> str:
    plan = load_plans().get(visit.field("plan"))  # not a file: who types here is not on the machine
    if plan is None:
        raise Refused(501, "5.5.4", "Choose one of the plans", reason="no-plan")
    day = visit.field("day")
    if not (day.isascii() and day.isdigit() and len(day) < 5):
        raise Refused(501, "5.5.4", "The day is a number", reason="bad-day")

    def begin(conn: Connection) -> bool:
        account_id = _whose(conn, visit)
        begun = warmup.begin(
            conn, visit.now, account_id, visit.param("address"), plan, int(day), visit.field("pool")
        )
        usual = visit.parts.settings.delivery.source_addresses
        return bool(visit.field("pool")) or warmup.stands_beside(conn, account_id, begun, usual)

    if await visit.write(begin):
        return "The warm-up has begun."
    return "The warm-up has begun. No warm address stands beside it: mail above the day's share waits."


async def _end(visit: Visit) -> str:
    def end(conn: Connection) -> str:
        return warmup.end(conn, _whose(conn, visit), visit.param("address"))

    return f"{await visit.write(end)} is warm."


_WRITE = "ips.write"
PAGES = (
    Page(PATH, "ips.read", _look, {"add": Work(_WRITE, _add)}, is_operators=True),
    Page(f"{PATH}/dns", "ips.read", _look_dns, is_operators=True),
    Page(
        ONE,
        "ips.read",
        _look_one,
        {"remove": Work(_WRITE, _remove), "begin": Work(_WRITE, _begin), "end": Work(_WRITE, _end)},
        is_operators=True,
    ),
)
