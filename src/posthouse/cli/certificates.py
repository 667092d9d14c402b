"""`posthouse domain certificate` and `posthouse domain certificates`: TLS at the hosts of links."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from posthouse.cli.names import domain_names
from posthouse.cli.options import Asked
from posthouse.cli.output import when

if TYPE_CHECKING:
    from posthouse.cli.house import House

Name = Annotated[
    str,
    typer.Argument(metavar="NAME", autocompletion=domain_names, help="Domain name, such as example.com."),
]


def certificate(
    ask: Asked,
    name: Name,
    cert: Annotated[
        str, typer.Option("--cert", metavar="FILE", help="Certificate chain (PEM), the host's own first.")
    ] = "",
    key: Annotated[
        str, typer.Option("--key", metavar="FILE", help="Its private key (PEM, without passphrase).")
    ] = "",
    remove: Annotated[bool, typer.Option("--remove", help="Take the domain's certificate away.")] = False,
) -> None:
    """Install a certificate of its own for the tracking host of a domain, or replace or remove it."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, tracking_certificates
    from posthouse.model.errors import Refused

    house = open_house(ask)
    if remove == bool(cert or key) or bool(cert) != bool(key):
        text = "Give --cert and --key, both, or --remove alone"
        raise Refused(501, "5.5.4", text, reason="bad-options")
    if remove:
        with house.writing() as conn:
            gone = tracking_certificates.remove(conn, accounts.own_account(conn, ask.account), name)
        ask.output.item({"removed": gone}, f"The links of {gone} have no certificate of their own any more.")
        return
    files = _read(cert), _read(key)
    with house.reading() as conn:  # first of all: is it a domain of the account?
        tracking_certificates.load_host(conn, accounts.own_account(conn, ask.account), name)
    _install(ask, house, name, *files)


def _install(ask: Asked, house: House, name: str, chain: bytes, key: bytes) -> None:
    from posthouse.desk import accounts, tracking_certificates
    from posthouse.desk.certificate_pairs import read_pair
    from posthouse.wiring.ground import shared_hosts

    now = house.clock.now()
    pair = read_pair(chain, key, now)
    with house.writing() as conn:
        new = tracking_certificates.install(
            conn,
            house.installation,
            now,
            account_id=accounts.own_account(conn, ask.account),
            name=name,
            pair=pair,
            shared_hosts=shared_hosts(house.settings),
        )
    row = tracking_certificates.shown(new, now)
    ask.output.item(row, f"{new.host} shows this certificate, until {when(new.expires_at)}.")
    if not house.settings.http.listen_tls:
        print("posthouse: no port speaks TLS yet; set http.listen_tls", file=sys.stderr)
    _warn(row)


def certificates(ask: Asked) -> None:
    """List the certificates of tracking hosts and how long they last."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, tracking_certificates

    house = open_house(ask)
    with house.reading() as conn:
        found = tracking_certificates.listing(conn, accounts.scope(conn, ask.account) or None)
    rows = [tracking_certificates.shown(item, house.clock.now()) for item in found]
    if ask.as_json:
        ask.output.lines(rows)
    else:
        cells = [
            [row["host"], when(row["expires_at"]), str(row["days_left"]), ", ".join(row["names"])]
            for row in rows
        ]
        ask.output.table(["HOST", "EXPIRES", "DAYS LEFT", "NAMES"], cells, "No certificates yet.")
    for row in rows:
        _warn(row)


def _warn(row: dict[str, Any]) -> None:
    from posthouse.desk.tracking_certificates import WARN_DAYS

    if row["days_left"] < 0:
        print(f"posthouse: the certificate of {row['host']} has expired", file=sys.stderr)
    elif row["days_left"] < WARN_DAYS:
        print(f"posthouse: the certificate of {row['host']} ends in {row['days_left']} days", file=sys.stderr)


def _read(file: str) -> bytes:
    """A little more than may be taken, so that too much is seen. Raises SettingsError."""
    from posthouse.model.errors import SettingsError

    try:
        with Path(file).open("rb") as stream:
            return stream.read(64 * 1024 + 1)
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read: {error.strerror}") from error
