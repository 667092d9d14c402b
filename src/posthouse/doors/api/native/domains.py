"""Sending domains: what DNS says of their records, settings, and certificates of their links.

Public: ENDPOINTS.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from posthouse.desk import domain_checks, domains, verification
from posthouse.desk.domain_names import doubts, new_name
from posthouse.desk.domain_view import domain_row, domain_rows, record_row
from posthouse.doors.api import sending_domains
from posthouse.doors.api.answers import Answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.native.changing import once
from posthouse.doors.api.native.domain_settings import DomainSettingsRow, SettingsChange, change_settings
from posthouse.doors.api.native.endpoint import NativeEndpoint, Nothing, Page, many, one, reading, writing
from posthouse.doors.api.native.listing import Listing, page_of, part_of
from posthouse.doors.api.native.scope import bound_domain
from posthouse.mail.dkim import ED25519_SHA256, RSA_SHA256
from posthouse.model.account import DomainSettings
from posthouse.rules.checks import State
from posthouse.rules.records import Use, needed
from posthouse.store import identity
from posthouse.store.connection import Connection
from posthouse.store.parts import Part

Name = Annotated[str, Meta(min_length=1, max_length=255, examples=["example.com"])]


class CheckRow(Struct, frozen=True, kw_only=True):
    """What DNS has of a record. `text`: what that means and what to do."""

    use: Use
    kind: str
    name: str
    value: str
    is_required: bool
    state: State
    is_there: bool
    found: str
    text: str


class RecordRow(Struct, frozen=True, kw_only=True):
    """A record to publish. `host`: its name within the zone, as most panels want it."""

    use: Use
    purpose: str
    kind: str
    name: str
    value: str
    is_required: bool
    zone: str
    host: str


class DomainRow(Struct, frozen=True, kw_only=True):
    """A sending domain and what DNS said lately. `state` lost: still verified, but its record is gone."""

    name: str
    region: str
    state: Literal["verified", "lost", "unverified"]
    verified: bool
    verified_at: dt.datetime | None
    created_at: dt.datetime
    checked_at: dt.datetime | None
    next_look_at: dt.datetime | None
    lost_at: dt.datetime | None
    checks: list[CheckRow]
    settings: DomainSettingsRow


class WholeDomain(DomainRow, frozen=True, kw_only=True):
    """A domain with the records to publish. `doubt`: what may be wrong with its name, empty for nothing."""

    records: list[RecordRow]
    doubt: str


class NewDomain(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A domain to send for."""

    name: Name
    has_ed25519: Annotated[bool, Meta(description="An Ed25519 key beside the RSA key.")] = False
    is_sandbox: Annotated[
        bool, Meta(description="For trying out: sends at once, but only to authorised addresses.")
    ] = False
    claims: Annotated[bool, Meta(description="Another account has it; DNS shows that it is this one's.")] = (
        False
    )


class RecordChoice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the records are shown."""

    zone: Annotated[str, Meta(max_length=255, description="The zone they go into; empty: DNS is asked.")] = ""
    inbound: Annotated[bool, Meta(description="Also the MX record for mail to the domain.")] = False


class Verdict(Struct, frozen=True, kw_only=True):
    """What a look at DNS brought."""

    domain: str
    verified: bool
    next_look_at: dt.datetime
    records: list[CheckRow]


class RemovedDomain(Struct, frozen=True, kw_only=True):
    """It went with its keys, users and tokens."""

    removed: str


async def list_domains(call: Call, asked: Listing) -> Answer:
    rows = await call.read(_rows, call, part_of(asked))
    return page_of(DomainRow, rows, asked, lambda row: str(row["name"]))


def _rows(conn: Connection, call: Call, part: Part) -> list[dict[str, Any]]:
    own = bound_domain(call)
    if not own:
        return domain_rows(conn, call.account_id, part, call.parts.settings.region)
    found = identity.find_domain(conn, own)
    if found is None or found.name <= part.after or part.text.lower() not in found.name:
        return []
    return [domain_row(found, verification.last_findings(conn, found.id))]


async def add_domain(call: Call, asked: NewDomain) -> Answer:
    name = call.about = new_name(asked.name)

    async def work() -> Answer:
        # before keys are made for nothing
        is_proven = await sending_domains.may_add(call, name, claims_it=asked.claims)
        new = await sending_domains.draft(
            call,
            name,
            is_verified=asked.is_sandbox,
            settings=DomainSettings(is_sandbox=asked.is_sandbox),
            algorithms=(RSA_SHA256, ED25519_SHA256) if asked.has_ed25519 else (RSA_SHA256,),
        )
        await call.write(domains.create_for, call.account_id, new, is_proven=is_proven)
        return one(WholeDomain, 201)(await call.read(_whole, call, name))

    return await once(call, work)


async def show_domain(call: Call, asked: Nothing) -> Answer:
    return one(WholeDomain)(await call.read(_whole, call, call.domain.name))


def _whole(conn: Connection, call: Call, name: str) -> dict[str, Any]:
    domain, keys, sender = sending_domains.loaded(conn, call, name)
    found = verification.last_findings(conn, domain.id)
    rows = [record_row(record, domain.name) for record in needed(domain, keys, sender)]
    return domain_row(domain, found) | {"records": rows, "doubt": doubts(domain.name)}


async def change_domain(call: Call, asked: SettingsChange) -> Answer:
    return await call.write_once(one(DomainRow), _change, call, asked)


def _change(conn: Connection, call: Call, asked: SettingsChange) -> dict[str, Any]:
    domain = change_settings(conn, call.account_id, call.domain.name, asked)
    return domain_row(domain, verification.last_findings(conn, domain.id))


async def remove_domain(call: Call, asked: Nothing) -> Answer:
    return await call.write_once(
        lambda gone: one(RemovedDomain)({"removed": gone}), domains.remove, call.account_id, call.domain.name
    )


async def list_records(call: Call, asked: RecordChoice) -> Answer:
    domain, keys, sender = await call.read(sending_domains.loaded, call, call.domain.name)
    parts = call.parts
    zone = domain_checks.zone_given(asked.zone, domain.name)
    zone = zone or await domain_checks.find_zone(parts.settings, parts.clock, domain.name)
    wanted = needed(domain, keys, sender, is_inbound=asked.inbound)
    return many(RecordRow, [record_row(record, zone) for record in wanted])


async def check_domain(call: Call, asked: Nothing) -> Answer:
    async def work() -> Answer:
        looked = await sending_domains.look(call, call.domain.name)
        rows = [verification.as_row(check) for check in looked.checks]
        shown = {"domain": looked.domain.name, "verified": looked.is_verified, "next_look_at": looked.next_at}
        return one(Verdict)(shown | {"records": rows})

    return await once(call, work)


_READ, _WRITE = "domains.read", "domains.write"
_TOPIC: dict[str, Any] = {"topic": "Domains"}
ENDPOINTS: tuple[NativeEndpoint, ...] = (
    reading("/domains", _READ, list_domains, "List domains", **_TOPIC, asks=Listing, gives=Page[DomainRow],
            is_for_domains=True),
    writing("POST", "/domains", _WRITE, add_domain, "Add a domain", **_TOPIC, asks=NewDomain,
            text="Makes its DKIM keys and tells the DNS records to publish.", gives=WholeDomain, status=201),
    reading("/domains/{domain}", _READ, show_domain, "Show a domain", **_TOPIC, gives=WholeDomain),
    writing("PATCH", "/domains/{domain}", _WRITE, change_domain, "Change a domain's settings", **_TOPIC,
            asks=SettingsChange, gives=DomainRow),
    writing("DELETE", "/domains/{domain}", _WRITE, remove_domain, "Remove a domain", **_TOPIC,
            text="Mail that is queued is still sent, unsigned.", gives=RemovedDomain),
    reading("/domains/{domain}/records", _READ, list_records, "List the records to publish", **_TOPIC,
            asks=RecordChoice, gives=Page[RecordRow]),
    writing("POST", "/domains/{domain}/check", _WRITE, check_domain, "Look the records up now", **_TOPIC,
            text="Once the DKIM record is there, the domain may send.", gives=Verdict),
)  # fmt: skip
