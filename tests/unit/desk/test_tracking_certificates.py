"""desk.certificate_pairs, desk.tracking_certificates, desk.host_certificates: pairs that are taken and shown,
and what is said of the others."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from blank_store import make_store
from posthouse.desk import domains, tracking_certificates
from posthouse.desk.certificate_pairs import Pair, read_pair
from posthouse.desk.host_certificates import HostCertificates
from posthouse.desk.installation import Installation
from posthouse.model.account import Domain, DomainSettings
from posthouse.model.clock import FakeClock
from posthouse.model.errors import Refused
from posthouse.rules.tracking_hosts import covers_name, owner_of
from posthouse.store import identity, web_certificates
from posthouse.store.engine import Connection, connect

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
NOW_S = NOW.timestamp()
DAY = dt.timedelta(days=1)
HOST = "email.shop.test"
KEY, OTHER_KEY = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
ISSUER_KEY = ec.generate_private_key(ec.SECP256R1())
INSTALLATION = Installation(b"k" * 32)

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def made(
    names: Sequence[str] = (HOST,),
    key: Key = KEY,
    *,
    subject: str = "host",
    issuer: str = "issuer",
    begins: dt.datetime = NOW - 2 * DAY,
    ends: dt.datetime = NOW + 30 * DAY,
) -> bytes:
    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    builder = x509.CertificateBuilder(
        name(issuer), name(subject), key.public_key(), x509.random_serial_number(), begins, ends
    )
    if names:
        san = x509.SubjectAlternativeName([x509.DNSName(each) for each in names])
        builder = builder.add_extension(san, critical=False)
    return builder.sign(ISSUER_KEY, hashes.SHA256()).public_bytes(Encoding.PEM)


def private(key: Key = KEY, passphrase: bytes = b"") -> bytes:
    way = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, way)


ISSUER = made((), ISSUER_KEY, subject="issuer", issuer="root")
SMALL = rsa.generate_private_key(65537, 1024)
EDWARDS = ed25519.Ed25519PrivateKey.generate()

TAKEN = {
    "one certificate": lambda: (made(), private()),
    "with its issuer": lambda: (made() + ISSUER, private()),
    "a star": lambda: (made(["*.shop.test", "shop.test"]), private()),
    "text around": lambda: (b"Bag Attributes\n" + made() + b"\n# end\n", b"\n" + private()),
    "both in one file": lambda: (made() + private(), private()),
    "a key of the old form": lambda: (
        made(),
        KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()),
    ),
}
REFUSED = {
    "no certificate": (lambda: (b"hello", private()), "The certificate file holds no certificate in PEM"),
    "an empty file": (lambda: (b"", private()), "The certificate file holds no certificate in PEM"),
    "the files exchanged": (lambda: (private(), made()), "The certificate file holds no certificate in PEM"),
    "half a file": (lambda: (made()[:300], private()), "The certificate file cannot be read"),
    "damage": (
        lambda: (made().replace(b"MII", b"AAA", 1), private()),
        "The certificate file cannot be read",
    ),
    "too large": (lambda: (made() + b"x" * 65536, private()), "The certificate file is larger than"),
    "too many": (
        lambda: (b"".join(made(subject="x", issuer="x") for _ in range(11)), private()),
        "The certificate file holds more than 10 certificates",
    ),
    "no key": (lambda: (made(), b"hello"), "The key file holds no readable private key"),
    "a large key": (lambda: (made(), b"x" * 65537), "The key file is larger than"),
    "a passphrase": (lambda: (made(), private(KEY, b"word")), "The key is encrypted"),
    "another's key": (lambda: (made(), private(OTHER_KEY)), "The key does not belong to the certificate"),
    "the issuer first": (lambda: (ISSUER + made(), private()), "The chain is out of order: certificate 1"),
    "the key of the second": (
        lambda: (made() + ISSUER, private(ISSUER_KEY)),
        "The key belongs to a later certificate",
    ),
    "a short key": (lambda: (made(key=SMALL), private(SMALL)), "The RSA key has 1024 bits"),
    "a key for nobody": (lambda: (made(key=EDWARDS), private(EDWARDS)), "The key is of a kind that browsers"),
    "expired": (lambda: (made(ends=NOW - DAY), private()), "The certificate expired on "),
    "not begun": (lambda: (made(begins=NOW + DAY), private()), "The certificate is valid from "),
}


@pytest.mark.parametrize("files", TAKEN.values(), ids=TAKEN)
def test_pairs_that_are_taken(files: Callable[[], tuple[bytes, bytes]]) -> None:
    pair = read_pair(*files(), NOW_S)
    assert pair.expires_at == (NOW + 30 * DAY).timestamp()
    assert covers_name(pair.names, HOST)
    assert "PRIVATE" not in pair.chain and "PRIVATE" not in repr(pair)


@pytest.mark.parametrize(("files", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_with_a_pair_is_one_sentence(
    files: Callable[[], tuple[bytes, bytes]], said: str
) -> None:
    chain, key = files()
    with pytest.raises(Refused) as refused:
        read_pair(chain, key, NOW_S)
    assert refused.value.text.startswith(said)
    assert "\n" not in refused.value.text and refused.value.__cause__ is None
    lines = [line for line in key.decode("latin-1").splitlines() if len(line) > 20 and line[0] != "-"]
    assert not any(line in refused.value.text for line in lines)


@pytest.mark.parametrize(
    ("names", "host", "expected"),
    [
        ([HOST], HOST, True),
        (["EMAIL.Shop.Test"], HOST, True),
        (["*.shop.test"], HOST, True),
        (["*.shop.test"], "a.email.shop.test", False),
        (["*.shop.test"], "shop.test", False),
        (["e*.shop.test"], HOST, False),
        (["*.test"], HOST, False),
        (["*"], HOST, False),
        (["shop.test"], HOST, False),
        ([], HOST, False),
    ],
)
def test_a_star_stands_for_one_label(names: list[str], host: str, expected: bool) -> None:
    assert covers_name(names, host) is expected


def known(name: str, account: str, *, is_verified: bool = True) -> Domain:
    return Domain(f"id-{name}", account, name, "us", NOW_S if is_verified else None, NOW_S)


@pytest.mark.parametrize(
    ("host", "owner"),
    [
        ("email.shop.test", "a"),
        ("shop.test", "a"),
        ("email.eu.shop.test", "b"),
        ("email.claimed.test", "a"),
        ("email.x.claimed.test", "a"),
        ("email.open.test", "b"),
        ("myshop.test", None),
        ("test", None),
    ],
)
def test_S20_a_host_is_the_accounts_that_has_the_domain_above(host: str, owner: str | None) -> None:
    estate = [
        known("shop.test", "a"),
        known("eu.shop.test", "b"),
        known("claimed.test", "a"),
        known("x.claimed.test", "b", is_verified=False),
        known("open.test", "b", is_verified=False),
    ]
    found = owner_of(host, estate)
    assert (found.account_id if found else None) == owner


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A store where `one` has shop.test, `two` rival.test."""
    url = f"sqlite:///{tmp_path}/certificates.db"
    make_store(url)
    with connect(url) as conn, conn.transaction():
        for account, name in (("one", "shop.test"), ("two", "rival.test")):
            identity.ensure_account(conn, account, id=account, now=NOW_S)
            identity.add_domain(conn, known(name, account), [])
    return url


def install(conn: Connection, pair: Pair, name: str = "shop.test", account: str = "one") -> str:
    shared = frozenset({"mail.shop.test"})
    with conn.transaction():
        return tracking_certificates.install(
            conn, INSTALLATION, NOW_S, account_id=account, name=name, pair=pair, shared_hosts=shared
        ).host


def pair_for(*names: str) -> Pair:
    return read_pair(made(names), private(), NOW_S)


def lead_to(conn: Connection, name: str, host: str) -> None:
    with conn.transaction():
        identity.set_settings(conn, name, DomainSettings(tracking_url=f"https://{host}"))


def test_a_certificate_is_installed_sealed_replaced_and_removed(url: str) -> None:
    with connect(url) as conn:
        assert install(conn, pair_for(HOST)) == HOST
        lead_to(conn, "shop.test", "links.shop.test")
        assert install(conn, pair_for("links.shop.test")) == "links.shop.test"
        install(conn, pair_for("*.shop.test"))
        found = tracking_certificates.listing(conn, "one")
        assert [item.host for item in found] == [HOST, "links.shop.test"]
        shown = tracking_certificates.shown(found[1], NOW_S + 3600)
        assert shown["names"] == ["*.shop.test"] and shown["days_left"] == 29
        assert private() not in found[1].private and "PRIVATE" not in repr(shown)
        with conn.transaction():
            assert tracking_certificates.remove(conn, "one", "shop.test") == "shop.test"
        with pytest.raises(Refused, match="No certificate is installed"), conn.transaction():
            tracking_certificates.remove(conn, "one", "shop.test")


def test_it_goes_with_its_domain(url: str) -> None:
    with connect(url) as conn:
        install(conn, pair_for(HOST))
        with conn.transaction():
            domains.remove(conn, "one", "shop.test")
        assert tracking_certificates.listing(conn, None) == []


def test_S20_no_account_installs_for_the_host_of_another(url: str) -> None:
    with connect(url) as conn:
        install(conn, pair_for(HOST))
        told = []
        for host in (HOST, "email.nobody.test"):
            lead_to(conn, "rival.test", host)
            with pytest.raises(Refused) as refused:
                install(conn, pair_for(host), "rival.test", "two")
            told.append(refused.value.text.replace(host, "HOST"))
        assert told[0] == told[1]
        for account, name in (("two", "shop.test"), ("two", "none.test")):
            with pytest.raises(Refused, match=f"There is no domain {name} here"):
                install(conn, pair_for(HOST), name, account)
        assert [item.account_id for item in tracking_certificates.listing(conn, None)] == ["one"]


@pytest.mark.parametrize(
    ("names", "host", "said"),
    [
        (("email.other.test",), HOST, "The certificate is for email.other.test; the links of shop.test live"),
        ((), HOST, "The certificate is for no host"),
        (("mail.shop.test",), "mail.shop.test", "mail.shop.test is a name of the installation"),
    ],
)
def test_a_certificate_must_be_for_the_host(url: str, names: tuple[str, ...], host: str, said: str) -> None:
    with connect(url) as conn:
        lead_to(conn, "shop.test", host)
        with pytest.raises(Refused, match=said):
            install(conn, pair_for(*names))


@dataclass
class Worker:
    """What a worker shows, over a store that is read in the test's own thread."""

    conn: Connection
    shown: Mapping[str, ssl.SSLContext]

    def __init__(self, conn: Connection, clock: FakeClock) -> None:
        self.conn, self.shown = conn, {}
        self.held = HostCertificates(
            self, clock, INSTALLATION, lambda: identity.identity_version(conn), self._take
        )

    async def read(self, fn: Callable[..., Any], *args: Any) -> Any:
        return fn(self.conn, *args)

    def _take(self, shown: Mapping[str, ssl.SSLContext]) -> None:
        self.shown = shown

    def look(self) -> bool:
        return asyncio.run(self.held.refresh())


def test_a_worker_opens_only_what_changed(url: str) -> None:
    with connect(url) as conn:
        worker = Worker(conn, FakeClock())
        install(conn, pair_for(HOST))
        assert worker.look() and set(worker.shown) == {HOST}
        first = worker.shown[HOST]
        assert not worker.look()
        lead_to(conn, "rival.test", "links.rival.test")
        install(conn, pair_for("links.rival.test"), "rival.test", "two")
        assert worker.look() and set(worker.shown) == {HOST, "links.rival.test"}
        assert worker.shown[HOST] is first
        with conn.transaction():
            tracking_certificates.remove(conn, "one", "shop.test")
        assert worker.look() and set(worker.shown) == {"links.rival.test"}


def test_a_broken_certificate_touches_no_other_host(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with connect(url) as conn:
        worker = Worker(conn, FakeClock())
        install(conn, pair_for(HOST))
        (good,) = web_certificates.list_certificates(conn)
        broken = [
            web_certificates.WebCertificate("a.test", "one", "shop.test", good.chain, b"junk", NOW_S, NOW_S),
            web_certificates.WebCertificate("b.test", "one", "shop.test", "junk", good.private, NOW_S, NOW_S),
        ]
        sealed = INSTALLATION.seal(private(), tracking_certificates.seal_owner("one", "c.test"))
        broken.append(
            web_certificates.WebCertificate("c.test", "one", "shop.test", "junk", sealed, NOW_S, NOW_S)
        )
        with conn.transaction():
            for item in broken:
                web_certificates.put(conn, item)
        with caplog.at_level(logging.WARNING):
            assert worker.look()
        assert set(worker.shown) == {HOST}
        assert sorted(record.message.split()[0] for record in caplog.records) == [
            "a.test",
            "b.test",
            "c.test",
        ]
        assert "PRIVATE" not in caplog.text


def test_what_ends_soon_is_said_once_a_day(url: str, caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    with connect(url) as conn:
        worker = Worker(conn, clock)
        install(conn, pair_for(HOST))
        worker.look()
        ends = (NOW + 30 * DAY).timestamp()
        said = []
        for days, hours in ((15, 0), (13, 0), (13, -1), (12, 0), (-1, 0)):
            clock.advance(ends - days * 86400 - hours * 3600 - clock.now())
            caplog.clear()
            with caplog.at_level(logging.WARNING):
                asyncio.run(worker.held.warn())
            said.append(len(caplog.records))
        assert said == [0, 1, 0, 1, 1]
