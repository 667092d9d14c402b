"""Link branding: the one host that tracked links of a domain lead through (sendgrid.md 3.15).

It comes and goes with its domain, so to make one is to be shown it, and to remove one is refused.

Public: ENDPOINTS.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from posthouse.desk import domain_checks, verification
from posthouse.dialects.event_values import numbered_id
from posthouse.doors.api import sending_domains
from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.sendgrid.asked import find_flag, object_of, text_of
from posthouse.doors.api.sendgrid.domain_authentication import oldest_first, result
from posthouse.doors.api.sendgrid.phrases import not_found, said
from posthouse.model.account import Domain
from posthouse.rules.records import Use, needed
from posthouse.store import domain_keys
from posthouse.store.connection import Connection

_ID_BITS = 31


def _number(domain: Domain) -> int:
    return numbered_id(f"link {domain.id}", _ID_BITS)


def _all(conn: Connection, call: Call) -> Iterator[dict[str, Any]]:
    """Of the domains that have a host of their own, the oldest domain's first, which is the default."""
    is_default = True
    for domain in oldest_first(conn, call):
        row = _row(conn, call, domain)
        if row is not None:
            yield row | {"default": is_default}
            is_default = False


def _row(conn: Connection, call: Call, domain: Domain) -> dict[str, Any] | None:
    sender = domain_checks.sender_of(conn, call.parts.settings, call.account_id)
    keys = domain_keys.keys_of(conn, domain.id)
    record = next((each for each in needed(domain, keys, sender) if each.use is Use.TRACKING), None)
    if record is None:
        return None
    looked = verification.last_findings(conn, domain.id)
    rows = looked.records if looked else []
    is_there = any(row["name"] == record.name and row["is_there"] for row in rows)
    target = {"type": "cname", "host": record.name, "data": record.value.rstrip(".")}
    return {
        "id": _number(domain),
        "user_id": numbered_id(domain.account_id, _ID_BITS),
        "domain": domain.name,
        "subdomain": record.name.partition(".")[0],
        "username": "",
        "default": False,
        "legacy": False,
        "valid": is_there,
        "dns": {"domain_cname": {"valid": is_there, **target}},
    }


def _listed(conn: Connection, call: Call) -> list[dict[str, Any]]:
    return list(_all(conn, call))


async def _list(call: Call) -> Answer:
    return json_answer(await call.read(_listed, call))


async def _get(call: Call) -> Answer:
    return json_answer(await call.read(_one, call))


async def _create(call: Call) -> Answer:
    name = text_of(await object_of(call), "domain", 255).strip().lower()
    if (link := await call.read(_of_domain, call, name)) is not None:
        return json_answer(link, 201)
    raise said("authenticate the domain first: its links lead through a host of its own then", field="domain")


async def _change(call: Call) -> Answer:
    """Only the default can be asked for, and that is the oldest domain's. Raises Said."""
    given = await object_of(call)
    is_default = find_flag(given, "default")
    link = await call.read(_one, call)
    if is_default is not None and is_default != link["default"]:
        text = "each domain's links lead through its own host; the oldest one is shown as default"
        raise said(text, field="default")
    return json_answer(link)


async def _remove(call: Call) -> Answer:
    link = await call.read(_one, call)
    raise said(f"the host goes with its domain: remove {link['domain']}, or switch tracking off for it")


async def _validate(call: Call) -> Answer:
    """Looks at DNS now, at all records of the domain."""
    link = await call.read(_one, call)
    looked = await sending_domains.look(call, link["domain"])
    check = next((each for each in looked.checks if each.record.use is Use.TRACKING), None)
    if check is None:
        raise not_found()
    results = {"domain_cname": result(check)}
    return json_answer({"id": link["id"], "valid": check.is_there, "validation_results": results})


def _of_domain(conn: Connection, call: Call, name: str) -> dict[str, Any] | None:
    for domain in oldest_first(conn, call):
        if domain.name == name and (row := _row(conn, call, domain)) is not None:
            return row | {"default": _is_first(conn, call, row)}
    return None


def _one(conn: Connection, call: Call) -> dict[str, Any]:
    """The link that the path names; without an id the first. Raises Said, alike for another account's
    (S20)."""
    wanted = call.params.get("id")
    if wanted is None:
        found = next(_all(conn, call), None)
    else:
        domains = oldest_first(conn, call)
        names = [domain.name for domain in domains if str(_number(domain)) == wanted]
        found = _of_domain(conn, call, names[0]) if names else None
    if found is None:
        raise not_found()
    return found


def _is_first(conn: Connection, call: Call, row: dict[str, Any]) -> bool:
    first = next(_all(conn, call), None)
    return first is not None and first["id"] == row["id"]


_LINKS = "/v3/whitelabel/links"
ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", _LINKS, "domains.read", _list),
    Endpoint("POST", _LINKS, "domains.write", _create),
    Endpoint("GET", f"{_LINKS}/default", "domains.read", _get),
    Endpoint("GET", f"{_LINKS}/{{id}}", "domains.read", _get),
    Endpoint("PATCH", f"{_LINKS}/{{id}}", "domains.write", _change),
    Endpoint("DELETE", f"{_LINKS}/{{id}}", "domains.write", _remove),
    Endpoint("POST", f"{_LINKS}/{{id}}/validate", "domains.write", _validate),
)
