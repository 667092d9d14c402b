"""`/domains/{name}`: its records and what DNS has of them, whom a sandbox writes to, its settings, its end.

The page asks for the table of records every few seconds and gets what was found at the last look. While one
is missing, looks are made soon (`store.domain_checks.hasten`), by the worker as always.

Public: PAGES, PATH, load.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from starlette.responses import Response

from posthouse.desk import domain_checks, domain_settings, domains, verification
from posthouse.desk.domain_view import domain_row, record_row
from posthouse.desk.verification import Findings
from posthouse.doors.api import sending_domains
from posthouse.doors.web.dashboard.page import Page, Work
from posthouse.doors.web.dashboard.settings_form import DOMAIN_GROUPS, pairs_of
from posthouse.doors.web.dashboard.visit import Visit
from posthouse.doors.web.forms import FormTrouble
from posthouse.model.account import Domain, DomainKey
from posthouse.model.errors import Refused
from posthouse.rules.records import Record, Sender, needed, zone_file
from posthouse.store import domain_checks as checks_store
from posthouse.store.connection import Connection

PATH = "/domains/{name}"
LIST = "/domains"
SOON_S = 30.0
"""While somebody watches records that are missing, DNS is asked this often."""


class Loaded(NamedTuple):
    domain: Domain
    keys: Sequence[DomainKey]
    sender: Sender
    found: Findings | None


async def load(visit: Visit) -> Loaded:
    """The domain that the address names. Raises FormTrouble (404), for another account's too (S20)."""
    try:
        return await visit.read(_loaded, visit, visit.param("name"))
    except Refused as refused:
        raise FormTrouble(404, "There is no such domain here.") from refused


def _loaded(conn: Connection, visit: Visit, name: str) -> Loaded:
    domain, keys = domains.load(conn, visit.account_id, name)
    sender = domain_checks.sender_of(conn, visit.parts.settings, visit.account_id)
    return Loaded(domain, keys, sender, verification.last_findings(conn, domain.id))


# Its records


async def _look(visit: Visit) -> Response:
    loaded = await load(visit)
    wanted = needed(loaded.domain, loaded.keys, loaded.sender)
    return visit.page(
        "domain.html",
        loaded.domain.name,
        row=domain_row(loaded.domain, loaded.found),
        records=_rows(wanted, loaded),
        zone_file=zone_file(wanted, loaded.domain.name),
        poll=_poll(visit, loaded),
        domain=loaded.domain,
    )


async def _records(visit: Visit) -> Response:
    """The table of records, or 204: it is the one that the page has."""
    loaded = await load(visit)
    if visit.query("look") and visit.may("domains.write") and not _is_all_there(loaded.found):
        await visit.write(checks_store.hasten, loaded.domain.id, visit.now - SOON_S + 1, visit.now)
    if visit.query("seen") == _seen(loaded.found):
        return Response(status_code=204)
    wanted = needed(loaded.domain, loaded.keys, loaded.sender)
    return visit.fragment(
        "_records.html",
        row=domain_row(loaded.domain, loaded.found),
        records=_rows(wanted, loaded),
        poll=_poll(visit, loaded),
    )


def _poll(visit: Visit, loaded: Loaded) -> str:
    return f"{visit.at('/domains/{}/records', loaded.domain.name)}?seen={_seen(loaded.found)}"


def _seen(found: Findings | None) -> str:
    return str(found.checked_at) if found else "never"


def _is_all_there(found: Findings | None) -> bool:
    return found is not None and all(row["is_there"] for row in found.records)


def _rows(wanted: Sequence[Record], loaded: Loaded) -> list[dict[str, Any]]:
    """The records to publish, each with `check`: what was found of it, None: nobody has looked."""
    checks = {
        (check["use"], check["name"], check["value"]): check
        for check in (loaded.found.records if loaded.found else [])
    }
    rows = []
    for record in wanted:
        row = record_row(record, loaded.domain.name)
        rows.append(row | {"check": checks.get((record.use.value, record.name, record.value))})
    return rows


async def _ask(visit: Visit) -> str:
    loaded = await load(visit)
    looked = await sending_domains.look(visit, loaded.domain.name)
    there = sum(check.is_there for check in looked.checks)
    state = "verified" if looked.is_verified else "not verified yet"
    return (
        f"DNS was asked: {there} of {len(looked.checks)} records are there; {looked.domain.name} is {state}."
    )


# Whom a sandbox may write to


async def _authorise(visit: Visit) -> str:
    address = visit.field("address")
    await _changed(visit, lambda settings: domain_settings.authorised(settings, address))
    return f"{address} gets mail of this sandbox now."


async def _unauthorise(visit: Visit) -> str:
    address = visit.field("address")
    await _changed(visit, lambda settings: domain_settings.unauthorised(settings, address))
    return f"{address} gets no mail of this sandbox any more."


async def _changed(visit: Visit, change: Any) -> None:
    await visit.write(domains.change_settings, visit.account_id, visit.param("name"), change)


# Its settings and its end


async def _settings(visit: Visit) -> Response:
    loaded = await load(visit)
    return visit.page(
        "domain_settings.html",
        f"Settings of {loaded.domain.name}",
        domain=loaded.domain,
        groups=DOMAIN_GROUPS,
        values=domain_settings.shown(loaded.domain.settings),
    )


async def _save(visit: Visit) -> Response:
    loaded = await load(visit)
    pairs = pairs_of(visit, DOMAIN_GROUPS, domain_settings.shown(loaded.domain.settings))
    if pairs:
        await _changed(visit, lambda settings: domain_settings.changed(settings, pairs))
    said = "The settings are saved." if pairs else "Nothing was changed."
    return visit.go(visit.at("/domains/{}/settings", loaded.domain.name), said)


async def _remove(visit: Visit) -> Response:
    await load(visit)
    gone = await visit.write(domains.remove, visit.account_id, visit.param("name"))
    return visit.go(visit.at(LIST), f"{gone} is removed with its keys, users and tokens.")


PAGES = (
    Page(
        PATH,
        "domains.read",
        _look,
        {
            "look": Work("domains.write", _ask),
            "authorise": Work("domains.write", _authorise),
            "unauthorise": Work("domains.write", _unauthorise),
            "remove": Work("domains.write", _remove),
        },
    ),
    Page(f"{PATH}/records", "domains.read", _records),
    Page(
        f"{PATH}/settings",
        "domains.read",
        _settings,
        {"save": Work("domains.write", _save)},
        most_bytes=128 * 1024,
        most_fields=60,
    ),
)
