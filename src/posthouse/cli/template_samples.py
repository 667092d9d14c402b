"""`posthouse template render`, `compare` and `send-test`: what a version makes of values, how two differ, and
a letter to look at."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from posthouse.cli.options import Asked
from posthouse.cli.output import visible
from posthouse.cli.templates import DomainName, Name, Version, read_text

if TYPE_CHECKING:
    from posthouse.cli.house import House
    from posthouse.doors.api.template_tests import Trial
    from posthouse.store.templates import Found

Values = Annotated[
    str, typer.Option("--values", metavar="FILE", help="A JSON object of values; - reads input.")
]


def render(
    ask: Asked,
    name: Name,
    domain: DomainName = "",
    version: Version = "",
    values: Values = "",
) -> None:
    """Print what a version makes of sample values; nothing is sent."""
    from posthouse.desk.template_samples import fill
    from posthouse.dialects.native.sample import parse_sample

    given = parse_sample(read_text(values))
    (found,) = _load(ask, name, domain, version)
    made = fill(found.version, given, found.template.name)
    row = {"version": found.version.tag, "fields": made.fields, "html": made.html, "text": made.text}
    words = [f"{field}: {visible(value)}" for field, value in made.fields.items()]
    for text in filter(None, (made.html, made.text)):
        words += ["", *(visible(line) for line in text.splitlines())]
    ask.output.item(row, "\n".join(words))


def compare(
    ask: Asked,
    name: Name,
    one: Annotated[str, typer.Argument(metavar="TAG", help="A version.")],
    two: Annotated[str, typer.Argument(metavar="TAG", help="Another version.")],
    domain: DomainName = "",
) -> None:
    """Print what differs between two versions, line by line."""
    from posthouse.desk import template_samples

    first, second = _load(ask, name, domain, one, two)
    differing = template_samples.compare(first.version, second.version)
    if ask.as_json:
        ask.output.lines([{"what": what, "lines": lines} for what, lines in differing])
        return
    for what, lines in differing:
        ask.output.say(what)
        ask.output.say("\n".join(visible(line) for line in lines))
    if not differing:
        ask.output.say(f"{visible(first.version.tag)} and {visible(second.version.tag)} are the same.")


def send_test(
    ask: Asked,
    name: Name,
    to: Annotated[str, typer.Option("--to", metavar="ADDRESS", help="Whom to send it to.")],
    domain: DomainName = "",
    version: Version = "",
    from_domain: Annotated[
        str, typer.Option("--from-domain", metavar="NAME", help="It comes from test@ this domain of yours.")
    ] = "",
    sample: Values = "",
) -> None:
    """Send a letter made of a version, on the way that all mail goes."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, domains, templates
    from posthouse.doors.api.template_tests import Trial

    given = read_text(sample)
    house = open_house(ask)
    with house.reading() as conn:
        account_id = accounts.own_account(conn, ask.account)
        about = templates.load(conn, account_id, domains.sending_name(domain) if domain else "", name)
    sender = domains.sending_name(from_domain) if from_domain else ""
    made = asyncio.run(_sent(house, account_id, Trial(about, to, version, sender, given)))
    with house.reading() as conn, conn.transaction():
        house.note(conn)  # the letter was taken by a store of its own
    ask.output.item({"id": made, "template": about.name, "to": to}, f"Sent to {visible(to)} as {made}.")


async def _sent(house: House, account_id: str, asked: Trial) -> str:
    from posthouse.doors.api.template_tests import Sender, send_test
    from posthouse.doors.submission import Arrival
    from posthouse.store.engine import open_store
    from posthouse.wiring.ways import build_ways

    store = open_store(house.settings.store.url, asyncio.get_running_loop(), clock=house.clock)
    try:
        ways = build_ways(house.settings, house.installation, store, house.clock)
        try:
            by = Sender("command template send-test", "posthouse template send-test", Arrival("", "", "HTTP"))
            return await send_test(ways, account_id, asked, by, house.clock.now())
        finally:
            await ways.blocks.close()
    finally:
        await store.close()


def _load(ask: Asked, name: str, domain: str, *tags: str) -> list[Found]:
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, domains, templates
    from posthouse.desk.template_samples import load_version

    with open_house(ask).reading() as conn:
        account_id = accounts.own_account(conn, ask.account)
        about = templates.load(conn, account_id, domains.sending_name(domain) if domain else "", name)
        return [load_version(conn, account_id, about, tag) for tag in tags]
