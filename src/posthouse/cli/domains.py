"""`posthouse domain …`: add, list, show, verify, set up and remove sending domains."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from posthouse.cli import certificates, domain_keys, domain_records
from posthouse.cli.names import domain_names
from posthouse.cli.options import Asked, command, group
from posthouse.cli.output import Output, visible, when

if TYPE_CHECKING:
    from posthouse.cli.house import House
    from posthouse.model.account import Domain, DomainSettings

app = group("Sending domains and their DNS records.")
app.add_typer(domain_keys.app, name="key")

Name = Annotated[
    str,
    typer.Argument(metavar="NAME", autocompletion=domain_names, help="Domain name, such as example.com."),
]
Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="A recipient's address.")]


@command(app, "add")
def add(
    ask: Asked,
    name: Name,
    assume_verified: Annotated[
        bool, typer.Option("--assume-verified", help="Send at once, without waiting for DNS.")
    ] = False,
    ed25519: Annotated[
        bool, typer.Option("--ed25519", help="Make an Ed25519 key beside the RSA key.")
    ] = False,
    sandbox: Annotated[
        bool,
        typer.Option("--sandbox", help="For trying out: sends at once, but only to authorised addresses."),
    ] = False,
    claim: Annotated[
        bool, typer.Option("--claim", help="Another account has it; DNS shows that it is this one's.")
    ] = False,
) -> None:
    """Add a domain, make its DKIM keys and print the DNS records to publish."""
    from posthouse.cli.house import open_house
    from posthouse.desk import domains
    from posthouse.desk.domain_names import doubts, new_name
    from posthouse.mail.dkim import ED25519_SHA256, RSA_SHA256
    from posthouse.model.account import DomainSettings

    house = open_house(ask)
    name = new_name(name)
    house.found()
    is_proven = _may_add(house, ask, name, claim)  # before keys are made for nothing
    if doubt := doubts(name):
        print(f"posthouse: {doubt}", file=sys.stderr)
    new = domains.draft(
        house.installation,
        house.ids,
        house.clock.now(),
        name=name,
        region=house.settings.region,
        is_verified=assume_verified or sandbox,
        settings=DomainSettings(is_sandbox=sandbox),
        algorithms=(RSA_SHA256, ED25519_SHA256) if ed25519 else (RSA_SHA256,),
    )
    with house.writing() as conn:
        domain = domains.create(conn, house.ids, new, ask.account, is_proven=is_proven)
    domain_records.print_domain(ask.output, house, domain, new.keys, is_new=True)


def _may_add(house: House, ask: Asked, name: str, claims_it: bool) -> bool:
    """Has the account shown in DNS that a domain of another one is its own? Raises Refused where it must.

    The account is made in a transaction of its own: its token must be the same when it comes back with it.
    """
    from posthouse.desk import accounts, claims, published

    with house.writing(prepares=True) as conn:
        account_id = accounts.ensure(conn, house.ids, house.clock.now(), ask.account)
    with house.reading() as conn:
        proves = claims.needs_proof(conn, account_id, name, house.installation, claims_it=claims_it)
    if proves:
        texts = published.texts_at(claims.record_name(name), house.settings.dns.servers)
        claims.prove(texts, house.installation, account_id, name)
    return proves


@command(app, "list")
def list_(ask: Asked) -> None:
    """List the domains."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts
    from posthouse.desk.domain_view import domain_rows

    with open_house(ask).reading() as conn:
        rows = domain_rows(conn, accounts.scope(conn, ask.account) or None)
    if ask.as_json:
        ask.output.lines(rows)
        return
    heads = ["DOMAIN", "REGION", "STATE", "RECORDS", "NEXT LOOK", "ADDED"]
    ask.output.table(heads, [_cells(row) for row in rows], "No domains yet.")


def _cells(row: dict[str, Any]) -> list[str]:
    there = sum(check["is_there"] for check in row["checks"])
    return [
        row["name"],
        row["region"],
        row["state"],
        f"{there} of {len(row['checks'])} there" if row["checked_at"] else "-",
        when(row["next_look_at"]),
        when(row["created_at"]),
    ]


@command(app, "show")
def show(ask: Asked, name: Name) -> None:
    """Show a domain, the DNS records to publish, and its settings."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, domains

    house = open_house(ask)
    with house.reading() as conn:
        domain, keys = domains.load(conn, accounts.own_account(conn, ask.account), name)
    domain_records.print_domain(ask.output, house, domain, keys)
    ask.output.say("\nSettings (change them with `posthouse domain set`):")
    _say_settings(ask.output, domain)


@command(app, "set")
def set_(
    ask: Asked,
    name: Name,
    pairs: Annotated[
        list[str], typer.Argument(metavar="KEY=VALUE…", help="Settings; `KEY=` goes back to the default.")
    ],
) -> None:
    """Change what holds for a domain's mail where a message does not say otherwise."""
    from posthouse.desk import domain_settings

    _change(ask, name, lambda settings: domain_settings.changed(settings, pairs))


@command(app, "authorise")
def authorise(ask: Asked, name: Name, address: Address) -> None:
    """Let a sandbox domain write to an address."""
    from posthouse.desk import domain_settings

    _change(ask, name, lambda settings: domain_settings.authorised(settings, address))


@command(app, "unauthorise")
def unauthorise(ask: Asked, name: Name, address: Address) -> None:
    """Take an address away from a sandbox domain again."""
    from posthouse.desk import domain_settings

    _change(ask, name, lambda settings: domain_settings.unauthorised(settings, address))


command(app, "records")(domain_records.records)
command(app, "verify")(domain_records.verify)


command(app, "certificate")(certificates.certificate)
command(app, "certificates")(certificates.certificates)
command(app, "rotate")(domain_keys.rotate)


@command(app, "remove")
def remove(ask: Asked, name: Name) -> None:
    """Remove a domain with its keys, users and tokens; mail that is queued is still sent, unsigned."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, domains

    with open_house(ask).writing() as conn:
        gone = domains.remove(conn, accounts.own_account(conn, ask.account), name)
    ask.output.item({"removed": gone}, f"Removed {gone} with its keys, users and tokens.")


def _change(
    ask: Asked,
    name: str,
    change: Callable[[DomainSettings], DomainSettings],
) -> None:
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, domains, verification
    from posthouse.desk.domain_view import domain_row

    with open_house(ask).writing() as conn:
        account_id = accounts.own_account(conn, ask.account)
        domain, _ = domains.change_settings(conn, account_id, name, change)
        found = verification.last_findings(conn, domain.id)
    if ask.as_json:
        ask.output.item(domain_row(domain, found), "")
    _say_settings(ask.output, domain)


def _say_settings(output: Output, domain: Domain) -> None:
    from posthouse.desk import domain_settings
    from posthouse.model.account import DEFAULTS

    defaults = domain_settings.shown(DEFAULTS)
    for key, text in domain_settings.shown(domain.settings).items():
        output.say(f"{key:<22}{visible(text) or '-'}{'' if text == defaults[key] else '  (set)'}")
