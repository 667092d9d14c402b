"""net.tls_pair: a certificate that changes while connections come (F64)."""

from __future__ import annotations

import datetime as dt
import logging
import os
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from posthouse.model.errors import SettingsError
from posthouse.net.tls_pair import TlsPair

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
RSA = rsa.generate_private_key(65537, 2048)


def pair(name: str, key: Key | None = None) -> tuple[bytes, bytes]:
    """(certificate, key) in PEM."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    start = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    builder = x509.CertificateBuilder(
        subject, subject, key.public_key(), x509.random_serial_number(), start, start + dt.timedelta(days=9)
    )
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    made = builder.sign(key, hashes.SHA256())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return made.public_bytes(Encoding.PEM), private


class Files:
    """A pair on the disk; each writing has a time of its own."""

    def __init__(self, folder: Path) -> None:
        self.cert, self.key = folder / "cert.pem", folder / "key.pem"
        self._at = 1_700_000_000

    def write(self, cert: bytes | None = None, key: bytes | None = None) -> None:
        self._at += 1
        for file, content in ((self.cert, cert), (self.key, key)):
            if content is not None:
                file.write_bytes(content)
                os.utime(file, (self._at, self._at))


@pytest.fixture
def files(tmp_path: Path) -> Files:
    made = Files(tmp_path)
    made.write(*pair("first.test"))
    return made


def shown(
    context: ssl.SSLContext, name: str | None = "any.test", session: ssl.SSLSession | None = None
) -> str:
    """Whose certificate a client is shown in a handshake, in memory."""
    client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client_context.check_hostname, client_context.verify_mode = False, ssl.CERT_NONE
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname=name)
    server = context.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    found = client.getpeercert(binary_form=True)
    assert found
    names = x509.load_der_x509_certificate(found).subject
    return str(names.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value)


@pytest.mark.parametrize("name", ["any.test", None], ids=["names the server", "names none"])
def test_F64_a_new_pair_is_shown_by_the_context_that_sockets_hold(files: Files, name: str | None) -> None:
    held = TlsPair(files.cert, files.key)
    assert shown(held.context, name) == "first.test"
    assert not held.refresh()
    files.write(*pair("second.test"))
    assert held.refresh()
    assert shown(held.context, name) == "second.test"
    assert not held.refresh()
    files.write(*pair("third.test", RSA))  # of another kind: the older kind must not be offered beside it
    assert held.refresh()
    assert shown(held.context, name) == "third.test"


def test_F64_half_a_pair_changes_nothing_until_the_rest_is_there(
    files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    held = TlsPair(files.cert, files.key)
    cert, key = pair("second.test")
    with caplog.at_level(logging.WARNING):
        files.write(cert)
        for _ in range(3):
            assert not held.refresh()
    assert [record.message.split(":")[0] for record in caplog.records] == [
        "the new certificate cannot be used, the old one stays"
    ], "said once"
    assert shown(held.context) == "first.test"
    files.write(key=key)
    assert held.refresh()
    assert shown(held.context) == "second.test"


BROKEN = {
    "half a file": lambda files: files.write(pair("x.test")[0][:200]),
    "an empty file": lambda files: files.write(b""),
    "something else": lambda files: files.write(b"hello", b"world"),
    "no file": lambda files: files.cert.unlink(),
    "no key": lambda files: files.key.unlink(),
    "a folder": lambda files: (files.key.unlink(), files.key.mkdir()),
}


@pytest.mark.parametrize("case", BROKEN)
def test_F64_a_broken_pair_leaves_the_old_one(files: Files, case: str) -> None:
    held = TlsPair(files.cert, files.key)
    BROKEN[case](files)
    assert not held.refresh()
    assert shown(held.context) == "first.test"
    if files.key.is_dir():
        files.key.rmdir()
    files.write(*pair("second.test"))
    assert held.refresh()
    assert shown(held.context) == "second.test"


def test_a_link_that_leads_elsewhere_is_a_new_pair(files: Files, tmp_path: Path) -> None:
    """As certbot does it."""
    links = tmp_path / "cert-link.pem", tmp_path / "key-link.pem"
    for link, file in zip(links, (files.cert, files.key), strict=True):
        link.symlink_to(file)
    held = TlsPair(*links)
    (tmp_path / "next").mkdir()
    later = Files(tmp_path / "next")
    later.write(*pair("second.test"))
    for link, file in zip(links, (later.cert, later.key), strict=True):
        link.unlink()
        link.symlink_to(file)
    assert held.refresh()
    assert shown(held.context) == "second.test"


def test_a_pair_that_cannot_be_used_at_first_is_told(files: Files) -> None:
    files.write(b"hello")
    with pytest.raises(SettingsError, match="no usable pair"):
        TlsPair(files.cert, files.key)
    files.cert.unlink()
    with pytest.raises(SettingsError, match="no usable pair"):
        TlsPair(files.cert, files.key)
