"""`posthouse domain …`: add, list, show, verify, set up and remove sending domains."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from posthouse.cli import domain_keys
from posthouse.cli.names import domain_names
from posthouse.cli.options import Asked, command, group
from posthouse.cli.output import Output, visible, when

if TYPE_CHECKING:
    from posthouse.cli.house import House
    from posthouse.model.account import Domain, DomainKey, DomainSettings
    from posthouse.rules.records import Record

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
    _print_domain(ask.output, house, domain, new.keys)


def _may_add(house: House, ask: Asked, name: str, claims_it: bool) -> bool:
    """Has the account shown in DNS that a domain of another one is its own? Raises Refused where it must.

    The account is made in a transaction of its own: its token must be the same when it comes back with it.
    """
    from posthouse.desk import accounts, claims, published
    from posthouse.model.errors import Refused

    with house.writing() as conn:
        account_id = accounts.ensure(conn, house.ids, house.clock.now(), ask.account)
    try:
        with house.reading() as conn:
            claims.refuse_foreign(conn, account_id, name, house.installation)
    except Refused as refused:
        if not claims_it or refused.reason != claims.TAKEN:
            raise
        texts = published.texts_at(claims.record_name(name), house.settings.dns.servers)
        claims.prove(texts, house.installation, account_id, name)
        return True
    return False


@command(app, "list")
def list_(ask: Asked) -> None:
    """List the domains."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts
    from posthouse.store import identity

    with open_house(ask).reading() as conn:
        found = identity.list_domains(conn, accounts.scope(conn, ask.account) or None)
    if ask.as_json:
        ask.output.lines([_domain_row(domain) for domain in found])
        return
    rows = [[d.name, d.region, "yes" if d.verified_at else "no", when(d.created_at)] for d in found]
    ask.output.table(["DOMAIN", "REGION", "VERIFIED", "ADDED"], rows, "No domains yet.")


@command(app, "show")
def show(ask: Asked, name: Name) -> None:
    """Show a domain, the DNS records to publish, and its settings."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, domains

    house = open_house(ask)
    with house.reading() as conn:
        domain, keys = domains.load(conn, accounts.own_account(conn, ask.account), name)
    _print_domain(ask.output, house, domain, keys)
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


@command(app, "verify")
def verify(ask: Asked, name: Name) -> None:
    """Look the records up in DNS; once the DKIM record is there, the domain may send."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, domains, verification

    house = open_house(ask)
    with house.reading() as conn:
        domain, keys = domains.load(conn, accounts.own_account(conn, ask.account), name)
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
    from posthouse.desk import accounts, domains

    with open_house(ask).writing() as conn:
        account_id = accounts.own_account(conn, ask.account)
        domain, _ = domains.change_settings(conn, account_id, name, change)
    if ask.as_json:
        ask.output.item(_domain_row(domain), "")
    _say_settings(ask.output, domain)


def _say_settings(output: Output, domain: Domain) -> None:
    from posthouse.desk import domain_settings
    from posthouse.model.account import DEFAULTS

    defaults = domain_settings.shown(DEFAULTS)
    for key, text in domain_settings.shown(domain.settings).items():
        output.say(f"{key:<22}{visible(text) or '-'}{'' if text == defaults[key] else '  (set)'}")


def _records(house: House, domain: Domain, keys: tuple[DomainKey, ...] | list[DomainKey]) -> list[Record]:
    from posthouse.rules.records import Sender, needed

    settings = house.settings
    sender = Sender(
        settings.smtp.hostname,
        settings.delivery.source_addresses,
        has_own_links=not settings.tracking.url,
    )
    return needed(domain, keys, sender)


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
