"""`posthouse domain key …` and `posthouse domain rotate`: a domain's DKIM keys and their life."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from posthouse.cli.names import domain_names
from posthouse.cli.options import Asked, command, group
from posthouse.cli.output import when

if TYPE_CHECKING:
    from posthouse.cli.house import House
    from posthouse.desk.key_states import Rotation
    from posthouse.model.account import Domain, DomainKey

app = group("DKIM keys of a domain.")

Name = Annotated[
    str,
    typer.Argument(metavar="NAME", autocompletion=domain_names, help="Domain name, such as example.com."),
]
Selector = Annotated[str, typer.Argument(metavar="SELECTOR", help="The key's selector, such as ph2.")]
Force = Annotated[bool, typer.Option("--force", help="Without asking DNS for the key's record.")]
_FILE_MOST = 64 * 1024 + 1


@command(app, "list")
def list_(ask: Asked, name: Name) -> None:
    """List a domain's keys and what each of them does."""
    from posthouse.cli.house import open_house

    house = open_house(ask)
    domain, keys = _load(house, ask, name)
    if ask.as_json:
        ask.output.lines([_row(house, domain, key) for key in keys])
        return
    cells = [[key.selector, key.algorithm, key.state, _note(house, key)] for key in keys]
    ask.output.table(["SELECTOR", "ALGORITHM", "STATE", "SINCE"], cells, f"{domain.name} has no keys.")


@command(app, "add")
def add(
    ask: Asked,
    name: Name,
    ed25519: Annotated[
        bool, typer.Option("--ed25519", help="An Ed25519 key in place of an RSA key of 2048 bits.")
    ] = False,
    selector: Annotated[
        str, typer.Option("--selector", metavar="WORD", help="Its selector; default: the next free one.")
    ] = "",
) -> None:
    """Make a key that stands by, and print the record to publish."""
    from posthouse.cli.house import open_house
    from posthouse.desk import domain_keys
    from posthouse.mail.dkim import ED25519_SHA256, RSA_SHA256

    house = open_house(ask)
    domain, keys = _load(house, ask, name)
    algorithm = ED25519_SHA256 if ed25519 else RSA_SHA256
    if selector:
        selector = domain_keys.selector_name(selector, domain.name)
    new = domain_keys.make(
        house.installation,
        house.ids,
        house.clock.now(),
        domain.id,
        selector=selector or domain_keys.free_selector(keys, algorithm),
        algorithm=algorithm,
    )
    _store(house, ask, domain, new)


@command(app, "import")
def import_(
    ask: Asked,
    name: Name,
    selector: Selector,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Private key, PEM, DER or base64; - for standard input.")
    ],
) -> None:
    """Bring a key along that is in DNS already: it stands by until `domain key activate`."""
    from posthouse.cli.house import open_house
    from posthouse.desk import domain_keys

    house = open_house(ask)
    domain, _ = _load(house, ask, name)
    selector = domain_keys.selector_name(selector, domain.name)
    new, warning = domain_keys.bring(
        house.installation, house.ids, house.clock.now(), domain.id, selector=selector, data=_read(file)
    )
    if warning:
        print(f"posthouse: {warning}", file=sys.stderr)
    _store(house, ask, domain, new)


@command(app, "activate")
def activate(ask: Asked, name: Name, selector: Selector, force: Force = False) -> None:
    """Let a key sign; the one of its kind that signed until now retires."""
    from posthouse.cli.house import open_house
    from posthouse.desk import domain_keys, key_states

    house = open_house(ask)
    domain, keys = _load(house, ask, name)
    key = domain_keys.load_key_at(keys, domain, selector)
    if not force:
        _ask_dns(house, domain, [key])
    with house.writing() as conn:
        _again(conn, ask, domain)
        done = key_states.activate(conn, domain, key.selector, house.clock.now())
    _print_rotation(house, ask, domain, done)


def rotate(ask: Asked, name: Name, force: Force = False) -> None:
    """Let the keys that stand by sign, once DNS has their records; those that signed retire."""
    from posthouse.cli.house import open_house
    from posthouse.desk import key_states

    house = open_house(ask)
    domain, keys = _load(house, ask, name)
    upcoming = key_states.upcoming(domain, keys)
    if not force:
        _ask_dns(house, domain, upcoming)
    with house.writing() as conn:
        _again(conn, ask, domain)
        selectors = [key.selector for key in upcoming]
        done = key_states.rotate(conn, domain, selectors, house.clock.now())
    _print_rotation(house, ask, domain, done)


@command(app, "retire")
def retire(ask: Asked, name: Name, selector: Selector) -> None:
    """Let a key sign no more, while another one signs; its record must stay for a while."""
    from posthouse.cli.house import open_house
    from posthouse.desk import key_states

    house = open_house(ask)
    with house.writing() as conn:
        domain = _again(conn, ask, name)
        key = key_states.retire(conn, domain, selector, house.clock.now())
    ask.output.item(_row(house, domain, key), _stays(house, domain, key))


@command(app, "remove")
def remove(
    ask: Asked,
    name: Name,
    selector: Selector,
    force: Annotated[
        bool, typer.Option("--force", help="Also while mail that it signed may be on its way.")
    ] = False,
) -> None:
    """Remove a key that stands by, or that has retired for long enough."""
    from posthouse.cli.house import open_house
    from posthouse.desk import key_states

    house = open_house(ask)
    expire_s = house.settings.delivery.expire_s
    with house.writing() as conn:
        domain = _again(conn, ask, name)
        gone = key_states.remove(conn, domain, selector, house.clock.now(), expire_s, is_forced=force)
    record = f"{gone.selector}._domainkey.{domain.name}"
    ask.output.item(
        {"removed": gone.selector},
        f"Removed the key {gone.selector} of {domain.name}; its record at {record} may go too.",
    )


def _load(house: House, ask: Asked, name: str) -> tuple[Domain, list[DomainKey]]:
    from posthouse.desk import accounts, domains

    with house.reading() as conn:
        return domains.load(conn, accounts.own_account(conn, ask.account), name)


def _again(conn: Any, ask: Asked, known: Domain | str) -> Domain:
    """The domain as it is inside the transaction."""
    from posthouse.desk import accounts, domains

    name = known if isinstance(known, str) else known.name
    return domains.load(conn, accounts.own_account(conn, ask.account), name)[0]


def _store(house: House, ask: Asked, domain: Domain, new: DomainKey) -> None:
    from posthouse.desk import domain_keys

    with house.writing() as conn:
        domain_keys.add(conn, _again(conn, ask, domain), new)
    record = _record(domain, new)
    ask.output.item(
        _row(house, domain, new),
        f"{domain.name}: the key {new.selector} ({new.algorithm}) stands by.\n\n"
        f"Publish its record:\n\n{record.zone_text}\n\n"
        f"Then: posthouse domain key activate {domain.name} {new.selector}",
    )


def _read(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read(_FILE_MOST)
    with Path(file).open("rb") as stream:
        return stream.read(_FILE_MOST)


def _ask_dns(house: House, domain: Domain, keys: Sequence[DomainKey]) -> None:
    from posthouse.desk import published

    servers = house.settings.dns.servers
    published.refuse_unpublished(domain, keys, lambda name: published.texts_at(name, servers))


def _record(domain: Domain, key: DomainKey) -> Any:
    from posthouse.rules.records import dkim_record

    return dkim_record(domain, key)


def _row(house: House, domain: Domain, key: DomainKey) -> dict[str, Any]:
    from posthouse.desk.domain_view import key_row

    return key_row(domain, key, house.settings.delivery.expire_s)


def _note(house: House, key: DomainKey) -> str:
    from posthouse.desk.key_states import gone_at
    from posthouse.model.account import KeyState

    if key.state is not KeyState.RETIRING:
        return when(key.since)
    until = gone_at(key, house.settings.delivery.expire_s)
    return f"{when(key.since)}, record must stay until {when(until)}"


def _stays(house: House, domain: Domain, key: DomainKey) -> str:
    from posthouse.desk.key_states import gone_at

    until = gone_at(key, house.settings.delivery.expire_s)
    return (
        f"The key {key.selector} signs no more. Keep {key.selector}._domainkey.{domain.name} in DNS until "
        f"{when(until)}: mail that it signed is verified with it."
    )


def _print_rotation(house: House, ask: Asked, domain: Domain, done: Rotation) -> None:
    value = {
        "domain": domain.name,
        "active": [_row(house, domain, key) for key in done.active],
        "retiring": [_row(house, domain, key) for key in done.retiring],
    }
    names = " and ".join(key.selector for key in done.active)
    lines = [f"{domain.name}: mail is signed with {names} from now on."]
    lines += [_stays(house, domain, key) for key in done.retiring]
    ask.output.item(value, "\n".join(lines))
