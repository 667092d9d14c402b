"""Questions about receiving sites: which rules hold, what workers see, what was decided, what comes next.

A site's name is that of its MX hosts (`net.sites.site_name`); a recipient domain leads to one by DNS. What
workers see is seconds old (`pipeline.sitewatch`).

Public: site_rows, story_of_site, told, site_for_domain, read_span, suspensions, suspend, resume, site_of,
find_site, next_step.
"""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from posthouse.config import Settings
from posthouse.model.clock import Clock
from posthouse.model.errors import Refused
from posthouse.model.message import Host, Site
from posthouse.model.site import SUSPEND, Rest, SiteView, shown
from posthouse.net.dns import DnsTrouble, Resolver, SiteRules
from posthouse.rules.automations import slowed
from posthouse.rules.shaping import Limits, ShapingTable, load_shaping, rule_for
from posthouse.store import sites
from posthouse.store.connection import Connection

LONGEST_S = 30 * 86400.0
_ASK_S = 5.0
_SPAN = re.compile(r"(?:(\d{1,4})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?(?:(\d{1,8})s)?\Z", re.ASCII)


def find_site(settings: Settings, rules: SiteRules, clock: Clock, name: str) -> Site:
    """The site that mail for a domain goes to, by DNS. Raises Refused: why there is none."""

    async def ask() -> Site:
        resolver = Resolver([str(server) for server in settings.dns.servers], clock, rules, lifetime_s=_ASK_S)
        try:
            return await resolver.site_for(name)
        finally:
            await resolver.close()

    try:
        return asyncio.run(ask())
    except DnsTrouble as trouble:
        raise Refused(trouble.code, trouble.enhanced, trouble.text, reason="no-site") from trouble


def site_of(name: str) -> Site:
    """What a site's name alone tells: its hosts, all taken as the best. Enough to find its rules."""
    if ":" in name and "," not in name:  # `host:port` is a static route's
        host, _, port = name.rpartition(":")
        return Site(name, (Host(host, 0, (), int(port) if port.isdigit() else 25),), is_route=True)
    hosts = [part for part in name.split(",") if not part.startswith("+")]
    return Site(name, tuple(Host(host, 0, (), 25) for host in hosts))


def suspensions(conn: Connection, now: float) -> dict[str, Rest]:
    """Recipient domains whose mail waits because their site is suspended, as workers know them; site names
    too."""
    held = {rest.site: rest for rest in sites.rests_since(conn, now) if rest.kind == SUSPEND}
    if not held:
        return {}
    views = sites.list_views(conn)
    domains = {domain: view.site for view in views for domain in view.data.get("domains", ())}
    return held | {domain: held[site] for domain, site in domains.items() if site in held}


def suspend(conn: Connection, site: str, for_s: float, reason: str, now: float) -> Rest:
    """Send nothing to a site for a time, whatever was decided before."""
    rest = Rest(site, SUSPEND, "", now + for_s, now, shown(reason))
    sites.set_rest(conn, rest)
    return rest


def resume(conn: Connection, site: str) -> int:
    """End whatever was decided about a site; how many decisions that were."""
    return sites.end_rests(conn, site)


def site_rows(conn: Connection, now: float) -> list[dict[str, Any]]:
    """A row for each site that workers know, or about which something holds; the busiest first."""
    views: dict[str, list[SiteView]] = defaultdict(list)
    for view in sites.list_views(conn):
        views[view.site].append(view)
    rests: dict[str, list[Rest]] = defaultdict(list)
    for rest in sites.rests_since(conn, now):
        rests[rest.site].append(rest)
    rows = [_row(name, views.get(name, []), rests.get(name, []), now) for name in views.keys() | rests.keys()]
    return sorted(rows, key=lambda row: (-row["active"] - row["waiting"], row["site"]))


def _row(name: str, views: Sequence[SiteView], rests: Sequence[Rest], now: float) -> dict[str, Any]:
    seen = [view.data for view in views]
    replies = [reply for data in seen for reply in data.get("replies", ())]
    last: dict[str, Any] = max(replies, key=_last_at, default={})
    return {
        "site": name,
        "active": sum(data["active"] for data in seen),
        "waiting": sum(data["waiting"] for data in seen),
        "window": sum(_window(data, now) for data in seen),
        "limit": sum(data.get("share", 0) for data in seen),
        "taken": sum(data.get("taken", 0) for data in seen),
        "resting_until": max((_rests_until(data, now) for data in seen), default=0.0) or None,
        "suspended_until": max((rest.until for rest in rests if rest.kind == SUSPEND), default=0.0) or None,
        "rests": [rest.kind for rest in rests],
        "code": last.get("code", 0),
        "text": last.get("text", ""),
    }


def _last_at(reply: Mapping[str, Any]) -> float:
    return float(reply["last_at"])


def _rests_until(data: Mapping[str, Any], now: float) -> float:
    until = float(data.get("rests_until", 0.0))
    return until if until > now else 0.0


def _window(data: Mapping[str, Any], now: float) -> int:
    return 0 if _rests_until(data, now) else min(data.get("width", 0), data.get("share", 0))


def story_of_site(
    conn: Connection, site: Site, table: ShapingTable, given: Mapping[str, int], now: float
) -> dict[str, Any]:
    """All that is known of a site: its rules and where they stand, what holds, what each worker sees, and
    what comes next. `given`: numbers of the settings over the rules."""
    rule = rule_for(site, table)
    limits = replace(rule.limits, **given)
    rests = [rest for rest in sites.rests_since(conn, now) if rest.site == site.name]
    views = sites.list_views(conn, site.name)
    origin = rule.origin + "".join(f"; settings: delivery.{key}" for key in given)
    held = [asdict(rest) for rest in rests]
    return {
        "site": site.name,
        "hosts": [{"name": host.name, "preference": host.preference} for host in site.hosts],
        "origin": views[0].data.get("origin", origin) if views else origin,
        "limits": asdict(limits),
        "limits_now": asdict(slowed(limits, rests)),
        "rests": held,
        "workers": [{"worker": view.worker_id, "at": view.at, **view.data} for view in views],
        "next": next_step(slowed(limits, rests), rests, [view.data for view in views], now),
    }


def told(conn: Connection, site: Site, settings: Settings, now: float) -> dict[str, Any]:
    """`story_of_site` under the rules and numbers of the settings. Raises SettingsError for a bad file."""
    delivery = settings.delivery
    table = load_shaping(*filter(None, [delivery.shaping]))
    numbers = {
        "connections": delivery.connections,
        "messages_per_connection": delivery.messages_per_connection,
    }
    given = {key: value for key, value in numbers.items() if value}
    return story_of_site(conn, site, table, given, now)


def site_for_domain(conn: Connection, domain: str) -> str:
    """The site that workers take a recipient domain's mail to, "" when none has lately."""
    views = sites.list_views(conn)
    return next((view.site for view in views if domain in view.data.get("domains", ())), "")


def read_span(text: str) -> float:
    """`1h30m` -> 5400 seconds; up to 30 days. Raises Refused."""
    found = _SPAN.match(text.strip().lower())
    parts = [int(part or 0) for part in found.groups()] if found else []
    seconds = sum(part * unit for part, unit in zip(parts, (86400, 3600, 60, 1), strict=False))
    if not 0 < seconds <= LONGEST_S:
        raise Refused(
            501,
            "5.5.4",
            f"{text[:20]!r} is not a span such as 30m, 2h or 1d12h, up to 30d",
            reason="bad-span",
        )
    return float(seconds)


def next_step(limits: Limits, rests: Sequence[Rest], seen: Sequence[Mapping[str, Any]], now: float) -> str:
    """What would happen with the next letter for the site, a sentence. `seen`: a worker's view each."""
    suspended = max((rest.until for rest in rests if rest.kind == SUSPEND), default=0.0)
    if suspended > now:
        return f"nothing is sent for {_span(suspended - now)}: the site is suspended"
    if not seen:
        most = min(limits.first_connections, limits.connections)
        return f"no worker has had mail for it lately: up to {_conversations(most)} at once{_at_rate(limits)}"
    resting = [until for data in seen if (until := _rests_until(data, now))]
    if len(resting) == len(seen):
        return f"next attempt in {_span(min(resting) - now)}: one probing conversation"
    awake = [data for data in seen if not _rests_until(data, now) and data.get("share")]
    free = sum(max(0, _window(data, now) - data["active"]) for data in awake)
    if all(data.get("is_probing") for data in awake) and awake:
        return "one conversation probes whether the site is back" if not free else "the next letter probes"
    if not free:
        return "the next letter waits for one of the conversations to end: the window is full"
    wait_s = min((float(data.get("wait_s", 0.0)) for data in awake), default=0.0)
    when = f"in {wait_s:.1f} s" if wait_s else "at once"
    return f"the next letter goes {when}; {_conversations(free)} more may begin{_at_rate(limits)}"


def _conversations(count: int) -> str:
    return "1 conversation" if count == 1 else f"{count} conversations"


def _at_rate(limits: Limits) -> str:
    rate = limits.messages_per_second
    return f", {rate:g} letters a second" if rate else ""


def _span(seconds: float) -> str:
    left = max(1, round(seconds))
    return f"{left} s" if left < 120 else f"{left // 60} min" if left < 7200 else f"{left / 3600:.1f} h"
