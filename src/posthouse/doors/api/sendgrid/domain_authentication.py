"""Domain authentication: sending domains under the service's names (sendgrid.md 3.15).

The records are the same whatever `automatic_security` says: ours stand in the customer's own zone, so the
answers have the keys of the service's manual mode. The oldest domain counts as the default one; From
alone decides which domain signs.

Public: ENDPOINTS.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from posthouse.desk import claims, domain_checks, domains, verification
from posthouse.desk.domain_names import new_name
from posthouse.desk.verification import Findings
from posthouse.dialects.event_values import numbered_id
from posthouse.doors.api.answers import NOTHING, Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.sendgrid.asked import find_flag, object_of, page_of, text_of
from posthouse.doors.api.sendgrid.dns_look import look, result
from posthouse.doors.api.sendgrid.phrases import said
from posthouse.model.account import Domain
from posthouse.model.clock import Ids
from posthouse.rules.records import Record, Use, needed
from posthouse.store import identity
from posthouse.store.connection import Connection

_KEYS = {
    Use.RETURN_MX: "mail_server",
    Use.RETURN_SPF: "subdomain_spf",
    Use.SPF: "domain_spf",
    Use.DMARC: "dmarc",
}
_ID_BITS = 31
_MOST = 500


def _number(domain: Domain) -> int:
    return numbered_id(domain.id, _ID_BITS)


def _all(conn: Connection, account_id: str) -> list[Domain]:
    """Oldest first."""
    return sorted(identity.list_domains(conn, account_id), key=lambda each: (each.created_at, each.id))


def _loaded(conn: Connection, call: Call) -> Domain:
    """The domain that the path names. Raises Said, alike for another account's (S20)."""
    text = call.params["id"]
    for domain in _all(conn, call.account_id):
        if text == str(_number(domain)):
            return domain
    raise said("resource not found", 404)


# Showing


def _records(conn: Connection, call: Call, domain: Domain) -> dict[str, Record]:
    """The records to publish by the service's keys; several DKIM keys are `dkim`, `dkim2`, …"""
    keys = domains.load(conn, call.account_id, domain.name)[1]
    sender = domain_checks.sender_of(conn, call.parts.settings, call.account_id)
    return _by_key(needed(domain, keys, sender))


def _by_key(records: Sequence[Record]) -> dict[str, Record]:
    found: dict[str, Record] = {}
    signing = 0
    for record in records:
        if record.use is Use.DKIM:
            signing += 1
            found["dkim" if signing == 1 else f"dkim{signing}"] = record
        elif record.use in _KEYS:
            found[_KEYS[record.use]] = record
    return found


def _shown(conn: Connection, call: Call, domain: Domain, default_id: str) -> dict[str, Any]:
    records = _records(conn, call, domain)
    looked = verification.last_findings(conn, domain.id)
    there = _there(looked)
    dns = {
        key: {
            "valid": (record.kind, record.name, record.value) in there,
            "type": record.kind.lower(),
            "host": record.name,
            "data": _data(record),
        }
        for key, record in records.items()
    }
    return {
        "id": _number(domain),
        "user_id": numbered_id(domain.account_id, _ID_BITS),
        "subdomain": records["mail_server"].name.partition(".")[0],
        "domain": domain.name,
        "username": "",
        "ips": [],
        "custom_spf": True,
        "default": domain.id == default_id,
        "legacy": False,
        "automatic_security": False,
        "valid": domain.verified_at is not None,
        "dns": dns,
        "last_validation_attempt_at": int(looked.checked_at) if looked else 0,
    }


def _there(looked: Findings | None) -> set[tuple[str, str, str]]:
    rows = looked.records if looked else []
    return {(row["kind"], row["name"], row["value"]) for row in rows if row["is_there"]}


def _data(record: Record) -> str:
    return record.value.split()[-1].rstrip(".") if record.kind == "MX" else record.value


async def _list(call: Call) -> Answer:
    limit, offset = page_of(call, 50, _MOST)
    wanted = call.query.get("domain", "").strip().lower()

    def read(conn: Connection) -> list[dict[str, Any]]:
        found = _all(conn, call.account_id)
        default_id = found[0].id if found else ""
        chosen = [domain for domain in found if wanted in domain.name][offset : offset + limit]
        return [_shown(conn, call, domain, default_id) for domain in chosen]

    return json_answer(await call.read(read))


async def _get(call: Call) -> Answer:
    return json_answer(await call.read(_one, call))


def _one(conn: Connection, call: Call) -> dict[str, Any]:
    domain = _loaded(conn, call)
    return _shown(conn, call, domain, _all(conn, call.account_id)[0].id)


async def _get_default(call: Call) -> Answer:
    def read(conn: Connection) -> dict[str, Any]:
        found = _all(conn, call.account_id)
        if not found:
            raise said("resource not found", 404)
        return _shown(conn, call, found[0], found[0].id)

    return json_answer(await call.read(read))


# Changing


async def _create(call: Call) -> Answer:
    given = await object_of(call)
    for name in ("default", "automatic_security", "custom_spf"):
        find_flag(given, name)
    name = new_name(text_of(given, "domain", 255))
    parts = call.parts
    await call.read(claims.refuse_foreign, call.account_id, name, parts.installation)
    draft = await asyncio.to_thread(
        domains.draft,
        parts.installation,
        Ids(parts.clock),
        call.now,
        name=name,
        region=parts.settings.region,
    )

    def make(conn: Connection) -> dict[str, Any]:
        made = domains.create_for(conn, call.account_id, draft)
        return _shown(conn, call, made, _all(conn, call.account_id)[0].id)

    return await call.write_once(lambda shown: json_answer(shown, 201), make)


async def _change(call: Call) -> Answer:
    """Of what can be asked for nothing differs here; what would be untrue afterwards is refused."""
    given = await object_of(call)
    is_default = find_flag(given, "default")
    find_flag(given, "custom_spf")
    shown = await call.read(_one, call)
    if is_default is not None and is_default != shown["default"]:
        raise said(
            "the domain of the from address signs; the oldest one is shown as default", field="default"
        )
    return json_answer(shown)


async def _remove(call: Call) -> Answer:
    def remove(conn: Connection) -> None:
        domains.remove(conn, call.account_id, _loaded(conn, call).name)

    return await call.write_once(lambda _: NOTHING, remove)


async def _validate(call: Call) -> Answer:
    """Looks at DNS now."""
    looked = await look(call, _loaded)
    results = {
        key: result(check)
        for key, record in _by_key(looked.records).items()
        if (check := looked.checks.get(record)) is not None
    }
    shown = {"id": _number(looked.domain), "valid": looked.is_verified, "validation_results": results}
    return json_answer(shown)


_READ, _WRITE = "domains.read", "domains.write"
_DOMAINS = "/v3/whitelabel/domains"
ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", _DOMAINS, _READ, _list),
    Endpoint("POST", _DOMAINS, _WRITE, _create),
    Endpoint("GET", f"{_DOMAINS}/default", _READ, _get_default),
    Endpoint("GET", f"{_DOMAINS}/{{id}}", _READ, _get),
    Endpoint("PATCH", f"{_DOMAINS}/{{id}}", _WRITE, _change),
    Endpoint("DELETE", f"{_DOMAINS}/{{id}}", _WRITE, _remove),
    Endpoint("POST", f"{_DOMAINS}/{{id}}/validate", _WRITE, _validate),
)
