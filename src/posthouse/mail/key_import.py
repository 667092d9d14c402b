"""A private DKIM key that somebody brings along, in any form in which such keys are kept.

PEM (PKCS#8, PKCS#1; also with its line breaks written as `\\n`), DER, base64 of DER, and for Ed25519 the
base64 of the 32 octets (RFC 8032 5.1.5), alone or with the public half behind them. What is something else is
named: a public key, a certificate, a key with a passphrase, a DNS record.

Public: ImportedKey, import_key.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as NotBase64
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from posthouse.mail.dkim import BadKey, PrivateKey, algorithm_of, der_of, judge_size, public_of, published_key

_FILE_MAX = 64 * 1024
_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----[^-]*-----END \1-----")
_LABEL = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]+={0,2}\Z")
_UNREADABLE = "this is not a readable private key (PEM, DER or base64)"
_PUBLIC = "this is a public key; the private key is needed, which is kept in another file"
_CERTIFICATE = "this is a certificate; the private key is needed, which is kept in another file"
_ENCRYPTED = "the key is encrypted; give it without a passphrase (openssl pkey -in FILE -out PLAIN)"
_SEED, _SEED_AND_PUBLIC = 32, 64


@dataclass(frozen=True, slots=True)
class ImportedKey:
    """A customer's own key: `der` is PKCS#8, `public` the p= value, `warning` "" or a sentence for people."""

    algorithm: str
    der: bytes
    public: str
    warning: str


def import_key(data: bytes) -> ImportedKey:
    """A private key from outside, fully checked.

    Raises BadKey: unreadable, encrypted, of another kind, or an RSA key outside 1024..4096 bits.
    """
    if len(data) > _FILE_MAX:
        raise BadKey("the key file is too large")
    if not data.strip():
        raise BadKey("there is nothing in the key file")
    private, warning = _read_pem(data) if b"-----BEGIN" in data else _read_bare(data)
    return ImportedKey(algorithm_of(private), der_of(private), public_of(private), warning)


def _read_pem(data: bytes) -> tuple[PrivateKey, str]:
    data = data.replace(b"\\n", b"\n")  # a key that went through an environment variable or JSON
    labels = _LABEL.findall(data)
    private = [label for label in labels if label.endswith(b"PRIVATE KEY")]
    if len(private) > 1:
        raise BadKey(f"there are {len(private)} private keys in the file; give one")
    if not private:
        raise BadKey(_instead(labels))
    if private[0] == b"OPENSSH PRIVATE KEY":
        text = (
            "this is a key for SSH; to sign mail with it, write it as PKCS#8 (ssh-keygen -p -m PKCS8 -f FILE)"
        )
        raise BadKey(text)
    if private[0] == b"ENCRYPTED PRIVATE KEY" or b"4,ENCRYPTED" in data:
        raise BadKey(_ENCRYPTED)
    block = next((found[0] for found in _BLOCK.finditer(data) if found[1] == private[0]), None)
    if block is None:
        raise BadKey("the key's last lines are missing: there is no END line")
    return _load(serialization.load_pem_private_key, block)


def _instead(labels: list[bytes]) -> str:
    """What a PEM file without a private key is."""
    if any(label.endswith(b"PUBLIC KEY") for label in labels):
        return _PUBLIC
    if any(b"CERTIFICATE" in label for label in labels):
        return _CERTIFICATE
    return _UNREADABLE


def _read_bare(data: bytes) -> tuple[PrivateKey, str]:
    """DER, or base64 of something."""
    text = b"".join(data.split())
    if not _BASE64.match(text):
        if b"=" in data and published_key(data.decode("ascii", "replace").strip().strip('"')):
            raise BadKey("this is the key's DNS record; the private key is needed")
        return _read_der(data)
    try:
        plain = b64decode(
            text.rstrip(b"=") + b"=" * (-len(text.rstrip(b"=")) % 4), b"-_" if _is_url(text) else None
        )
    except NotBase64:
        raise BadKey(_UNREADABLE) from None
    if len(plain) not in (_SEED, _SEED_AND_PUBLIC):
        return _read_der(plain)
    private = Ed25519PrivateKey.from_private_bytes(plain[:_SEED])
    if plain[_SEED:] not in (b"", private.public_key().public_bytes_raw()):
        raise BadKey("these are 64 octets, but not an Ed25519 key and its public half")
    return private, ""


def _is_url(text: bytes) -> bool:
    return b"-" in text or b"_" in text


def _read_der(data: bytes) -> tuple[PrivateKey, str]:
    try:
        return _load(serialization.load_der_private_key, data)
    except BadKey as error:
        raise BadKey(_der_instead(data) or str(error)) from error


def _der_instead(data: bytes) -> str:
    """What DER that is no private key is, "" when nobody can tell."""
    for load, text in (
        (serialization.load_der_public_key, _PUBLIC),
        (x509.load_der_x509_certificate, _CERTIFICATE),
    ):
        try:
            load(data)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            continue
        return text
    return ""


def _load(load: Any, data: bytes) -> tuple[PrivateKey, str]:
    """(key, warning), by one of cryptography's loaders."""
    try:
        private = load(data, None, unsafe_skip_rsa_key_validation=True)
        if not isinstance(private, RSAPrivateKey | Ed25519PrivateKey):
            raise BadKey("only RSA and Ed25519 keys can sign mail")
        warning = judge_size(private)  # before the full check, which takes minutes for a giant key
        load(data, None)
    except TypeError as error:
        raise BadKey(_ENCRYPTED) from error
    except UnsupportedAlgorithm as error:
        raise BadKey("this kind of key is not supported") from error
    except BadKey:
        raise
    except ValueError as error:
        raise BadKey(_UNREADABLE) from error
    return private, warning
