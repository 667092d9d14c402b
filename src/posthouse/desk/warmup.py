"""Plans for new addresses: begin one, end it, tell how it goes.

Public: Progress, find_plan, begin, end, own_address, begun_at, address_row, progress, all_progress,
stands_beside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posthouse.desk import egress
from posthouse.model.errors import Refused
from posthouse.model.warmup import Plan, Warmup, read_warmup, warmup_text
from posthouse.rules.warmup import day_of, limit_on, load_plans, plan_day, starts_of
from posthouse.store import warmup as books
from posthouse.store.egress import LocalAddress, find_pool, list_pools
from posthouse.store.engine import Connection

MOST_SITES = 100


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a plan is that runs. `started`: its first day, in days since 1970 (UTC); `day`: today's of the
    plan, from 1, where no site made it stand still. `share`: how much of today's limit is used up at the
    busiest site, from 0 to 1; `sent_before`: messages of the days before."""

    address: str
    plan: Plan
    started: int
    day: int
    share: float
    sent_before: int

    @property
    def limit(self) -> int:
        """Most messages to one site today."""
        return self.plan.days[self.day - 1]


def find_plan(name: str = "default") -> Plan:
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


def own_address(conn: Connection, account_id: str, address: str) -> LocalAddress:
    """An address that is the account's alone: what everybody's mail uses is the operator's to warm up. Raises
    Refused."""
    found = egress.load_ip(conn, account_id, address)
    if found.account_id != account_id:
        text = f"{found.address} is for everybody's mail; whoever runs this service warms it up"
        raise Refused(550, "5.7.1", text, reason="not-own")
    return found


def begun_at(address: LocalAddress) -> float | None:
    """When day 1 of its plan began; None for a warm address."""
    running = read_warmup(address.warmup)
    return None if running is None else starts_of(running.started)


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


def progress(conn: Connection, now: float, address: LocalAddress) -> Progress | None:
    """None: it is warm."""
    running = read_warmup(address.warmup)
    if running is None:
        return None
    today = day_of(now)
    day = min(plan_day(running, today, ()), len(running.plan.days))
    most = max((each.sent for each in books.days_since(conn, address.address, today)), default=0)
    share = min(1.0, most / running.plan.days[day - 1])
    before = books.sent_before(conn, address.address, today)
    return Progress(address.address, running.plan, running.started, day, share, before)


def all_progress(conn: Connection, now: float, account_id: str) -> list[Progress]:
    """Of the account's own addresses that warm up, in their order."""
    own = [item for item in egress.usable_ips(conn, account_id).values() if item.account_id == account_id]
    return [found for item in own if (found := progress(conn, now, item)) is not None]


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
