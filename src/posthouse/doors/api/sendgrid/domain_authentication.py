"""Domain authentication: sending domains under the service's names (sendgrid.md 3.15).

The records are the same whatever `automatic_security` says: ours stand in the customer's own zone, so the
answers have the keys of the service's manual mode. The oldest domain counts as the default one; From
alone decides which domain signs.

Public: ENDPOINTS, oldest_first, result.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from posthouse.desk import claims, domain_checks, domains, verification
from posthouse.desk.domain_names import new_name
from posthouse.desk.verification import Findings
from posthouse.dialects.event_values import numbered_id
from posthouse.doors.api import sending_domains
from posthouse.doors.api.answers import NOTHING, Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.sendgrid.asked import find_flag, object_of, page_of, text_of
from posthouse.doors.api.sendgrid.phrases import not_found, said
from posthouse.model.account import Domain
from posthouse.rules.checks import Check
from posthouse.rules.records import Record, Sender, Use, needed
from posthouse.store import domain_keys, identity
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


def oldest_first(conn: Connection, call: Call) -> list[Domain]:
    """The account's domains of this region."""
    found = [domain for domain in identity.list_domains(conn, call.account_id) if call.is_here(domain)]
    return sorted(found, key=lambda each: (each.created_at, each.id))


def _named(conn: Connection, call: Call) -> tuple[Domain, Domain]:
    """The domain that the path names, and the default one; without an id that one. Raises Said, alike for
    another account's (S20)."""
    found = oldest_first(conn, call)
    wanted = call.params.get("id")
    for domain in found:
        if wanted in (None, str(_number(domain))):
            return domain, found[0]
    raise not_found()


# Showing


def _by_key(records: Sequence[Record]) -> dict[str, Record]:
    """The records to publish by the service's keys; several DKIM keys are `dkim`, `dkim2`, …"""
    found: dict[str, Record] = {}
    signing = 0
    for record in records:
        if record.use is Use.DKIM:
            signing += 1
            found["dkim" if signing == 1 else f"dkim{signing}"] = record
        elif record.use in _KEYS:
            found[_KEYS[record.use]] = record
    return found


def _all_shown(
    conn: Connection, call: Call, chosen: Sequence[Domain], default: Domain
) -> list[dict[str, Any]]:
    """`default`: the account's oldest one."""
    sender = domain_checks.sender_of(conn, call.parts.settings, call.account_id)
    return [_shown(conn, domain, sender, is_default=domain.id == default.id) for domain in chosen]


def _shown(conn: Connection, domain: Domain, sender: Sender, *, is_default: bool) -> dict[str, Any]:
    records = _by_key(needed(domain, domain_keys.keys_of(conn, domain.id), sender))
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
        "default": is_default,
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
        found = oldest_first(conn, call)
        chosen = [domain for domain in found if wanted in domain.name][offset : offset + limit]
        return _all_shown(conn, call, chosen, found[0]) if chosen else []

    return json_answer(await call.read(read))


async def _get(call: Call) -> Answer:
    return json_answer(await call.read(_one, call))


def _one(conn: Connection, call: Call) -> dict[str, Any]:
    domain, default = _named(conn, call)
    return _all_shown(conn, call, [domain], default)[0]


# Changing


async def _create(call: Call) -> Answer:
    given = await object_of(call)
    for name in ("default", "automatic_security", "custom_spf"):
        find_flag(given, name)
    name = call.about = new_name(text_of(given, "domain", 255))
    await call.read(claims.refuse_foreign, call.account_id, name, call.parts.installation)
    draft = await sending_domains.draft(call, name)

    def make(conn: Connection) -> dict[str, Any]:
        made = domains.create_for(conn, call.account_id, draft)
        return _all_shown(conn, call, [made], oldest_first(conn, call)[0])[0]

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
        domains.remove(conn, call.account_id, _named(conn, call)[0].name)

    return await call.write_once(lambda _: NOTHING, remove)


async def _validate(call: Call) -> Answer:
    """Looks at DNS now."""
    domain, _ = await call.read(_named, call)
    looked = await sending_domains.look(call, domain.name)
    checks = {check.record: check for check in looked.checks}
    results = {
        key: result(check)
        for key, record in _by_key(needed(looked.domain, looked.keys, looked.sender)).items()
        if (check := checks.get(record)) is not None
    }
    shown = {"id": _number(looked.domain), "valid": looked.is_verified, "validation_results": results}
    return json_answer(shown)


def result(check: Check) -> dict[str, Any]:
    """As the service tells of one record."""
    return {"valid": check.is_there, "reason": None if check.is_there else check.text}


_READ, _WRITE = "domains.read", "domains.write"
_DOMAINS = "/v3/whitelabel/domains"
ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", _DOMAINS, _READ, _list),
    Endpoint("POST", _DOMAINS, _WRITE, _create),
    Endpoint("GET", f"{_DOMAINS}/default", _READ, _get),
    Endpoint("GET", f"{_DOMAINS}/{{id}}", _READ, _get),
    Endpoint("PATCH", f"{_DOMAINS}/{{id}}", _WRITE, _change),
    Endpoint("DELETE", f"{_DOMAINS}/{{id}}", _WRITE, _remove),
    Endpoint("POST", f"{_DOMAINS}/{{id}}/validate", _WRITE, _validate),
)
