"""DKIM keys of a domain and their life, and the certificates of its links.

Public: ENDPOINTS.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from posthouse.desk import domain_keys, domains, key_states, tracking_certificates
from posthouse.desk.certificate_pairs import Pair, read_pair
from posthouse.desk.domain_view import key_row
from posthouse.desk.key_states import Rotation
from posthouse.doors.api import sending_domains
from posthouse.doors.api.answers import Answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.native.changing import once
from posthouse.doors.api.native.endpoint import NativeEndpoint, Nothing, Page, many, one, reading, writing
from posthouse.doors.api.native.listing import Listing, page_of, part_of
from posthouse.doors.api.native.octets import Octets
from posthouse.doors.api.native.scope import bound_domain
from posthouse.mail.dkim import ED25519_SHA256, RSA_SHA256
from posthouse.model.account import Domain, DomainKey, KeyState
from posthouse.model.clock import Ids
from posthouse.model.errors import Refused
from posthouse.store.connection import Connection
from posthouse.store.parts import Part
from posthouse.store.web_certificates import WebCertificate


class DkimRecord(Struct, frozen=True, kw_only=True):
    """Where a key is published."""

    name: str
    kind: str
    value: str


class DomainKeyRow(Struct, frozen=True, kw_only=True):
    """A DKIM key. `record_until`: how long the record of a retiring key must stay, null for others."""

    selector: str
    algorithm: Literal["rsa-sha256", "ed25519-sha256"]
    state: KeyState
    since: dt.datetime
    record: DkimRecord
    record_until: dt.datetime | None


class NewDomainKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key that stands by. `key`: one to bring along (PEM, DER or base64, in base64), with its selector."""

    selector: Annotated[str, Meta(max_length=63, description="Empty: a free one.")] = ""
    algorithm: Literal["rsa-sha256", "ed25519-sha256"] = "rsa-sha256"
    key: Octets | None = None


class Force(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`force`: without asking DNS for the record first."""

    force: bool = False


class RotatedKeys(Struct, frozen=True, kw_only=True):
    """Which keys sign from now on, and which ones do not any more."""

    domain: str
    active: list[DomainKeyRow]
    retiring: list[DomainKeyRow]


class RemovedKey(Struct, frozen=True, kw_only=True):
    """Its record may go too."""

    removed: str


class CertificateRow(Struct, frozen=True, kw_only=True):
    """What the host of a domain's links shows."""

    host: str
    domain: str
    names: list[str]
    expires_at: dt.datetime
    days_left: int
    changed_at: dt.datetime


class NewCertificate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A chain and its private key, PEM."""

    chain: Annotated[str, Meta(min_length=1, max_length=65_536)]
    key: Annotated[str, Meta(min_length=1, max_length=65_536)]


class RemovedCertificate(Struct, frozen=True, kw_only=True):
    """The domain's links have no certificate of their own any more."""

    removed: str


def _row(call: Call, domain: Domain, key: DomainKey) -> dict[str, Any]:
    return {"record_until": None} | key_row(domain, key, call.parts.settings.delivery.expire_s)


def _loaded(conn: Connection, call: Call) -> tuple[Domain, list[DomainKey]]:
    return domains.load(conn, call.account_id, call.domain.name)


async def list_domain_keys(call: Call, asked: Nothing) -> Answer:
    domain, keys = await call.read(_loaded, call)
    return many(DomainKeyRow, [_row(call, domain, key) for key in keys])


async def add_domain_key(call: Call, asked: NewDomainKey) -> Answer:
    async def work() -> Answer:
        domain, keys = await call.read(_loaded, call)
        new = await asyncio.to_thread(_new_key, call, asked, domain, keys)  # making a key takes its time
        call.about = new.selector
        await call.write(_store, call, new)
        return one(DomainKeyRow, 201)(_row(call, domain, new))

    return await once(call, work)


def _new_key(call: Call, asked: NewDomainKey, domain: Domain, keys: Sequence[DomainKey]) -> DomainKey:
    installation, ids = call.parts.installation, Ids(call.parts.clock)
    selector = domain_keys.selector_name(asked.selector, domain.name) if asked.selector else ""
    if asked.key is not None:
        if not selector:
            text = "A key that is brought along needs the selector that DNS has it at"
            raise Refused(501, "5.5.4", text, reason="bad-selector")
        return domain_keys.bring(installation, ids, call.now, domain.id, selector=selector, data=asked.key)[0]
    algorithm = ED25519_SHA256 if asked.algorithm == ED25519_SHA256 else RSA_SHA256
    selector = selector or domain_keys.free_selector(keys, algorithm)
    return domain_keys.make(installation, ids, call.now, domain.id, selector=selector, algorithm=algorithm)


def _store(conn: Connection, call: Call, new: DomainKey) -> None:
    domain_keys.add(conn, _loaded(conn, call)[0], new)


async def activate_domain_key(call: Call, asked: Force) -> Answer:
    async def work() -> Answer:
        domain, keys = await call.read(_loaded, call)
        key = domain_keys.load_key_at(keys, domain, call.params["selector"])
        await _must_be_published(call, domain, [key], asked)
        done = await call.write(_activate, call, key.selector)
        return one(RotatedKeys)(_rotation(call, domain, done))

    return await once(call, work)


def _activate(conn: Connection, call: Call, selector: str) -> Rotation:
    return key_states.activate(conn, _loaded(conn, call)[0], selector, call.now)


async def rotate_domain_keys(call: Call, asked: Force) -> Answer:
    async def work() -> Answer:
        domain, keys = await call.read(_loaded, call)
        upcoming = key_states.upcoming(domain, keys)
        await _must_be_published(call, domain, upcoming, asked)
        done = await call.write(_rotate, call, [key.selector for key in upcoming])
        return one(RotatedKeys)(_rotation(call, domain, done))

    return await once(call, work)


def _rotate(conn: Connection, call: Call, selectors: Sequence[str]) -> Rotation:
    return key_states.rotate(conn, _loaded(conn, call)[0], selectors, call.now)


async def _must_be_published(call: Call, domain: Domain, keys: Sequence[DomainKey], asked: Force) -> None:
    if not asked.force:
        await sending_domains.refuse_unpublished(call, domain, keys)


def _rotation(call: Call, domain: Domain, done: Rotation) -> dict[str, Any]:
    return {
        "domain": domain.name,
        "active": [_row(call, domain, key) for key in done.active],
        "retiring": [_row(call, domain, key) for key in done.retiring],
    }


async def retire_domain_key(call: Call, asked: Nothing) -> Answer:
    return await call.write_once(one(DomainKeyRow), _retire, call)


def _retire(conn: Connection, call: Call) -> dict[str, Any]:
    domain, _ = _loaded(conn, call)
    return _row(call, domain, key_states.retire(conn, domain, call.params["selector"], call.now))


async def remove_domain_key(call: Call, asked: Force) -> Answer:
    return await call.write_once(one(RemovedKey), _remove, call, asked)


def _remove(conn: Connection, call: Call, asked: Force) -> dict[str, str]:
    domain, _ = _loaded(conn, call)
    expire_s = call.parts.settings.delivery.expire_s
    selector = call.params["selector"]
    gone = key_states.remove(conn, domain, selector, call.now, expire_s, is_forced=asked.force)
    return {"removed": gone.selector}


# Certificates


async def list_certificates(call: Call, asked: Listing) -> Answer:
    found = await call.read(_certificates, call, part_of(asked))
    rows = [tracking_certificates.shown(item, call.now) for item in found]
    return page_of(CertificateRow, rows, asked, lambda row: str(row["host"]))


def _certificates(conn: Connection, call: Call, part: Part) -> list[WebCertificate]:
    return tracking_certificates.listing(conn, call.account_id, bound_domain(call), part)


async def install_certificate(call: Call, asked: NewCertificate) -> Answer:
    await call.read(tracking_certificates.load_host, call.account_id, call.domain.name)
    pair = read_pair(asked.chain.encode(), asked.key.encode(), call.now)
    return await call.write_once(
        lambda new: one(CertificateRow)(tracking_certificates.shown(new, call.now)), _install, call, pair
    )


def _install(conn: Connection, call: Call, pair: Pair) -> WebCertificate:
    return tracking_certificates.install(
        conn,
        call.parts.installation,
        call.now,
        account_id=call.account_id,
        name=call.domain.name,
        pair=pair,
        shared_hosts=call.parts.identity.shared_hosts,
    )


async def remove_certificate(call: Call, asked: Nothing) -> Answer:
    return await call.write_once(
        lambda gone: one(RemovedCertificate)({"removed": gone}),
        tracking_certificates.remove,
        call.account_id,
        call.domain.name,
    )


_READ, _WRITE = "domains.read", "domains.write"
_KEYS: dict[str, Any] = {"topic": "Domain keys"}
_HERE = "/domains/{domain}"
ENDPOINTS: tuple[NativeEndpoint, ...] = (
    reading(f"{_HERE}/keys", _READ, list_domain_keys, "List a domain's DKIM keys", **_KEYS,
            gives=Page[DomainKeyRow]),
    writing("POST", f"{_HERE}/keys", _WRITE, add_domain_key, "Make a key, or bring one along", **_KEYS,
            text="It stands by until it is activated.", asks=NewDomainKey, gives=DomainKeyRow, status=201),
    writing("POST", f"{_HERE}/keys/{{selector}}/activate", _WRITE, activate_domain_key, "Let a key sign",
            **_KEYS, text="The one of its kind that signed until now retires.", asks=Force,
            gives=RotatedKeys),
    writing("POST", f"{_HERE}/keys/{{selector}}/retire", _WRITE, retire_domain_key,
            "Let a key sign no more", **_KEYS, gives=DomainKeyRow),
    writing("DELETE", f"{_HERE}/keys/{{selector}}", _WRITE, remove_domain_key, "Remove a key", **_KEYS,
            text="One that stands by, or has retired for long enough.", asks=Force, gives=RemovedKey),
    writing("POST", f"{_HERE}/rotate", _WRITE, rotate_domain_keys, "Let the keys that stand by sign",
            **_KEYS, text="Once DNS has their records.", asks=Force, gives=RotatedKeys),
    reading("/certificates", _READ, list_certificates, "List certificates of links", **_KEYS, asks=Listing,
            gives=Page[CertificateRow], is_for_domains=True),
    writing("PUT", f"{_HERE}/certificate", _WRITE, install_certificate,
            "Install a certificate for a domain's links", **_KEYS, asks=NewCertificate,
            gives=CertificateRow),
    writing("DELETE", f"{_HERE}/certificate", _WRITE, remove_certificate, "Remove it", **_KEYS,
            gives=RemovedCertificate),
)  # fmt: skip
