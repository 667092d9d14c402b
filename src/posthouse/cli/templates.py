"""`posthouse template …`: stored texts of letters, in versions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from posthouse.cli.options import Asked, command, group
from posthouse.cli.output import visible, when

app = group("Stored templates of letters.")

MOST_READ = 1024 * 1024

Name = Annotated[str, typer.Argument(metavar="NAME", help="The template's name, or its id.")]
DomainName = Annotated[
    str, typer.Option("--domain", metavar="NAME", help="The sending domain that it belongs to.")
]
Version = Annotated[str, typer.Option("--version", metavar="TAG", help="The version.")]


@command(app, "add")
def add(
    ask: Asked,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The template's name.")],
    domain: DomainName = "",
    file: Annotated[str, typer.Option("--file", metavar="FILE", help="The HTML text; - reads input.")] = "",
    text_file: Annotated[
        str, typer.Option("--text-file", metavar="FILE", help="The plain text; - reads input.")
    ] = "",
    version: Version = "initial",
    engine: Annotated[
        str, typer.Option("--engine", metavar="NAME", help="handlebars, or wrapper around the letter's text.")
    ] = "handlebars",
    subject: Annotated[
        str, typer.Option("--subject", metavar="TEXT", help="Subject of letters that have none.")
    ] = "",
    sender: Annotated[str, typer.Option("--from", metavar="TEXT", help="From of letters without.")] = "",
    reply_to: Annotated[
        str, typer.Option("--reply-to", metavar="TEXT", help="Reply-To of letters without.")
    ] = "",
    description: Annotated[str, typer.Option("--description", metavar="TEXT", help="For people.")] = "",
    active: Annotated[bool, typer.Option("--active", help="Use this version from now on.")] = False,
) -> None:
    """Store a version of a template; the first one is active at once."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, domains, templates

    house = open_house(ask)
    if file == text_file == "-":
        raise typer.BadParameter("only one of --file and --text-file can be -")
    html, text = read_text(file), read_text(text_file)
    fields = {"Subject": subject, "From": sender, "Reply-To": reply_to}
    with house.writing() as conn:
        account_id = accounts.own_account(conn, ask.account)
        draft = templates.Draft(
            account_id=account_id,
            domain=domains.load(conn, account_id, domain)[0].name if domain else "",
            name=name,
            tag=version,
            html=html,
            text=text,
            engine=engine,
            fields={field: value for field, value in fields.items() if value},
            description=description,
            is_active=active,
        )
        made = templates.store_version(conn, house.ids, house.clock.now(), draft)
    row = templates.version_row(made)
    state = "is active" if row["is_active"] else "is stored"
    ask.output.item(
        {key: row[key] for key in ("id", "name", "domain", "version", "is_active")},
        f"Version {visible(row['version'])} of template {visible(row['name'])} {state} (id {row['id']}).",
    )


def read_text(name: str) -> str:
    """A file as UTF-8 text; "" without a name."""
    if not name:
        return ""
    if name == "-":
        raw = sys.stdin.buffer.read(MOST_READ + 1)
    else:
        with Path(name).open("rb") as opened:
            raw = opened.read(MOST_READ + 1)
    if len(raw) > MOST_READ:
        raise typer.TyperException(f"{name} is too large for a template")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise typer.TyperException(f"{name} is not UTF-8 text") from error


@command(app, "list")
def list_(
    ask: Asked,
    domain: Annotated[
        str, typer.Option("--domain", metavar="NAME", help="Only this domain's templates.")
    ] = "",
) -> None:
    """List the templates and their versions; the active one has a star."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, domains, templates

    wanted = domains.sending_name(domain) if domain else None
    with open_house(ask).reading() as conn:
        rows = templates.template_rows(conn, accounts.own_account(conn, ask.account), wanted)
    if ask.as_json:
        ask.output.lines(rows)
        return
    cells = [
        [
            row["name"],
            row["domain"] or "(all)",
            ", ".join(f"{tag}*" if tag == row["active"] else tag for tag in row["versions"]),
            when(row["created_at"]),
            row["id"],
        ]
        for row in rows
    ]
    ask.output.table(["TEMPLATE", "DOMAIN", "VERSIONS", "ADDED", "ID"], cells, "No templates yet.")


@command(app, "show")
def show(
    ask: Asked,
    name: Name,
    domain: DomainName = "",
    version: Version = "",
) -> None:
    """Print a version's texts: the active one, unless another is named."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, domains, templates
    from posthouse.store.templates import find

    with open_house(ask).reading() as conn:
        account_id = accounts.own_account(conn, ask.account)
        about = templates.load(conn, account_id, domains.sending_name(domain) if domain else "", name)
        found = find(conn, account_id, about.domain, about.id, version)
    if found is None:
        raise typer.TyperException(f"there is no version {visible(version)} of {visible(about.name)}")
    row = templates.version_row(found)
    if ask.as_json:
        ask.output.item(row, "")
        return
    state = "active" if row["is_active"] else "not active"
    ask.output.say(f"{visible(row['name'])}, version {visible(row['version'])}: {row['engine']}, {state}")
    for field, value in row["fields"].items():
        ask.output.say(f"{field}: {visible(value)}")
    for part in ("html", "text"):
        if row[part]:
            lines = row[part].splitlines()
            ask.output.say("\n".join(["", *(visible(line) for line in lines)]))


@command(app, "activate")
def activate(
    ask: Asked,
    name: Name,
    version: Annotated[str, typer.Option("--version", metavar="TAG", help="The version to use.")],
    domain: DomainName = "",
) -> None:
    """Use a version from now on."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, domains, templates

    with open_house(ask).writing() as conn:
        wanted = domains.sending_name(domain) if domain else ""
        about = templates.load(conn, accounts.own_account(conn, ask.account), wanted, name)
        templates.activate(conn, about, version)
    tag = version.lower()
    ask.output.item(
        {"name": about.name, "version": tag}, f"Version {tag} of template {visible(about.name)} is active."
    )


@command(app, "remove")
def remove(
    ask: Asked,
    name: Name,
    domain: DomainName = "",
    version: Annotated[
        str, typer.Option("--version", metavar="TAG", help="Only this version; not the active one.")
    ] = "",
) -> None:
    """Remove a template, or one version; mail that was accepted with it is still sent."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, domains, templates
    from posthouse.store import templates as stored

    with open_house(ask).writing() as conn:
        wanted = domains.sending_name(domain) if domain else ""
        about = templates.load(conn, accounts.own_account(conn, ask.account), wanted, name)
        if not version:
            stored.remove_template(conn, about.id)
        else:
            templates.remove_version(conn, about, version)
    what = f"version {version.lower()} of template {about.name}" if version else f"template {about.name}"
    ask.output.item({"removed": about.name, "version": version.lower()}, f"Removed {visible(what)}.")
