"""`posthouse domain …`: add, list, show, verify, set up and remove sending domains."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from posthouse.cli.options import Config, Json, asked
from posthouse.cli.output import Output, visible, when

if TYPE_CHECKING:
    from pathlib import Path

    from posthouse.cli.house import House
    from posthouse.model.account import Domain, DomainKey, DomainSettings

app = typer.Typer(help="Sending domains and their DNS records.", no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Domain name, such as example.com.")]
Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="A recipient's address.")]


@app.callback()
def common(ctx: typer.Context, config: Config = None, as_json: Json = False) -> None:
    ctx.obj = asked(ctx, config, as_json)


@app.command("add")
def add(
    ctx: typer.Context,
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
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Add a domain, make its DKIM keys and print the DNS records to publish."""
    from posthouse.cli.house import open_house
    from posthouse.desk import domains
    from posthouse.mail.dkim import ED25519_SHA256, RSA_SHA256
    from posthouse.model.account import DomainSettings

    ask = asked(ctx, config, as_json)
    house = open_house(ask)
    domains.sending_name(name)  # before a key is made for nothing
    house.found()
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
        domain = domains.create(conn, house.ids, new)
    _print_domain(ask.output, house, domain, new.keys)


@app.command("list")
def list_(ctx: typer.Context, config: Config = None, as_json: Json = False) -> None:
    """List the domains."""
    from posthouse.cli.house import open_house
    from posthouse.store import identity

    ask = asked(ctx, config, as_json)
    with open_house(ask).reading() as conn:
        found = identity.list_domains(conn)
    if ask.as_json:
        ask.output.lines([_domain_row(domain) for domain in found])
        return
    rows = [[d.name, d.region, "yes" if d.verified_at else "no", when(d.created_at)] for d in found]
    ask.output.table(["DOMAIN", "REGION", "VERIFIED", "ADDED"], rows, "No domains yet.")


@app.command("show")
def show(ctx: typer.Context, name: Name, config: Config = None, as_json: Json = False) -> None:
    """Show a domain, the DNS records to publish, and its settings."""
    from posthouse.cli.house import open_house
    from posthouse.desk import domains

    ask = asked(ctx, config, as_json)
    house = open_house(ask)
    with house.reading() as conn:
        domain, keys = domains.load(conn, name)
    _print_domain(ask.output, house, domain, keys)
    ask.output.say("\nSettings (change them with `posthouse domain set`):")
    _say_settings(ask.output, domain)


@app.command("set")
def set_(
    ctx: typer.Context,
    name: Name,
    pairs: Annotated[
        list[str], typer.Argument(metavar="KEY=VALUE…", help="Settings; `KEY=` goes back to the default.")
    ],
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Change what holds for a domain's mail where a message does not say otherwise."""
    from posthouse.desk import domain_settings

    _change(ctx, config, as_json, name, lambda settings: domain_settings.changed(settings, pairs))


@app.command("authorise")
def authorise(
    ctx: typer.Context, name: Name, address: Address, config: Config = None, as_json: Json = False
) -> None:
    """Let a sandbox domain write to an address."""
    from posthouse.desk import domain_settings

    _change(ctx, config, as_json, name, lambda settings: domain_settings.authorised(settings, address))


@app.command("unauthorise")
def unauthorise(
    ctx: typer.Context, name: Name, address: Address, config: Config = None, as_json: Json = False
) -> None:
    """Take an address away from a sandbox domain again."""
    from posthouse.desk import domain_settings

    _change(ctx, config, as_json, name, lambda settings: domain_settings.unauthorised(settings, address))


@app.command("verify")
def verify(ctx: typer.Context, name: Name, config: Config = None, as_json: Json = False) -> None:
    """Look the records up in DNS; once the DKIM record is there, the domain may send."""
    from posthouse.cli.house import open_house
    from posthouse.desk import domains, verification

    ask = asked(ctx, config, as_json)
    house = open_house(ask)
    with house.reading() as conn:
        domain, keys = domains.load(conn, name)
    findings = verification.look_up(_records(house, domain, keys), house.settings.dns.servers)
    is_verified = verification.may_send(findings)
    if is_verified:
        with house.writing() as conn:
            verification.note_verified(conn, domain, house.clock.now())
    if ask.as_json:
        rows = [finding.as_row() for finding in findings]
        ask.output.item({"domain": domain.name, "verified": is_verified, "records": rows}, "")
    else:
        cells = [["ok" if f.is_there else "missing", f.record.kind, f.record.name, f.text] for f in findings]
        ask.output.table(["STATE", "TYPE", "NAME", "FOUND"], cells, "")
        ask.output.say(
            f"{domain.name} is verified." if is_verified else f"{domain.name} is not verified yet."
        )
    if not is_verified:
        raise typer.Exit(1)


@app.command("remove")
def remove(ctx: typer.Context, name: Name, config: Config = None, as_json: Json = False) -> None:
    """Remove a domain with its keys, users and tokens; mail that is queued is still sent, unsigned."""
    from posthouse.cli.house import open_house
    from posthouse.desk import domains

    ask = asked(ctx, config, as_json)
    with open_house(ask).writing() as conn:
        gone = domains.remove(conn, name)
    ask.output.item({"removed": gone}, f"Removed {gone} with its keys, users and tokens.")


def _change(
    ctx: typer.Context,
    config: Path | None,
    as_json: bool,
    name: str,
    change: Callable[[DomainSettings], DomainSettings],
) -> None:
    from posthouse.cli.house import open_house
    from posthouse.desk import domains

    ask = asked(ctx, config, as_json)
    with open_house(ask).writing() as conn:
        domain, _ = domains.change_settings(conn, name, change)
    if ask.as_json:
        ask.output.item(_domain_row(domain), "")
    _say_settings(ask.output, domain)


def _say_settings(output: Output, domain: Domain) -> None:
    from posthouse.desk import domain_settings
    from posthouse.model.account import DEFAULTS

    defaults = domain_settings.shown(DEFAULTS)
    for key, text in domain_settings.shown(domain.settings).items():
        output.say(f"{key:<22}{visible(text) or '-'}{'' if text == defaults[key] else '  (set)'}")


def _records(house: House, domain: Domain, keys: tuple[DomainKey, ...] | list[DomainKey]) -> list[Any]:
    from posthouse.desk import domains

    settings = house.settings
    return domains.records_of(
        domain,
        keys,
        settings.smtp.hostname,
        settings.delivery.source_addresses,
        has_own_links=not settings.tracking.url,
    )


def _domain_row(domain: Domain) -> dict[str, Any]:
    from msgspec.structs import asdict

    return {
        "name": domain.name,
        "region": domain.region,
        "verified": domain.verified_at is not None,
        "verified_at": domain.verified_at,
        "created_at": domain.created_at,
        "settings": asdict(domain.settings),
    }


def _print_domain(
    output: Output, house: House, domain: Domain, keys: tuple[DomainKey, ...] | list[DomainKey]
) -> None:
    records = _records(house, domain, keys)
    if output.as_json:
        fields = ("purpose", "kind", "name", "value", "is_required")
        rows = [{field: getattr(record, field) for field in fields} for record in records]
        output.item(_domain_row(domain) | {"records": rows}, "")
        return
    state = f"verified {when(domain.verified_at)}" if domain.verified_at else "not verified yet"
    output.say(f"{domain.name}: {state}, region {domain.region}, added {when(domain.created_at)}")
    output.say("\nPublish these records:")
    for record in records:
        output.say(f"\n; {record.purpose}{'' if record.is_required else ' (advice)'}\n{record.zone_text}")
    if not domain.verified_at:
        output.say(f"\nThen: posthouse domain verify {domain.name}")
