"""D-08: HTTPS at the hosts of links, each with a certificate of its own."""

from __future__ import annotations

import http.client
import re
import socket
import sqlite3
import ssl
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from bench.posthouse import free_port
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from house.copies import read
from house.house import DOMAIN, House, Houses, unique, until
from house.mailgun import BROWSER, alternative
from posthouse.internet.certificates import Certificates

pytestmark = pytest.mark.long

OTHER = "rival.test"
HTML = '<html><body><a href="https://shop.test/sale">Shop</a></body></html>'
KEY_BEGINS = b"-----BEGIN PRIVATE KEY-----"


class Client:
    """A browser that asks one port under many names. `authority`: whom it trusts, None: everybody."""

    def __init__(self, port: int, authority: Certificates | None) -> None:
        self.port = port
        self.context = ssl.create_default_context(
            cadata=authority.authority_pem.decode() if authority else None
        )
        if authority is None:
            self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE
        self.context.set_alpn_protocols(["h2", "http/1.1"])

    def connect(self, host: str | None) -> ssl.SSLSocket:
        bare = socket.create_connection(("127.0.0.1", self.port), timeout=15)
        return self.context.wrap_socket(bare, server_hostname=host)

    def shown(self, host: str | None) -> bytes:
        """The certificate that is shown under this name."""
        with self.connect(host) as connection:
            assert connection.version() in ("TLSv1.2", "TLSv1.3")
            assert connection.selected_alpn_protocol() == "http/1.1"
            found = connection.getpeercert(binary_form=True)
        assert found
        return found

    def get(self, host: str, path: str) -> tuple[int, str]:
        """(status, where it leads)."""
        with closing(http.client.HTTPSConnection(host, self.port)) as connection:
            connection.sock = self.connect(host)
            connection.request("GET", path, headers={"User-Agent": BROWSER})
            answer = connection.getresponse()
            return answer.status, answer.getheader("Location", "")


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def house(shared_houses: Houses, port: int) -> House:
    secured: Mapping[str, Mapping[str, list[str]]] = {"http": {"listen_tls": [f"127.0.0.1:{port}"]}}
    made = shared_houses.new(starts=False, settings=secured)
    made.cli("account", "add", "rival")
    made.cli("domain", "add", OTHER, "--assume-verified", "--account", "rival")
    return made.start()


def install(house: House, folder: Path, maker: Certificates, domain: str, *words: str) -> bytes:
    """Install a certificate that `maker` signs for `email.<domain>`; the certificate (DER)."""
    chain, begins, key = maker.pem(f"email.{domain}").partition(KEY_BEGINS)
    (folder / "chain.pem").write_bytes(chain)
    (folder / "key.pem").write_bytes(begins + key)
    row = house.cli(
        *("domain", "certificate", domain, "--cert", str(folder / "chain.pem")),
        *("--key", str(folder / "key.pem"), *words),
    )
    assert row["host"] == f"email.{domain}"
    return x509.load_pem_x509_certificate(chain).public_bytes(Encoding.DER)


def usual(house: House) -> bytes:
    return ssl.PEM_cert_to_DER_cert((house.folder / "tls" / "cert.pem").read_text())


def test_D_08_a_tracking_host_has_its_own_certificate(house: House, port: int, tmp_path: Path) -> None:
    maker, anybody = Certificates(), Client(port, None)
    mine, theirs = f"email.{DOMAIN}", f"email.{OTHER}"
    assert anybody.shown(mine) == anybody.shown(None) == usual(house)
    first = install(house, tmp_path, maker, DOMAIN)
    rivals = install(house, tmp_path, maker, OTHER, "--account", "rival")
    until(lambda: anybody.shown(theirs) == rivals, 10, "the certificates")
    browser = Client(port, maker)  # verifies chain and name
    assert browser.shown(mine) == first and browser.shown(theirs) == rivals
    assert browser.shown(mine.upper()) == first
    for name in (None, "elsewhere.test", house.hostname):
        assert anybody.shown(name) == usual(house)

    second = install(house, tmp_path, maker, DOMAIN)
    assert second != first
    until(lambda: browser.shown(mine) == second, 10, "the replaced certificate")
    assert browser.shown(theirs) == rivals

    house.cli("domain", "certificate", DOMAIN, "--remove")
    until(lambda: anybody.shown(mine) == usual(house), 10, "the usual certificate")
    assert browser.shown(theirs) == rivals
    rows = house.cli_rows("domain", "certificates", "--account", "all")
    assert [(row["host"], row["names"], row["days_left"]) for row in rows] == [(theirs, [theirs], 29)]
    assert house.cli_rows("domain", "certificates") == []


def test_D_08_a_click_over_https_redirects(house: House, port: int, tmp_path: Path) -> None:
    maker = Certificates()
    shown = install(house, tmp_path, maker, DOMAIN)
    until(lambda: Client(port, None).shown(f"email.{DOMAIN}") == shown, 10, "the certificate")
    recipient = f"{unique()}@good.test"
    house.submit(recipient, alternative(recipient, ["X-Mailgun-Track: yes"], html=HTML, text="Hello\n"))
    copy = read(house.internet.copy(recipient))
    link = next(link for link in copy.links if "/c/" in link)
    browser, place = Client(port, maker), urlsplit(link)
    assert place.hostname == f"email.{DOMAIN}"
    assert browser.get(f"email.{DOMAIN}", place.path) == (302, "https://shop.test/sale")
    assert house.event(recipient, "clicked")["url"] == "https://shop.test/sale"
    assert browser.get(f"email.{DOMAIN}", "/sign-in")[0] == 404


def test_F64_a_certificate_that_cannot_be_used_hurts_its_own_host_only(
    house: House, port: int, tmp_path: Path
) -> None:
    maker, anybody = Certificates(), Client(port, None)
    rivals = install(house, tmp_path, maker, OTHER, "--account", "rival")
    install(house, tmp_path, maker, DOMAIN)
    with closing(sqlite3.connect(house.folder / "posthouse.db", timeout=15)) as conn, conn:
        conn.execute("update web_certificate set private = x'00' where domain = ?", (DOMAIN,))
    house.kill_worker()
    until(lambda: house.workers(), 20, "a new worker")
    until(lambda: anybody.shown(f"email.{DOMAIN}") == usual(house), 20, "the usual certificate")
    assert anybody.shown(f"email.{OTHER}") == rivals
    assert re.search(rf"email\.{DOMAIN} shows the usual certificate", house.log_tail())


def test_the_checkup_knows_the_port(house: House, port: int) -> None:
    said = house.command("check", check=False)
    assert f"http.listen_tls: 127.0.0.1:{port} is served by Posthouse" in said


def test_D_08_nothing_of_a_key_is_left_behind(house: House, tmp_path: Path) -> None:
    install(house, tmp_path, Certificates(), DOMAIN)
    (secret,) = re.findall(rb"KEY-----\n([^\n]+)\n", (tmp_path / "key.pem").read_bytes())
    assert [path for path in house.files() if secret in path.read_bytes()] == []
