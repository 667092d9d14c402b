"""Certificates that customers bring for the hosts of their links: judged, sealed, installed, listed.

A host is the account's whose domain it is, or is below; nobody installs one for another account's host, and
what is another's is answered as what is nobody's (S20, docs/decisions/036).

Public: install, remove, find_of, find_place, listing, shown, load_host, seal_owner, WARN_DAYS.
"""

from __future__ import annotations

from typing import Any

from posthouse.desk import domains
from posthouse.desk.certificate_pairs import Pair, names_of, refused
from posthouse.desk.installation import Installation
from posthouse.model.errors import Refused
from posthouse.rules.tracking_hosts import covers_name, owner_of, tracking_host
from posthouse.store import identity, web_certificates
from posthouse.store.engine import Connection
from posthouse.store.parts import EVERYTHING, Part
from posthouse.store.web_certificates import WebCertificate

WARN_DAYS = 14
_DAY_S = 86400.0


def install(
    conn: Connection,
    installation: Installation,
    now: float,
    *,
    account_id: str,
    name: str,
    pair: Pair,
    shared_hosts: frozenset[str],
) -> WebCertificate:
    """Install a pair for the tracking host of a domain of the account, in the caller's transaction; an older
    one is replaced. `shared_hosts`: names of the installation itself. Raises Refused."""
    domain, host = load_host(conn, account_id, name)
    if host in shared_hosts:
        raise refused(f"{host} is a name of the installation: it shows the pair of smtp.tls_cert")
    owner = owner_of(host, identity.list_domains(conn))
    if owner is None or owner.account_id != account_id:
        raise refused(
            f"{host} is not below a domain of this account; add that domain first, or choose another "
            f"tracking_url for {domain}"
        )
    if not covers_name(pair.names, host):
        names = ", ".join(pair.names[:10]) or "no host"
        raise refused(f"The certificate is for {names}; the links of {domain} live at {host}")
    sealed = installation.seal(pair.key, seal_owner(account_id, host))
    new = WebCertificate(host, account_id, domain, pair.chain, sealed, pair.expires_at, now)
    web_certificates.put(conn, new)
    return new


def load_host(conn: Connection, account_id: str, name: str) -> tuple[str, str]:
    """(domain, host of its links) of a domain of the account. Raises Refused."""
    domain, _ = domains.load(conn, account_id, name)
    return domain.name, tracking_host(domain.name, domain.settings.tracking_url)


def find_place(conn: Connection, account_id: str, name: str) -> tuple[str, str] | None:
    """(domain, host of its links) of the account's domain that has this name, or whose links live at a host
    of this name. None: there is none, or it is another account's."""
    name = name.strip().lower().rstrip(".")
    places = [
        (domain.name, tracking_host(domain.name, domain.settings.tracking_url))
        for domain in identity.list_domains(conn, account_id)
    ]
    return next((place for place in places if name in place), None)


def seal_owner(account_id: str, host: str) -> str:
    """For whom a key is sealed: it opens for no other account and no other host."""
    return f"web certificate {account_id} {host}"


def remove(conn: Connection, account_id: str, name: str) -> str:
    """Remove what is installed for a domain of the account, in the caller's transaction; the domain's name.
    Raises Refused."""
    domain, _ = domains.load(conn, account_id, name)
    if not web_certificates.remove_of(conn, account_id, domain.name):
        raise Refused(550, "5.5.0", f"No certificate is installed for {domain.name}", reason="no-certificate")
    return domain.name


def listing(
    conn: Connection, account_id: str | None, domain: str = "", part: Part = EVERYTHING
) -> list[WebCertificate]:
    """An account's by host, only those of a domain where it is named, or (None) all."""
    return web_certificates.list_certificates(conn, account_id, domain, part)


def find_of(conn: Connection, account_id: str, domain: str) -> WebCertificate | None:
    """What is installed for a domain of the account, by its name as the store has it."""
    return web_certificates.find_of(conn, account_id, domain)


def shown(item: WebCertificate, now: float) -> dict[str, Any]:
    """What programs read; nothing of the key."""
    return {
        "host": item.host,
        "domain": item.domain,
        "names": list(names_of(item.chain)),
        "expires_at": item.expires_at,
        "days_left": int((item.expires_at - now) // _DAY_S),
        "changed_at": item.changed_at,
    }
