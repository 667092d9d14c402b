"""`posthouse check`: looks at everything that must hold before mail flows, and changes nothing.

Each check yields findings: `ok`, `warning` (mail flows, but…) or `wrong` (it does not), with a sentence.

Public: Finding, check_all.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import errno
import ipaddress
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from posthouse.config import Endpoint, Settings, is_sqlite, public_url
from posthouse.desk import reverse
from posthouse.desk.domain_keys import load_signing_keys
from posthouse.desk.installation import FILE_NAME, Installation
from posthouse.model.clock import SystemClock
from posthouse.model.errors import PosthouseError, SettingsError
from posthouse.net.listen import server_tls
from posthouse.net.lookup import Lookup
from posthouse.net.roots import trusting_context
from posthouse.rules.shaping import load_shaping
from posthouse.store import domain_keys, egress, engine, identity
from posthouse.store.trouble import StoreError

if TYPE_CHECKING:
    import dns.resolver

OK, WARNING, WRONG = "ok", "warning", "wrong"
_ASK_S = 3.0
_RENEW_DAYS = 14


@dataclass(frozen=True, slots=True)
class Finding:
    """`area` is settings, ports, dns, tls, store, domains or addresses."""

    area: str
    state: str
    text: str


def check_all(settings: Settings, now: float) -> Iterator[Finding]:
    """All findings, in the order in which one would mend them."""
    yield Finding("settings", OK, f"{settings.smtp.hostname}, region {settings.region}")
    if "." not in settings.smtp.hostname:
        text = f"smtp.hostname is {settings.smtp.hostname}, not a full name: other hosts will distrust it"
        yield Finding("settings", WARNING, text)
    if settings.delivery.shaping:
        yield _shaping(settings.delivery.shaping)
    yield from _ports(settings)
    yield _dns(settings)
    if settings.dns.validates:
        yield _validation(settings)
    yield from _tls(settings, now)
    if settings.delivery.tls_ca:
        yield _authorities(settings.delivery.tls_ca)
    yield from _store(settings)


def _shaping(file: Path) -> Finding:
    try:
        table = load_shaping(file)
    except SettingsError as error:
        return Finding("settings", WRONG, str(error))
    return Finding("settings", OK, f"{file}: {len(table.sites)} sites, {len(table.automations)} automations")


def _ports(settings: Settings) -> Iterator[Finding]:
    uses = (
        ("smtp.listen", settings.smtp.listen),
        ("smtp.listen_tls", settings.smtp.listen_tls),
        ("http.listen", settings.http.listen),
        ("http.listen_tls", settings.http.listen_tls),
    )
    for key, endpoints in uses:
        for endpoint in endpoints:
            yield _port(key, endpoint)


def _port(key: str, endpoint: Endpoint) -> Finding:
    """Free, ours, somebody else's, or not to be had."""
    family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((endpoint.host, endpoint.port))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            return Finding("ports", WRONG, f"{key}: {endpoint} cannot be opened: {error.strerror}")
    else:
        return Finding("ports", OK, f"{key}: {endpoint} is free")
    if _is_ours(key, endpoint):
        return Finding("ports", OK, f"{key}: {endpoint} is served by Posthouse")
    return Finding("ports", WRONG, f"{key}: {endpoint} is in use by another program")


def _is_ours(key: str, endpoint: Endpoint) -> bool:
    """Ask whoever listens there: the SMTP greeting, or the health page, tells."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(endpoint.host, endpoint.host)  # noqa: S104
    try:
        with socket.create_connection((host, endpoint.port), timeout=_ASK_S) as connection:
            if key == "http.listen":
                return _is_healthy(connection)
            if key == "smtp.listen":
                return b"Posthouse" in connection.recv(512)
            with _any_tls().wrap_socket(connection, server_hostname=host) as secured:
                return _is_healthy(secured) if key == "http.listen_tls" else b"Posthouse" in secured.recv(512)
    except OSError:
        return False


def _is_healthy(connection: socket.socket) -> bool:
    connection.sendall(b"GET /healthz HTTP/1.0\r\nConnection: close\r\n\r\n")
    return any(b'"status"' in part for part in iter(lambda: connection.recv(4096), b""))


def _any_tls() -> ssl.SSLContext:
    """Only the greeting is read here, so any certificate will do."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _dns(settings: Settings) -> Finding:
    """Any answer will do, even "no such name": a name server is there."""
    import dns.exception
    import dns.resolver

    shown = ", ".join(str(server) for server in settings.dns.servers) or "the system's name servers"
    try:
        _resolver(settings).resolve(".", "NS")
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        pass
    except dns.resolver.NoNameservers:
        return Finding("dns", WARNING, f"{shown}: answers, but refuses or fails for the root")
    except dns.exception.DNSException:
        return Finding("dns", WRONG, f"{shown}: no answer within {_ASK_S:g} seconds")
    return Finding("dns", OK, f"{shown}: answers")


def _resolver(settings: Settings) -> dns.resolver.Resolver:
    """A plain resolver that asks the servers of the settings. Raises dns.resolver.NoResolverConfiguration."""
    import dns.resolver

    servers = settings.dns.servers
    resolver = dns.resolver.Resolver(configure=not servers)
    if servers:
        resolver.nameservers = [server.host for server in servers]
        resolver.nameserver_ports = {server.host: server.port for server in servers}
    resolver.lifetime = _ASK_S
    return resolver


def _validation(settings: Settings) -> Finding:
    """`dns.validates` is believed, so at least what can be seen of it is looked at: the root is signed."""
    import dns.exception
    import dns.flags

    try:
        resolver = _resolver(settings)
        resolver.flags = dns.flags.RD | dns.flags.AD
        servers = [str(server) for server in resolver.nameservers]
        is_proven = bool(resolver.resolve(".", "SOA").response.flags & dns.flags.AD)
    except dns.exception.DNSException:
        servers, is_proven = [], False
    if not is_proven:
        text = "dns.validates is true, but the servers prove nothing of the signed root: there is no DANE"
        return Finding("dns", WARNING, text)
    away = [server for server in servers if not ipaddress.ip_address(server).is_loopback]
    if away:
        text = (
            f"dns.validates is true, but {away[0]} is another machine: can nobody on the way forge answers?"
        )
        return Finding("dns", WARNING, text)
    return Finding("dns", OK, "the servers validate DNSSEC: DANE is kept to")


def _tls(settings: Settings, now: float) -> Iterator[Finding]:
    cert, key = settings.smtp.tls_cert, settings.smtp.tls_key
    if not cert.exists() and not key.exists():
        text = "no certificate yet: a self-signed one is made at the first start; clients cannot verify it"
        yield Finding("tls", WARNING, text)
        return
    try:
        server_tls(cert, key)
        yield _certificate(cert, settings.smtp.hostname, now)
    except (SettingsError, OSError, ValueError, ssl.SSLError) as error:
        yield Finding("tls", WRONG, str(error))


def _authorities(file: Path) -> Finding:
    try:
        trusting_context(file)
    except SettingsError as error:
        return Finding("tls", WRONG, str(error))
    return Finding("tls", OK, f"delivery.tls_ca: the authorities of {file} are trusted besides the system's")


def _certificate(cert: Path, hostname: str, now: float) -> Finding:
    from cryptography import x509

    certificate = x509.load_pem_x509_certificate(cert.read_bytes())
    end = certificate.not_valid_after_utc
    left = (end - dt.datetime.fromtimestamp(now, dt.UTC)).days
    if left < 0:
        return Finding("tls", WRONG, f"{cert} expired on {end:%Y-%m-%d}")
    if certificate.issuer == certificate.subject:
        return Finding("tls", WARNING, f"{cert} is self-signed: clients cannot verify it")
    if hostname not in _names(certificate):
        return Finding("tls", WARNING, f"{cert} does not name {hostname}")
    state = WARNING if left < _RENEW_DAYS else OK
    return Finding("tls", state, f"{cert} is valid until {end:%Y-%m-%d} ({left} days)")


def _names(certificate: object) -> list[str]:
    from cryptography import x509

    assert isinstance(certificate, x509.Certificate)
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return [name.lower() for name in names.value.get_values_for_type(x509.DNSName)]


def _store(settings: Settings) -> Iterator[Finding]:
    url = settings.store.url
    shown = public_url(url)
    if is_sqlite(url) and not Path(unquote(url.removeprefix("sqlite:///"))).exists():
        yield Finding("store", WARNING, f"{shown}: not made yet; `posthouse domain add` begins")
        return
    try:
        warnings = engine.durability_warnings(url)
        yield from (Finding("store", WARNING, text) for text in warnings)
        if not warnings:
            yield Finding("store", OK, f"{shown}: what is committed survives a power cut")
        yield from _domains(settings)
        yield from _addresses(settings)
    except (StoreError, PosthouseError) as error:
        text = error.text if isinstance(error, PosthouseError) else str(error)
        yield Finding("store", WRONG, f"{shown}: {text}")


def _domains(settings: Settings) -> Iterator[Finding]:
    """Every key opens with this installation key; every domain may send."""
    with engine.connect(settings.store.url) as conn:
        found = identity.list_domains(conn)
        keys = domain_keys.keys_by_domain(conn)
    if not found:
        yield Finding("domains", WARNING, "no domain yet: posthouse domain add NAME")
        return
    if not (settings.state_dir / FILE_NAME).exists():
        yield Finding("domains", WRONG, f"{settings.state_dir / FILE_NAME} is missing: no key can be opened")
        return
    installation = Installation.load_or_make(settings.state_dir)
    for domain in found:
        try:
            load_signing_keys(installation, domain.name, keys.get(domain.id, ()))
        except (SettingsError, ValueError) as error:
            yield Finding("domains", WRONG, f"{domain.name}: {error}")
            continue
        if domain.verified_at is None:
            text = f"{domain.name} is not verified: posthouse domain verify {domain.name}"
            yield Finding("domains", WARNING, text)
        else:
            yield Finding("domains", OK, f"{domain.name} may send; its keys open")


def _addresses(settings: Settings) -> Iterator[Finding]:
    """What DNS says about the addresses that we send from."""
    with engine.connect(settings.store.url) as conn:
        own = {item.address: item.hello or settings.smtp.hostname for item in egress.list_ips(conn)}
    hellos = dict.fromkeys(settings.delivery.source_addresses, settings.smtp.hostname) | own
    lookup = Lookup([str(server) for server in settings.dns.servers], SystemClock(), lifetime_s=_ASK_S)
    for verdict in asyncio.run(reverse.check_addresses(lookup, hellos)):
        yield Finding("addresses", verdict.state, verdict.text)
