"""`/domains/{name}/keys`: a domain's DKIM keys and their life, and the certificate of its links.

Public: PAGES.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from posthouse.desk import domain_keys, domains, key_states, tracking_certificates
from posthouse.desk.certificate_pairs import read_pair
from posthouse.desk.domain_view import key_row
from posthouse.desk.key_states import Rotation
from posthouse.doors.api import sending_domains
from posthouse.doors.web.dashboard.domain import PATH as DOMAIN
from posthouse.doors.web.dashboard.domain import load
from posthouse.doors.web.dashboard.page import Page, Work
from posthouse.doors.web.dashboard.visit import Visit
from posthouse.mail.dkim import ED25519_SHA256, RSA_SHA256
from posthouse.model.account import Domain, DomainKey
from posthouse.model.clock import Ids
from posthouse.model.errors import Refused
from posthouse.store.connection import Connection
from posthouse.store.web_certificates import WebCertificate

PATH = f"{DOMAIN}/keys"


async def _look(visit: Visit) -> Response:
    loaded = await load(visit)
    expire_s = visit.parts.settings.delivery.expire_s
    host, certificate = await visit.read(_links, visit.account_id, loaded.domain.name)
    return visit.page(
        "domain_keys.html",
        f"Keys of {loaded.domain.name}",
        domain=loaded.domain,
        rows=[{"record_until": None} | key_row(loaded.domain, key, expire_s) for key in loaded.keys],
        algorithms=[
            (RSA_SHA256, "RSA, 2048 bits (every receiver)"),
            (ED25519_SHA256, "Ed25519 (beside RSA)"),
        ],
        host=host,
        certificate=tracking_certificates.shown(certificate, visit.now) if certificate else None,
    )


def _links(conn: Connection, account_id: str, name: str) -> tuple[str, WebCertificate | None]:
    """(host of the domain's links, what is installed for it)."""
    host = tracking_certificates.load_host(conn, account_id, name)[1]
    return host, tracking_certificates.find_of(conn, account_id, name)


async def _add(visit: Visit) -> str:
    """A new key, or one that is brought along with its selector; it stands by."""
    loaded = await load(visit)
    new, warning = await asyncio.to_thread(_new_key, visit, loaded.domain, loaded.keys)  # it takes its time
    await visit.write(_store, visit.account_id, new, name=loaded.domain.name)
    said = f"The key {new.selector} stands by: publish its record, then let it sign."
    return f"{said} {warning}".strip()


def _new_key(visit: Visit, domain: Domain, keys: Sequence[DomainKey]) -> tuple[DomainKey, str]:
    installation, ids = visit.parts.installation, Ids(visit.parts.clock)  # ids of this thread's own
    selector = visit.field("selector")
    if selector:
        selector = domain_keys.selector_name(selector, domain.name)
    if private := visit.raw("private").strip():
        if not selector:
            text = "A key that is brought along needs the selector that DNS has it at"
            raise Refused(501, "5.5.4", text, reason="bad-selector")
        return domain_keys.bring(
            installation, ids, visit.now, domain.id, selector=selector, data=private.encode()
        )
    algorithm = ED25519_SHA256 if visit.field("algorithm") == ED25519_SHA256 else RSA_SHA256
    selector = selector or domain_keys.free_selector(keys, algorithm)
    return domain_keys.make(
        installation, ids, visit.now, domain.id, selector=selector, algorithm=algorithm
    ), ""


def _store(conn: Connection, account_id: str, new: DomainKey, *, name: str) -> None:
    domain_keys.add(conn, domains.load(conn, account_id, name)[0], new)


async def _activate(visit: Visit) -> str:
    loaded = await load(visit)
    key = domain_keys.load_key_at(loaded.keys, loaded.domain, visit.field("selector"))
    await _must_be_published(visit, loaded.domain, [key])
    return await _switched(visit, loaded.domain, key_states.activate, key.selector)


async def _rotate(visit: Visit) -> str:
    loaded = await load(visit)
    upcoming = key_states.upcoming(loaded.domain, loaded.keys)
    await _must_be_published(visit, loaded.domain, upcoming)
    return await _switched(visit, loaded.domain, key_states.rotate, [key.selector for key in upcoming])


async def _switched(visit: Visit, domain: Domain, verb: Any, which: Any) -> str:
    def change(conn: Connection) -> Rotation:
        current = domains.load(conn, visit.account_id, domain.name)[0]
        done: Rotation = verb(conn, current, which, visit.now)
        return done

    done = await visit.write(change)
    said = f"Mail is signed with {' and '.join(key.selector for key in done.active)} from now on."
    if done.retiring:
        said += f" Keep the record of {' and '.join(key.selector for key in done.retiring)} for a while."
    return said


async def _must_be_published(visit: Visit, domain: Domain, keys: Sequence[DomainKey]) -> None:
    """Unless `force` is ticked. Raises Refused, TryLater."""
    if not visit.ticked("force"):
        await sending_domains.refuse_unpublished(visit, domain, keys)


async def _retire(visit: Visit) -> str:
    def change(conn: Connection) -> DomainKey:
        domain = domains.load(conn, visit.account_id, visit.param("name"))[0]
        return key_states.retire(conn, domain, visit.field("selector"), visit.now)

    key = await visit.write(change)
    return f"{key.selector} signs no more; keep its record for a while: mail on its way is verified with it."


async def _remove(visit: Visit) -> str:
    def change(conn: Connection) -> DomainKey:
        domain = domains.load(conn, visit.account_id, visit.param("name"))[0]
        expire_s = visit.parts.settings.delivery.expire_s
        selector = visit.field("selector")
        is_forced = visit.ticked("force")
        return key_states.remove(conn, domain, selector, visit.now, expire_s, is_forced=is_forced)

    gone = await visit.write(change)
    return f"The key {gone.selector} is removed; its record may go too."


# The certificate of its links


async def _install(visit: Visit) -> str:
    loaded = await load(visit)
    pair = read_pair(visit.raw("chain").encode(), visit.raw("private").encode(), visit.now)
    new = await visit.write(
        tracking_certificates.install,
        visit.parts.installation,
        visit.now,
        account_id=visit.account_id,
        name=loaded.domain.name,
        pair=pair,
        shared_hosts=visit.parts.identity.shared_hosts,
    )
    return f"{new.host} shows this certificate from now on."


async def _drop(visit: Visit) -> str:
    await visit.write(tracking_certificates.remove, visit.account_id, visit.param("name"))
    return "The certificate is removed."


PAGES = (
    Page(
        PATH,
        "domains.read",
        _look,
        {
            "add": Work("domains.write", _add, about=("selector",)),
            "activate": Work("domains.write", _activate, about=("selector",)),
            "rotate": Work("domains.write", _rotate, about=()),
            "retire": Work("domains.write", _retire, about=("selector",)),
            "remove": Work("domains.write", _remove, about=("selector",)),
            "install-certificate": Work("domains.write", _install, about=()),
            "remove-certificate": Work("domains.write", _drop, about=()),
        },
        most_bytes=256 * 1024,
    ),
)
