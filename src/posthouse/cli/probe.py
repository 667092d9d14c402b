"""`posthouse probe`: try an SMTP server as a program would, and say what went wrong."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from posthouse.cli.options import Asked
from posthouse.cli.output import Output, visible

if TYPE_CHECKING:
    from posthouse.cli.house import House
    from posthouse.desk.probes import Tested
    from posthouse.model.probe import ProbeEnd, ProbeLine, ProbeWish
    from posthouse.net.probe import Reach, Tell

PASSWORD = "POSTHOUSE_PROBE_PASSWORD"  # noqa: S105 (the name of a variable)
_WHO = {"C": "->", "S": "<-", "*": "**"}


def probe(
    ask: Asked,
    server: Annotated[
        str, typer.Argument(metavar="HOST[:PORT]", help="The server; default: this one, its first port.")
    ] = "",
    security: Annotated[
        str,
        typer.Option(
            "--security", metavar="WORD", help="none, starttls or tls; default: tls on 465, else starttls."
        ),
    ] = "",
    user: Annotated[str, typer.Option("--user", metavar="NAME", help="Sign in as this user.")] = "",
    password_file: Annotated[
        str, typer.Option("--password-file", metavar="FILE", help="Read the password from it; - for stdin.")
    ] = "",
    mechanism: Annotated[
        str, typer.Option("--mechanism", metavar="WORD", help="auto, plain, login or cram-md5.")
    ] = "auto",
    sender: Annotated[str, typer.Option("--from", metavar="ADDRESS", help="Sender of the message.")] = "",
    recipient: Annotated[str, typer.Option("--to", metavar="ADDRESS", help="Who gets the message.")] = "",
    any_certificate: Annotated[
        bool, typer.Option("--any-certificate", help="Go on although the certificate does not hold.")
    ] = False,
) -> None:
    """Try an SMTP server: connect, sign in, send one short message; without --to nothing is sent."""
    from posthouse.cli.house import open_house
    from posthouse.desk.probes import read_wish

    house = open_house(ask)
    reach = _reach(house)
    host, port = _place(house, server)
    given = {
        "host": host,
        "port": port,
        "security": security or _usual(house, port),
        "user": user,
        "password": _password(user, password_file),
        "mechanism": mechanism,
        "from": sender,
        "to": recipient,
        "only_sign_in": "" if recipient or sender else "yes",
        "any_certificate": "yes" if any_certificate else "",
    }
    wish = read_wish(given, reach)
    tested = _tested(ask, house, reach, wish)
    _show(ask.output, tested)
    if not tested.is_well:
        raise typer.Exit(1)


def _reach(house: House) -> Reach:
    """Everywhere: whoever has a shell goes where they like anyway."""
    from dataclasses import replace

    from posthouse.desk.probes import reach_of

    return replace(reach_of(house.settings), allows_private=True, ports=None)


def _place(house: House, server: str) -> tuple[str, str]:
    smtp = house.settings.smtp
    if not server:
        first = (*smtp.listen, *smtp.listen_tls)
        return smtp.hostname, str(first[0].port if first else 587)
    host, colon, port = server.rpartition(":")
    if not colon or "]" in port or (host.count(":") and not host.endswith("]")):
        return server, "587"  # a name, or an IPv6 address alone
    return host, port


def _usual(house: House, port: str) -> str:
    own = [str(endpoint.port) for endpoint in house.settings.smtp.listen_tls]
    return "tls" if port == "465" or port in own else "starttls"


def _password(user: str, file: str) -> str:
    """From the file, else the environment, else asked for; never from the command line, which others see."""
    from posthouse.cli.terms import read_secret

    if file:
        return read_secret(file)
    if not user:
        return ""
    return os.environ.get(PASSWORD) or str(typer.prompt("Password", hide_input=True, err=True))


def _tested(ask: Asked, house: House, reach: Reach, wish: ProbeWish) -> Tested:
    import asyncio

    from posthouse.desk import accounts, probes
    from posthouse.desk.probes import Tested

    lines: list[ProbeLine] = []

    def tell(line: ProbeLine) -> None:
        lines.append(line)
        ask.output.say(f"{line.at_ms:>6} {_WHO[line.who]} {visible(line.text)}")

    now = house.clock.now()
    end = asyncio.run(_run(house, reach, wish, tell))
    if not reach.own_address(wish.host, wish.port):
        return Tested(lines, end, probes.advice_for(wish, end, reach, house.settings, now))
    with house.reading() as conn:
        account_id = accounts.own_account(conn, ask.account)
        about = house.settings, reach, now, account_id
        return Tested(lines, end, probes.explained(conn, house.installation, *about, wish, end))


async def _run(house: House, reach: Reach, wish: ProbeWish, tell: Tell) -> ProbeEnd:
    from posthouse.desk.probes import test_letter
    from posthouse.net.lookup import Lookup
    from posthouse.net.probe import Prober

    settings, name = house.settings, house.settings.smtp.hostname
    lookup = Lookup([str(server) for server in settings.dns.servers], house.clock, lifetime_s=10.0)
    prober = Prober(reach, lookup, house.clock, name, settings.delivery.tls_ca)
    try:
        return await prober.run(wish, test_letter(wish, house.ids, house.clock.now(), name), tell)
    finally:
        await lookup.close()


def _show(output: Output, tested: Tested) -> None:
    from posthouse.desk.probes import tested_row

    output.say()
    output.item(tested_row(tested), "\n".join(visible(each.text) for each in tested.advice))
