"""Reads a certificate chain and its key as people bring them, and says what is wrong in one sentence.

No text of ours repeats anything of the key.

Public: Pair, read_pair, UsualCertificate, read_usual, is_self_signed, names_of.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from posthouse.model.errors import Refused
from posthouse.net.host_tls import host_context

MOST_BYTES = 64 * 1024
_MOST_CERTIFICATES = 10

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Pair:
    """A chain (PEM, the host's own certificate first, nothing but certificates) with its key (PEM, PKCS#8);
    `names` are the DNS names that it is for, `expires_at` seconds since 1970."""

    chain: str
    key: bytes = field(repr=False)
    names: tuple[str, ...]
    expires_at: float


def read_pair(chain: bytes, key: bytes, now: float) -> Pair:
    """A pair that can be shown to clients at `now`. Raises Refused."""
    certificates = _read_chain(chain)
    private = _read_key(key)
    _must_fit(certificates, private)
    first = certificates[0]
    begins, ends = first.not_valid_before_utc, first.not_valid_after_utc
    if ends.timestamp() <= now:
        raise refused(f"The certificate expired on {ends:%Y-%m-%d}; bring the renewed one")
    if begins.timestamp() > now:
        raise refused(f"The certificate is valid from {begins:%Y-%m-%d %H:%MZ} on, not yet now")
    pem = b"".join(one.public_bytes(Encoding.PEM) for one in certificates)
    plain = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        host_context(pem, plain)
    except (ssl.SSLError, ValueError) as error:
        word = getattr(error, "reason", None) or "it cannot be used"
        raise refused(f"OpenSSL does not take this pair: {word}") from None
    return Pair(pem.decode("ascii"), plain, _names(first), ends.timestamp())


@dataclass(frozen=True, slots=True)
class UsualCertificate:
    """What the installation shows where a host has no certificate of its own."""

    chain: str
    names: tuple[str, ...]
    expires_at: float


def read_usual(file: Path) -> UsualCertificate | None:
    """That of `smtp.tls_cert`; None: there is none that can be read."""
    try:
        data = file.read_bytes()
        certificates = _read_chain(data)
    except (OSError, Refused):
        return None
    first = certificates[0]
    pem = b"".join(one.public_bytes(Encoding.PEM) for one in certificates).decode("ascii")
    return UsualCertificate(pem, _names(first), first.not_valid_after_utc.timestamp())


def is_self_signed(chain: str) -> bool:
    """Was the host's own certificate of such a chain issued by nobody else?"""
    first = x509.load_pem_x509_certificate(chain.encode("ascii"))
    return first.issuer == first.subject


def names_of(chain: str) -> tuple[str, ...]:
    """The DNS names of a chain that `read_pair` has made."""
    return _names(x509.load_pem_x509_certificate(chain.encode("ascii")))


def refused(text: str) -> Refused:
    return Refused(501, "5.7.0", text, reason="bad-certificate")


def _read_chain(data: bytes) -> list[x509.Certificate]:
    if len(data) > MOST_BYTES:
        raise refused(f"The certificate file is larger than {MOST_BYTES} bytes")
    if b"-----BEGIN CERTIFICATE-----" not in data:
        raise refused("The certificate file holds no certificate in PEM (-----BEGIN CERTIFICATE-----)")
    try:
        found = x509.load_pem_x509_certificates(data)
        for one in found:
            one.public_key()
        _names(found[0])
    except (ValueError, UnsupportedAlgorithm):
        raise refused("The certificate file cannot be read: a part of it is damaged") from None
    if len(found) > _MOST_CERTIFICATES:
        raise refused(f"The certificate file holds more than {_MOST_CERTIFICATES} certificates")
    for place, (one, next_one) in enumerate(pairwise(found), 1):
        if one.issuer != next_one.subject:
            raise refused(
                f"The chain is out of order: certificate {place} was not issued by the one after it; the "
                "host's own comes first, then each one's issuer"
            )
    return found


def _read_key(data: bytes) -> PrivateKey:
    if len(data) > MOST_BYTES:
        raise refused(f"The key file is larger than {MOST_BYTES} bytes")
    try:
        private = load_pem_private_key(data, None)
    except TypeError:
        raise refused("The key is encrypted; give it without a passphrase") from None
    except (ValueError, UnsupportedAlgorithm):
        raise refused("The key file holds no readable private key in PEM") from None
    if not isinstance(private, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise refused("The key is of a kind that browsers do not take; an RSA or ECDSA key is needed")
    if isinstance(private, rsa.RSAPrivateKey) and private.key_size < 2048:
        raise refused(f"The RSA key has {private.key_size} bits; 2048 are the least")
    return private


def _must_fit(certificates: list[x509.Certificate], private: PrivateKey) -> None:
    ours = _public(private)
    if _public(certificates[0]) == ours:
        return
    if any(_public(one) == ours for one in certificates[1:]):
        raise refused("The key belongs to a later certificate of the file; the host's own comes first")
    raise refused("The key does not belong to the certificate")


def _public(holder: x509.Certificate | PrivateKey) -> bytes:
    return holder.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    """Of the SAN alone: nobody reads the common name any more (RFC 9525 2). Raises ValueError."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return tuple(found.value.get_values_for_type(x509.DNSName))
