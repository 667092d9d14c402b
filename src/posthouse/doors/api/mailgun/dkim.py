"""Mailgun's calls about DKIM keys: of all domains (v1), of one (v4), and the selector of the one that signs.

A key that comes along or is made stands by until it is activated; with `dkim_selector` the domain signs with
the key at that selector, which is made where there is none.

Public: ENDPOINTS.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

from posthouse.desk import domain_keys, domains, key_states, verification
from posthouse.desk.domain_names import sending_name
from posthouse.desk.verification import Findings
from posthouse.doors.api import sending_domains
from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.bodies import Form
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.mailgun.asked import fields_of, most_of, required, whole
from posthouse.doors.api.mailgun.domain_shapes import record_shown
from posthouse.doors.api.mailgun.domains import both
from posthouse.doors.api.mailgun.paging import numbered, skip_of
from posthouse.doors.api.mailgun.phrases import said
from posthouse.model.account import Domain, DomainKey
from posthouse.model.clock import Ids
from posthouse.model.errors import Refused
from posthouse.rules.records import dkim_record
from posthouse.store import domain_keys as stored
from posthouse.store import identity
from posthouse.store.connection import Connection

_READ, _WRITE = "domains.read", "domains.write"
_ACCOUNT_KEYS = "/v1/dkim/keys"
_KEYS = "/v4/domains/{domain}/keys"
_MOST = 100
_NOT_FOUND = "domain key not found"

_Row = tuple[Domain, DomainKey, Findings | None]


def _shown(row: _Row) -> dict[str, Any]:
    domain, key, findings = row
    record = record_shown(dkim_record(domain, key), findings, is_active=key.is_active)
    return {"signing_domain": domain.name, "selector": key.selector, "dns_record": record}


# Of all domains


async def _list(call: Call) -> Answer:
    form = await fields_of(call)
    rows: list[_Row] = await call.read(_rows, call)
    name, selector = form.get("signing_domain").strip().lower(), form.get("selector").strip().lower()
    chosen = [row for row in rows if name in ("", row[0].name) and selector in ("", row[1].selector)]
    most = most_of(form, 10, _MOST)
    skip = skip_of(form)
    kept = {name: form.get(name) for name in ("signing_domain", "selector") if form.get(name)}
    items = [_shown(row) for row in chosen[skip : skip + most]]
    return json_answer({"items": items, "paging": numbered(call, kept, skip, most, len(chosen))})


def _rows(conn: Connection, call: Call) -> list[_Row]:
    """Every key of the account's domains here with its domain, by domain and selector."""
    looks = verification.all_findings(conn, call.account_id)
    return [
        (domain, key, looks.get(domain.id))
        for domain in identity.list_domains(conn, call.account_id)
        if call.is_here(domain)
        for key in sorted(stored.keys_of(conn, domain.id), key=lambda key: key.selector)
    ]


async def _create(call: Call) -> Answer:
    form = await fields_of(call)
    domain = await _domain(call, form)
    selector = domain_keys.selector_name(required(form, "selector"), domain.name)
    if whole(form.get("bits"), "bits", 2048) not in (1024, 2048):
        raise said("Invalid bits: use 1024 or 2048; keys that are made here have 2048")
    pem = _pem(form)
    key = await _made(call, domain, selector, pem)
    await call.write(_add, call.account_id, domain.name, key)
    return json_answer(_shown((domain, key, None)))


def _pem(form: Form) -> bytes:
    """A private key that comes along, b"" for none."""
    files = [file.content for file in form.files if file.name == "pem"]
    return files[0] if files else form.get("pem").encode()


async def _made(call: Call, domain: Domain, selector: str, pem: bytes = b"") -> DomainKey:
    """A key that stands by. Raises Refused."""
    parts = call.parts
    ids = Ids(parts.clock)  # of its own: another thread uses it
    if pem.strip():
        bring = partial(domain_keys.bring, selector=selector, data=pem)
        key, _ = await asyncio.to_thread(bring, parts.installation, ids, call.now, domain.id)
        return key
    make = partial(domain_keys.make, selector=selector)
    return await asyncio.to_thread(make, parts.installation, ids, call.now, domain.id)


def _add(conn: Connection, account_id: str, name: str, key: DomainKey) -> None:
    domain_keys.add(conn, domains.load(conn, account_id, name)[0], key)


async def _delete(call: Call) -> Answer:
    form = await fields_of(call)
    domain = await _domain(call, form)
    selector = required(form, "selector")
    expire_s = call.parts.settings.delivery.expire_s

    def answer(_: DomainKey) -> Answer:
        return json_answer({"message": "success"})

    about = (call.account_id, domain.name, selector, call.now, expire_s)
    return await call.write_once(answer, _remove, *about)


def _remove(
    conn: Connection, account_id: str, name: str, selector: str, now: float, expire_s: float
) -> DomainKey:
    domain, keys = domains.load(conn, account_id, name)
    key = _load(keys, domain, selector)
    if key.is_active:
        raise said("cannot delete domain key: must have at least one active domain key")
    return key_states.remove(conn, domain, key.selector, now, expire_s)


def _load(keys: Sequence[DomainKey], domain: Domain, selector: str) -> DomainKey:
    try:
        return domain_keys.load_key_at(keys, domain, selector)
    except Refused as refused:
        raise said(_NOT_FOUND, 404) from refused


async def _domain(call: Call, form: Form) -> Domain:
    name = sending_name(required(form, "signing_domain"))
    return (await call.read(domains.load, call.account_id, name))[0]


# Of one domain


async def _list_of_domain(call: Call) -> Answer:
    rows: list[_Row] = await call.read(_rows, call)
    items = [_shown(row) for row in rows if row[0].id == call.domain.id]
    return json_answer({"items": items})


async def _activate(call: Call) -> Answer:
    """Sign with that key, once DNS shows its record; the one that signed until now retires."""
    _, keys = await call.read(domains.load, call.account_id, call.domain.name)
    key = _load(keys, call.domain, call.params["selector"])
    if not key.is_active:
        await _refuse_unpublished(call, key)
        await call.write(_switch, call.account_id, call.domain.name, key.selector, call.now)
    return _state(call, key.selector, "domain key activated", is_active=True)


async def _refuse_unpublished(call: Call, key: DomainKey) -> None:
    try:
        await sending_domains.refuse_unpublished(call, call.domain, [key])
    except Refused as refused:
        what = refused.text.partition(". Publish its record")[0]
        raise said(f"domain key DNS record is not valid: {what}") from refused


def _switch(conn: Connection, account_id: str, name: str, selector: str, now: float) -> None:
    domain, _ = domains.load(conn, account_id, name)
    key_states.activate(conn, domain, selector, now)


async def _deactivate(call: Call) -> Answer:
    await call.write(_retire, call.account_id, call.domain.name, call.params["selector"], call.now)
    return _state(call, call.params["selector"].lower(), "domain key deactivated", is_active=False)


def _retire(conn: Connection, account_id: str, name: str, selector: str, now: float) -> None:
    domain, keys = domains.load(conn, account_id, name)
    key = _load(keys, domain, selector)
    if not key.is_active:
        return
    try:
        key_states.retire(conn, domain, key.selector, now)
    except Refused as refused:
        if refused.reason != "last-key":
            raise
        raise said("cannot deactivate domain key: must have at least one active domain key") from refused


def _state(call: Call, selector: str, message: str, *, is_active: bool) -> Answer:
    told = {"message": message, "authority": call.domain.name, "selector": selector, "active": is_active}
    return json_answer(told)


async def _put_selector(call: Call) -> Answer:
    """The key at that selector signs from now on; a fresh one is made where there is none."""
    form = await fields_of(call)
    selector = domain_keys.selector_name(required(form, "dkim_selector"), call.domain.name)
    domain, keys = await call.read(domains.load, call.account_id, call.domain.name)
    key = next((key for key in keys if key.selector == selector), None)
    if key is None:
        key = await _made(call, domain, selector)
        await call.write(_add, call.account_id, domain.name, key)
    if not key.is_active:
        if domain.verified_at is not None:  # its mail must go on to verify
            await _refuse_unpublished(call, key)
        await call.write(_switch, call.account_id, domain.name, selector, call.now)
    return json_answer({"message": "DKIM selector changed"})


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", _ACCOUNT_KEYS, _READ, _list),
    Endpoint("POST", _ACCOUNT_KEYS, _WRITE, _create),
    Endpoint("DELETE", _ACCOUNT_KEYS, _WRITE, _delete),
    Endpoint("GET", _KEYS, _READ, _list_of_domain),
    Endpoint("PUT", f"{_KEYS}/{{selector}}/activate", _WRITE, _activate),
    Endpoint("PUT", f"{_KEYS}/{{selector}}/deactivate", _WRITE, _deactivate),
    *both("PUT", "/domains/{domain}/dkim_selector", _WRITE, _put_selector),
)
