"""`posthouse trust DOMAIN`: what MTA-STS and DANE demand of mail to a domain."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from posthouse.cli.options import Asked
from posthouse.cli.output import Output, visible, when
from posthouse.model.errors import SettingsError

if TYPE_CHECKING:
    from posthouse.cli.house import House
    from posthouse.model.trust import StsPolicy
    from posthouse.pipeline.trust_report import TrustReport


def trust(
    ask: Asked,
    domain: Annotated[str, typer.Argument(metavar="DOMAIN", help="A recipient's domain.")],
) -> None:
    """Tell what a recipient domain demands of TLS (MTA-STS, DANE) and what the next attempt would require."""
    from posthouse.cli.house import open_house
    from posthouse.model.address import BadAddress, ascii_domain
    from posthouse.net.lookup import DnsTrouble
    from posthouse.pipeline.site_rules import site_rules
    from posthouse.pipeline.trust_report import trust_report

    house = open_house(ask)
    try:
        name = ascii_domain(domain.removesuffix("."))
    except BadAddress as error:
        raise typer.TyperException(f"{visible(domain)} is not a domain: {error}") from error
    rules = site_rules(house.settings)
    try:
        report = asyncio.run(trust_report(house.settings, rules, house.clock, _Shelf(house), name))
    except DnsTrouble as trouble:
        raise typer.TyperException(trouble.text) from trouble
    if ask.as_json:
        ask.output.item(asdict(report), "")
    else:
        _print_report(ask.output, report)


class _Shelf:
    """What the running workers keep, to look at only."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def load(self, domain: str) -> StsPolicy | None:
        from posthouse.store.trust import find_policy

        try:
            with self._house.reading() as conn:
                return find_policy(conn, domain)
        except SettingsError:  # there is no store yet
            return None

    async def save(self, policy: StsPolicy) -> None:
        return None


def _print_report(output: Output, report: TrustReport) -> None:
    from posthouse.pipeline.trust_report import dane_words, policy_words, sts_words

    output.say(f"SITE      {visible(report.site)}")
    output.say(f"MTA-STS   {visible(sts_words(report))}")
    if report.kept is not None:
        kept = f"{visible(policy_words(report.kept))}, until {when(report.kept.expires_at)}"
        output.say(f"          kept here: {kept}")
    output.say(f"DANE      {dane_words(report)}\n")
    rows = []
    for host in report.hosts:
        rows.append([host.name, "; ".join(host.tlsa) or "-", host.next_attempt])
    output.table(["HOST", "TLSA", "NEXT ATTEMPT"], rows, "No hosts.")
