"""`posthouse site …`: receiving sites: what they bear, what they said, what comes next; suspend, resume."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from posthouse.cli.options import Asked, command, group
from posthouse.cli.output import Output, span, visible, when

if TYPE_CHECKING:
    from posthouse.cli.house import House
    from posthouse.model.message import Site
    from posthouse.store.engine import Connection

app = group("Receiving sites: what they bear, what they say, what comes next.")

Name = Annotated[
    str,
    typer.Argument(metavar="NAME", help="A recipient domain, or a site as `posthouse site list` names it."),
]


@command(app, "list", of_account=False)
def list_(ask: Asked) -> None:
    """List the sites that workers know, the busiest first."""
    from posthouse.cli.house import open_house
    from posthouse.desk import sites

    house = open_house(ask)
    with house.reading() as conn:
        rows = sites.site_rows(conn, house.clock.now())
    if ask.as_json:
        ask.output.lines(rows)
        return
    heads = ["SITE", "WAITING", "ACTIVE", "WINDOW", "STATE", "LAST REPLY"]
    ask.output.table(heads, [_cells(row) for row in rows], "No worker has had mail for a site lately.")


def _cells(row: dict[str, Any]) -> list[str]:
    state = " ".join(kind for kind in dict.fromkeys(row["rests"]) if kind != "suspend")
    if row["suspended_until"]:
        state = f"suspended until {when(row['suspended_until'])}"
    elif row["resting_until"]:
        state = f"resting until {when(row['resting_until'])}"
    reply = " ".join(part for part in (str(row["code"] or ""), row["text"]) if part)
    window = f"{row['window']}/{row['limit']}"
    return [row["site"], str(row["waiting"]), str(row["active"]), window, state or "-", reply or "-"]


@command(app, "show", of_account=False)
def show(ask: Asked, name: Name) -> None:
    """Show a site: its rules, windows, recent replies, what was decided about it, and what comes next."""
    from posthouse.cli.house import open_house
    from posthouse.desk import sites

    house = open_house(ask)
    with house.reading() as conn:
        story = sites.told(conn, _site(house, conn, name), house.settings, house.clock.now())
    if ask.as_json:
        ask.output.item(story, "")
    else:
        _tell(ask.output, story)


@command(app, "suspend", of_account=False)
def suspend(
    ask: Asked,
    name: Name,
    for_: Annotated[str, typer.Option("--for", metavar="SPAN", help="For how long: 30m, 2h, 1d12h.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for those who look.")] = "",
) -> None:
    """Send nothing to a site for a while; its mail waits."""
    from posthouse.cli.house import open_house
    from posthouse.desk import sites

    for_s = _seconds(for_)
    house = open_house(ask)
    with house.reading() as conn:
        site = _site(house, conn, name)
        with conn.transaction():
            rest = sites.suspend(conn, site.name, for_s, reason, house.clock.now())
            house.note(conn)
    row = {"site": site.name, "suspended_until": rest.until, "reason": rest.reason}
    ask.output.item(row, f"{site.name} is suspended until {when(rest.until)}.")


@command(app, "resume", of_account=False)
def resume(ask: Asked, name: Name) -> None:
    """End whatever holds about a site, an automation's decision too, and try again now."""
    from posthouse.cli.house import open_house
    from posthouse.desk import sites
    from posthouse.pipeline.nudges import RESUME
    from posthouse.store import workers

    house = open_house(ask)
    with house.reading() as conn:
        site = _site(house, conn, name)
        with conn.transaction():
            ended = sites.resume(conn, site.name)
            workers.nudge(conn, RESUME, site.name)
            if ended:
                house.note(conn)
    ask.output.item(
        {"site": site.name, "ended": ended},
        f"{site.name} goes on; ended: {ended} decision{'s' * (ended != 1)}.",
    )


def _site(house: House, conn: Connection, name: str) -> Site:
    """The site by its own name if it is known, else where mail for that domain goes."""
    from posthouse.desk import domains, sites
    from posthouse.pipeline.site_rules import site_rules

    if (
        "," in name
        or ":" in name
        or name in {row["site"] for row in sites.site_rows(conn, house.clock.now())}
    ):
        return sites.site_of(name)
    return sites.find_site(
        house.settings, site_rules(house.settings), house.clock, domains.sending_name(name)
    )


def _seconds(text: str) -> float:
    from posthouse.desk.sites import read_span
    from posthouse.model.errors import Refused

    try:
        return read_span(text)
    except Refused as refused:
        raise typer.BadParameter(f"--for {refused.text}") from refused


def _tell(output: Output, story: dict[str, Any]) -> None:
    output.say(f"{visible(story['site'])}")
    output.say(f"  next      {story['next']}")
    output.say(f"  rules     {visible(story['origin'])}")
    for key, value in story["limits"].items():
        now = story["limits_now"][key]
        output.say(f"            {key} {value:g}{'' if now == value else f', now {now:g}'}")
    for rest in story["rests"]:
        _tell_rest(output, rest)
    for seen in story["workers"]:
        _tell_worker(output, seen)


def _tell_rest(output: Output, rest: dict[str, Any]) -> None:
    by = f"automation {rest['automation']}, time {rest['times']}" if rest["automation"] else "by an operator"
    source = f" {rest['source']}" if rest["source"] else ""
    output.say(f"  {rest['kind']:<9} {source}until {when(rest['until'])}, {visible(by)}")
    if rest["reason"]:
        output.say(f"            {visible(rest['reason'])}")


def _tell_worker(output: Output, seen: dict[str, Any]) -> None:
    output.say(f"  worker    {visible(seen['worker'])}, seen {when(seen['at'])}")
    words = [f"window {seen.get('width', 0)} of {seen.get('share', 0)}"]
    words += [f"{seen['active']} active", f"{seen['waiting']} waiting", f"{seen.get('taken', 0)} taken"]
    if seen.get("rests_until"):
        words.append(f"rests until {when(seen['rests_until'])}")
    output.say(f"            {', '.join(words)}")
    for reply in seen.get("replies", ()):
        text = " ".join(part for part in (str(reply["code"] or ""), reply["enhanced"], reply["text"]) if part)
        lasted = span(reply["last_at"] - reply["first_at"])
        times = f"{reply['count']} x in {lasted}" if reply["count"] > 1 else "once"
        output.say(f"            {when(reply['last_at'])}  {times}  {visible(text)}")
