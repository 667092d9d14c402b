"""`posthouse import …`: what a customer has at another service comes along."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from posthouse.cli.names import domain_names
from posthouse.cli.options import MAILGUN, MAILPACE, SENDGRID, Asked, command, group
from posthouse.cli.output import visible
from posthouse.cli.terms import read_secret

if TYPE_CHECKING:
    from posthouse.cli.house import House
    from posthouse.moving.here import Here
    from posthouse.moving.report import Report
    from posthouse.moving.services import Service
    from posthouse.moving.things import Thing
    from posthouse.moving.web import Web

app = group("Move in from another service: lists, templates, domains, webhooks.")
Advance = Callable[[str, int], None]
"""Takes what is being read and how many of it so far."""

Paths = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[FILE…]", help="Exported files or folders; without any the service is asked."),
]
Domains = Annotated[
    list[str] | None,
    typer.Option(
        "--domain",
        metavar="NAME",
        autocompletion=domain_names,
        help="Only this domain; whose the files are; may be repeated.",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Read and check everything, change nothing.")]
ApiUrl = Annotated[
    str, typer.Option("--api-url", metavar="URL", help="Where the service's API is; default: its own.")
]
KeyFile = Annotated[
    str,
    typer.Option("--key-file", metavar="FILE", help="The API key; - reads input; default: the environment."),
]
AllowPrivate = Annotated[
    bool, typer.Option("--allow-private", help="The API may be in a private network, and speak plain http.")
]
SigningKey = Annotated[
    str,
    typer.Option("--signing-key", metavar="FILE", help="What signs the service's posts to your receivers."),
]
NewPasswords = Annotated[
    Path | None,
    typer.Option("--new-passwords", metavar="FILE", help="Make the SMTP users; write their passwords there."),
]
GivenKey = Annotated[
    str, typer.Option("--given-key", metavar="FILE", help="A key of your programs, to be valid here too.")
]
ReportFile = Annotated[
    Path | None, typer.Option("--report", metavar="FILE", help="Write the whole report there, as JSON.")
]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the options said."""

    paths: list[Path]
    domains: list[str]
    is_dry: bool
    api_url: str = ""
    key_file: str = ""
    allows_private: bool = False
    signing_key: str = ""
    new_passwords: Path | None = None
    given_key: str = ""
    report: Path | None = None


@command(app, "mailgun")
def mailgun(
    ask: Asked,
    paths: Paths = None,
    domain: Domains = None,
    dry_run: DryRun = False,
    api_url: ApiUrl = "",
    key_file: KeyFile = "",
    allow_private: AllowPrivate = False,
    signing_key: SigningKey = "",
    new_passwords: NewPasswords = None,
    report: ReportFile = None,
) -> None:
    """Move in from Mailgun, from its API (the key is in MAILGUN_API_KEY) or from files."""
    wanted = Wanted(
        paths or [],
        domain or [],
        dry_run,
        api_url,
        key_file,
        allow_private,
        signing_key,
        new_passwords,
        report=report,
    )
    _move(ask, MAILGUN, wanted)


@command(app, "sendgrid")
def sendgrid(
    ask: Asked,
    paths: Paths = None,
    domain: Domains = None,
    dry_run: DryRun = False,
    api_url: ApiUrl = "",
    key_file: KeyFile = "",
    allow_private: AllowPrivate = False,
    given_key: GivenKey = "",
    report: ReportFile = None,
) -> None:
    """Move in from SendGrid, from its API (the key is in SENDGRID_API_KEY) or from files."""
    wanted = Wanted(
        paths or [],
        domain or [],
        dry_run,
        api_url,
        key_file,
        allow_private,
        given_key=given_key,
        report=report,
    )
    _move(ask, SENDGRID, wanted)


@command(app, "mailpace")
def mailpace(
    ask: Asked,
    paths: Paths = None,
    domain: Domains = None,
    dry_run: DryRun = False,
    given_key: GivenKey = "",
    report: ReportFile = None,
) -> None:
    """Move in from MailPace: its lists from files, its domains by their names, its tokens as they are."""
    _move(ask, MAILPACE, Wanted(paths or [], domain or [], dry_run, given_key=given_key, report=report))


def _move(ask: Asked, name: str, wanted: Wanted) -> None:
    from posthouse.cli.house import open_house
    from posthouse.moving.arrival import Arrival
    from posthouse.moving.report import Report
    from posthouse.moving.services import SERVICES

    house, service = open_house(ask), SERVICES[name]
    things, source = _source(house, service, wanted)
    if not wanted.is_dry:
        house.found()
    with _passwords(wanted) as hands_out, _here(house, ask, name, wanted, hands_out) as here:
        report = Report(name, source, wanted.is_dry)
        with _bar(ask) as advance:
            Arrival(here, report, advance).take_all(things)
    _print(ask, wanted, report)
    if not report.is_whole:
        raise typer.Exit(1)


def _source(house: House, service: Service, wanted: Wanted) -> tuple[Iterator[Thing], str]:
    """What there is to read, and where it comes from. Raises Refused."""
    from itertools import chain

    from posthouse.desk.domain_names import sending_name
    from posthouse.moving.services import from_api, from_files, given_tokens
    from posthouse.moving.things import NewApiKey, NewSigningKey

    domains = [sending_name(name) for name in wanted.domains]
    given = read_secret(wanted.given_key) if wanted.given_key else ""
    first: list[Thing] = []
    if wanted.signing_key:
        first.append(NewSigningKey(read_secret(wanted.signing_key).encode()))
    if wanted.paths or not service.base:
        things = from_files(service, wanted.paths, domains)
        if given and not service.base:
            things = chain(things, given_tokens(domains, given))
        elif given:
            first.append(NewApiKey("", "", (), given))
        source = ", ".join(str(path) for path in wanted.paths)
        return chain(first, things), source
    web = _web(house, service, wanted)
    return chain(first, from_api(service, web, house.clock.now(), domains, given)), web.base


def _web(house: House, service: Service, wanted: Wanted) -> Web:
    from posthouse.moving.web import Web

    said = read_secret(wanted.key_file) if wanted.key_file else os.environ.get(service.key_variable, "")
    key = said.strip()
    if not key or not key.isascii() or not key.isprintable():
        text = f"put the service's API key into {service.key_variable} or a file (--key-file), or name files"
        raise typer.TyperException(text)
    allows = wanted.allows_private or house.settings.delivery.post_private_networks == "allow"
    return Web(wanted.api_url or service.base, service.headers(key), allows_private=allows)


@contextmanager
def _here(
    house: House, ask: Asked, name: str, wanted: Wanted, hands_out: Callable[[str, str], None] | None
) -> Iterator[Here]:
    from posthouse.desk import accounts
    from posthouse.dialects.table import HOOK_FORMS
    from posthouse.moving.here import Here
    from posthouse.store import identity

    with house.reading() as conn:
        usual = ask.account.strip().lower() in ("", accounts.USUAL)
        if wanted.is_dry and usual and identity.find_account(conn, accounts.USUAL) is None:
            account_id = house.ids.new()  # nobody's: there is no account before the first domain
        elif wanted.is_dry:
            account_id = accounts.own_account(conn, ask.account)
        else:
            with conn.transaction():
                account_id = accounts.ensure(conn, house.ids, house.clock.now(), ask.account)
                house.note(conn)
        yield Here(
            conn,
            house.installation,
            house.ids,
            house.clock,
            ask.account,
            account_id,
            house.settings.region,
            name,
            HOOK_FORMS,
            house.settings.hooks.allows_plain,
            wanted.is_dry,
            hands_out,
        )


@contextmanager
def _passwords(wanted: Wanted) -> Iterator[Callable[[str, str], None] | None]:
    """Whatever takes new passwords: a file that only its owner may read, each line on the disk at once."""
    if wanted.new_passwords is None or wanted.is_dry:
        yield None if wanted.new_passwords is None else lambda login, password: None
        return
    path = wanted.new_passwords
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        text = f"{path} is there already; give --new-passwords another name, so that no password is lost"
        raise typer.TyperException(text) from None
    with os.fdopen(number, "w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(("login", "password"))

        def keep(login: str, password: str) -> None:
            writer.writerow((login, password))
            out.flush()
            os.fsync(out.fileno())

        yield keep


# What people see


@contextmanager
def _bar(ask: Asked) -> Iterator[Advance]:
    """What is being read, on a terminal; elsewhere a line for each list, nothing with --json."""
    if ask.as_json:
        yield lambda what, read: None
        return
    if not sys.stderr.isatty():
        yield lambda what, read: None if read else print(f"reading {visible(what)}", file=sys.stderr)
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda what, read: progress.update(task, description=f"{visible(what)}: {read:,}")


def _print(ask: Asked, wanted: Wanted, report: Report) -> None:
    values = report.as_values()
    if wanted.report is not None:
        wanted.report.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", "utf-8")
    if ask.as_json:
        ask.output.item(values, "")
        return
    came = "WOULD COME" if report.is_dry else "CAME"
    cells = [
        [name.replace("_", " "), f"{count['came']:,}", f"{count['there']:,}", f"{count['left_out']:,}"]
        for name, count in values["counts"].items()
    ]
    ask.output.table(["WHAT", came, "THERE ALREADY", "LEFT OUT"], cells, "There was nothing to move.")
    for title, rows in (("Left out:", values["left_out"]), ("Cannot come along:", values["stays_behind"])):
        _say_rows(ask, title, [(f"{row['what']}: {row['why']}", row["do"]) for row in rows])
    if values["groups"]:
        ask.output.say("\nUnsubscribe groups:")
        for row in values["groups"]:
            ask.output.say(f"  {row['old']} is {row['new'] or 'new'} here: {visible(row['name'])}")
    _say_rows(ask, "To do:", [(row["what"], row["do"]) for row in values["to_do"]])
    if report.is_dry:
        ask.output.say("\nThis was a dry run: nothing was changed.")


_MOST_SAID = 50


def _say_rows(ask: Asked, title: str, rows: list[tuple[str, str]]) -> None:
    if not rows:
        return
    ask.output.say(f"\n{title}")
    for text, do in rows[:_MOST_SAID]:
        ask.output.say(f"  {visible(text)}" + (f"\n    -> {visible(do)}" if do else ""))
    if len(rows) > _MOST_SAID:
        ask.output.say(f"  ({len(rows) - _MOST_SAID:,} more; --report FILE or --json tells them)")
