"""A domain's DNS records at the command line: to be published, looked up now, and as they stood lately.

Public: verify, records, print_domain.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from posthouse.cli.names import domain_names
from posthouse.cli.options import Asked
from posthouse.cli.output import Output, visible, when

if TYPE_CHECKING:
    from posthouse.cli.house import House
    from posthouse.desk.verification import Findings
    from posthouse.model.account import Domain, DomainKey
    from posthouse.rules.checks import Check
    from posthouse.rules.records import Record, Sender

_CUT = 120

Name = Annotated[
    str,
    typer.Argument(metavar="NAME", autocompletion=domain_names, help="Domain name, such as example.com."),
]


def verify(ask: Asked, name: Name) -> None:
    """Look the records up in DNS now; once the DKIM record is there, the domain may send."""
    from posthouse.cli.house import open_house
    from posthouse.desk import domain_checks, verification

    house = open_house(ask)
    domain, keys, sender = _loaded(ask, house, name)
    checks = asyncio.run(domain_checks.ask_now(house.settings, house.clock, domain, keys, sender))
    with house.reading() as conn:
        settled = verification.settle_now(conn, domain, checks, house.clock, house.ids, house.settings)
    if ask.as_json:
        rows = [verification.as_row(check) for check in checks]
        shown = {"domain": domain.name, "verified": settled.is_verified, "next_look_at": settled.next_at}
        ask.output.item(shown | {"records": rows}, "")
    else:
        for check in checks:
            _say_check(ask.output, check)
        ask.output.say(_verdict(domain.name, settled.is_verified, settled.next_at))
    if not settled.is_verified:
        raise typer.Exit(1)


def _verdict(name: str, is_verified: bool, next_at: float) -> str:
    if is_verified:
        return f"\n{name} is verified."
    return (
        f"\n{name} is not verified yet. Posthouse looks again by itself, next at {when(next_at)}.\n"
        f"What to publish: posthouse domain records {name}"
    )


def _say_check(output: Output, check: Check) -> None:
    record = check.record
    need = "required" if record.is_required else "advice"
    output.say(f"{check.state:<8} {need:<9} {record.kind:<6} {record.name}")
    output.say(f"         {visible(check.text)}")
    if not check.is_there and check.state != "unknown":
        output.say(f"           needed  {_cut(record.value)}")
    if check.state == "wrong":
        output.say(f"           found   {_cut(visible(check.found)) or '-'}")


def _cut(text: str) -> str:
    return text if len(text) <= _CUT else f"{text[: _CUT - 1]}…"


def records(
    ask: Asked,
    name: Name,
    zone_file: Annotated[bool, typer.Option("--zone-file", help="As lines of a zone file (BIND).")] = False,
    zone: Annotated[
        str, typer.Option("--zone", metavar="NAME", help="The zone they go into; default: DNS is asked.")
    ] = "",
    inbound: Annotated[
        bool, typer.Option("--inbound", help="Also the MX record for mail to the domain.")
    ] = False,
) -> None:
    """Print the DNS records to publish: as fields for a panel, or as a zone file."""
    from posthouse.cli.house import open_house
    from posthouse.desk import domain_checks
    from posthouse.desk.domain_view import record_row
    from posthouse.rules import records as rules

    house = open_house(ask)
    domain, keys, sender = _loaded(ask, house, name)
    wanted = rules.needed(domain, keys, sender, is_inbound=inbound)
    chosen = domain_checks.zone_given(zone, domain.name) or asyncio.run(
        domain_checks.find_zone(house.settings, house.clock, domain.name)
    )
    if ask.as_json:
        ask.output.lines([record_row(record, chosen) for record in wanted])
    elif zone_file:
        ask.output.say(rules.zone_file(wanted, chosen).rstrip())
    else:
        _say_fields(ask.output, wanted, chosen)


def _say_fields(output: Output, wanted: Sequence[Record], zone: str) -> None:
    from posthouse.rules.records import host_field

    output.say(
        f"For the zone {zone}. Most panels append the zone to the name by themselves; if yours does not,"
    )
    output.say("append it to the host.")
    for record in wanted:
        output.say(f"\n{record.purpose} ({'required' if record.is_required else 'advice'})")
        output.say(f"  type   {record.kind}")
        output.say(f"  host   {host_field(record.name, zone)}")
        output.say(f"  value  {record.value}")


def _loaded(ask: Asked, house: House, name: str) -> tuple[Domain, list[DomainKey], Sender]:
    from posthouse.desk import accounts, domain_checks, domains

    with house.reading() as conn:
        domain, keys = domains.load(conn, accounts.own_account(conn, ask.account), name)
        return domain, keys, domain_checks.sender_of(conn, house.settings, domain.account_id)


def print_domain(
    output: Output, house: House, domain: Domain, keys: Sequence[DomainKey], is_new: bool = False
) -> None:
    """A domain, what DNS said lately, and the records to publish."""
    from posthouse.desk import domain_checks, verification
    from posthouse.desk.domain_view import domain_row, record_row
    from posthouse.rules.records import needed

    with house.reading() as conn:
        found = verification.last_findings(conn, domain.id)
        wanted = needed(domain, keys, domain_checks.sender_of(conn, house.settings, domain.account_id))
    if output.as_json:
        rows = [record_row(record, domain.name) for record in wanted]
        output.item(domain_row(domain, found) | {"records": rows}, "")
        return
    state = f"verified {when(domain.verified_at)}" if domain.verified_at else "not verified yet"
    output.say(f"{domain.name}: {state}, region {domain.region}, added {when(domain.created_at)}")
    if found:
        _say_findings(output, found)
    output.say("\nPublish these records:")
    for record in wanted:
        output.say(f"\n; {record.purpose}{'' if record.is_required else ' (advice)'}\n{record.zone_text}")
    if is_new and not domain.verified_at:
        output.say("\nOnce they are published, Posthouse notices by itself. To look now:")
    if not domain.verified_at:
        output.say(f"\nposthouse domain verify {domain.name}")


def _say_findings(output: Output, found: Findings) -> None:
    """The last look, record by record."""
    output.say(f"\nDNS was asked {when(found.checked_at)}, next {when(found.next_at)}:")
    if found.lost_at is not None:
        output.say(
            f"The DKIM record has been gone or wrong since {when(found.lost_at)}; mend it within 3 days."
        )
    for row in found.records:
        output.say(f"{row['state']:<8} {row['kind']:<6} {row['name']}")
        if row["state"] != "ok":
            output.say(f"         {visible(row['text'])}")
