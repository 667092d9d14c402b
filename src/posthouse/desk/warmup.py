"""Plans for new addresses: begin one, end it, tell how it goes.

Public: find_plan, begin, end, address_row, stands_beside.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from posthouse.desk import egress
from posthouse.model.errors import Refused
from posthouse.model.warmup import Plan, Warmup, read_warmup, warmup_text
from posthouse.rules.warmup import day_of, limit_on, load_plans, plan_day
from posthouse.store import warmup as books
from posthouse.store.egress import LocalAddress, find_pool, list_pools
from posthouse.store.engine import Connection

MOST_SITES = 100


def find_plan(name: str) -> Plan:
    """A built-in plan by its name, or the only one of a TOML file. Raises Refused, SettingsError."""
    built_in = load_plans()
    if name in built_in:
        return built_in[name]
    if not name.endswith(".toml"):
        offered = ", ".join(built_in)
        raise _refused(f"There is no plan {name}: choose {offered}, or give a .toml file", "no-plan")
    plans = load_plans(Path(name))
    if len(plans) > 1:
        raise _refused(f"{name} has {len(plans)} plans; leave one in it", "no-plan")
    (plan,) = plans.values()
    return plan


def begin(
    conn: Connection, now: float, account_id: str, address: str, plan: Plan, day: int = 1, pool: str = ""
) -> LocalAddress:
    """Begin a plan on its day `day`, with clean books, inside the caller's transaction; the address as it is
    then. `pool`: where the rest goes if no warm address stands beside it. Raises Refused."""
    found = egress.load_ip(conn, account_id, address)
    if not 1 <= day <= len(plan.days):
        raise _refused(f"The plan {plan.name} has days 1 to {len(plan.days)}, no day {day}", "bad-day")
    pool_id = ""
    if pool:
        overflow = find_pool(conn, account_id, pool)
        if overflow is None:
            raise _refused(f"There is no pool {pool} here", "no-pool")
        if not set(overflow.addresses) - {found.address}:
            raise _refused(f"The pool {pool} has no other address to take the rest", "empty")
        pool_id = overflow.id
    text = warmup_text(Warmup(plan=plan, started=day_of(now) - day + 1, pool_id=pool_id))
    books.set_warmup(conn, found.address, text)
    return egress.load_ip(conn, account_id, found.address)


def end(conn: Connection, account_id: str, address: str) -> str:
    """Make an address warm, inside the caller's transaction. Raises Refused."""
    found = egress.load_ip(conn, account_id, address)
    books.set_warmup(conn, found.address, "")
    return found.address


def stands_beside(conn: Connection, account_id: str, address: LocalAddress, usual: Sequence[str]) -> bool:
    """Is there a warm address that takes the rest wherever this one is used? `usual`: those for mail without
    addresses of its own."""
    usable = egress.usable_ips(conn, account_id)
    warm = {name for name, item in usable.items() if not item.warmup} | set(usual) - set(usable)
    groups = [
        set(pool.addresses) for pool in list_pools(conn, account_id) if address.address in pool.addresses
    ]
    if address.account_id:
        groups.append({name for name, item in usable.items() if item.account_id == address.account_id})
    if address.address in usual:
        groups.append(set(usual))
    return bool(groups) and all(group & warm for group in groups)


def address_row(conn: Connection, now: float, account_id: str, address: str) -> dict[str, Any]:
    """All about one address: what `egress.ip_rows` says and, while it warms up, the plan's overflow pool and
    today's figures of the busiest sites. Raises Refused."""
    found = egress.load_ip(conn, account_id, address)
    rows = egress.ip_rows(conn, account_id, now)
    row = next(row for row in rows if row["address"] == found.address)
    warmup = read_warmup(found.warmup)
    if warmup is None:
        return row | {"sites": []}
    pools = [pool.name for pool in list_pools(conn, account_id) if pool.id == warmup.pool_id]
    row["warmup"] |= {"pool": pools[0] if pools else "", "limits": list(warmup.plan.days)}
    return row | {"sites": _sites(conn, now, found.address, warmup)}


def _sites(conn: Connection, now: float, address: str, warmup: Warmup) -> list[dict[str, Any]]:
    """Today's sites, and those where a pause that began yesterday holds."""
    today = day_of(now)
    found: dict[str, books.WarmupDay] = {}
    pauses: dict[str, books.WarmupDay] = {}
    for day in books.days_since(conn, address, today - 1):
        if day.paused_until > now:
            pauses[day.site] = day
        if day.day == today or day.paused_until > now:
            found[day.site] = day
    busiest = sorted(found.values(), key=lambda day: (day.site not in pauses, -day.reserved, day.site))
    return [_site_row(conn, today, warmup, day, pauses.get(day.site)) for day in busiest[:MOST_SITES]]


def _site_row(
    conn: Connection, today: int, warmup: Warmup, of_day: books.WarmupDay, pause: books.WarmupDay | None
) -> dict[str, Any]:
    paused_on = [day for day, _ in books.pauses(conn, of_day.address, of_day.site)]
    day = plan_day(warmup, today, paused_on)
    is_today = of_day.day == today
    return {
        "site": of_day.site,
        "day": day,
        "limit": limit_on(warmup.plan, day),
        "reserved": of_day.reserved if is_today else 0,
        "sent": of_day.sent if is_today else 0,
        "deferred": of_day.deferred if is_today else 0,
        "paused_until": pause.paused_until if pause else None,
        "why": pause.why if pause else "",
    }


def _refused(text: str, reason: str) -> Refused:
    return Refused(501, "5.5.4", text, reason=reason)
