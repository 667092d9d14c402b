"""Certificates of the fake internet, made at start: a small authority of its own, and every kind of bad one.

EC P-256, one key for all hosts, a few hundred microseconds each. Contexts are made when first needed.

Public: `Certificates`.
"""

from __future__ import annotations

import datetime
import hashlib
import ssl
import tempfile
import warnings
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from posthouse.internet.scripts import Tls

_DAY = datetime.timedelta(days=1)
_SIGNS_CERTIFICATES = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


class Certificates:
    """`authority_pem` is the root that a client must trust to find the `good` ones good. The digests are
    SHA-256 of the public keys, as TLSA records have them."""

    def __init__(self) -> None:
        self._now = datetime.datetime.now(datetime.UTC)
        self._authority_key = ec.generate_private_key(ec.SECP256R1())
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._authority = _name("Fake Internet Authority")
        root = self._certificate(
            self._authority, self._authority, self._authority_key.public_key(), signed_by=self._authority_key
        )
        self.authority_pem = root.public_bytes(serialization.Encoding.PEM)
        self._root = root
        self.key_digest = _digest(self._key.public_key())
        self.authority_digest = _digest(self._authority_key.public_key())
        self._contexts: dict[tuple[str, Tls], ssl.SSLContext] = {}

    def context(self, host: str, kind: Tls) -> ssl.SSLContext:
        """A server context for `host` with a certificate of that kind."""
        known = self._contexts.get((host, kind))
        if known is None:
            known = self._contexts[host, kind] = self._make_context(host, kind)
        return known

    def _make_context(self, host: str, kind: Tls) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if kind is Tls.OLD:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                context.minimum_version = ssl.TLSVersion.TLSv1
                context.maximum_version = ssl.TLSVersion.TLSv1_1
            context.set_ciphers("ALL:@SECLEVEL=0")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "host.pem"
            path.write_bytes(self.pem(host, kind))
            context.load_cert_chain(path)
        return context

    def pem(self, host: str, kind: Tls = Tls.GOOD) -> bytes:
        """The chain of a certificate for `host` of that kind, then its private key."""
        named = "another.invalid" if kind is Tls.WRONG_NAME else host
        own = kind in (Tls.SELF_SIGNED, Tls.EXPIRED)
        certificate = self._certificate(
            _name(named),
            _name(named) if own else self._authority,
            self._key.public_key(),
            signed_by=self._key if own else self._authority_key,
            host=named,
            ends_at=self._now - _DAY if kind is Tls.EXPIRED else None,
        )
        chain = [certificate] if own else [certificate, self._root]
        return b"".join(
            one.public_bytes(serialization.Encoding.PEM) for one in chain
        ) + self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def _certificate(
        self,
        subject: x509.Name,
        issuer: x509.Name,
        public: ec.EllipticCurvePublicKey,
        *,
        signed_by: ec.EllipticCurvePrivateKey,
        host: str = "",
        ends_at: datetime.datetime | None = None,
    ) -> x509.Certificate:
        """`host` "": an authority."""
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - 30 * _DAY)
            .not_valid_after(ends_at or self._now + 30 * _DAY)
            .add_extension(x509.BasicConstraints(ca=not host, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(signed_by.public_key()), critical=False
            )
        )
        if host:
            names = x509.SubjectAlternativeName([x509.DNSName(host)])
            builder = builder.add_extension(names, critical=False)
        else:
            builder = builder.add_extension(_SIGNS_CERTIFICATES, critical=True)
        return builder.sign(signed_by, hashes.SHA256())


def _digest(public: ec.EllipticCurvePublicKey) -> str:
    info = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(info).hexdigest()


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:64])])
