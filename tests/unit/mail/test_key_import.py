"""Private keys that people bring along: every form that works, and a sentence for each that does not."""

from __future__ import annotations

import datetime as dt
from base64 import b64encode, urlsafe_b64encode
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, PublicFormat

from posthouse.mail.dkim import BadKey, public_of
from posthouse.mail.key_import import import_key
from posthouse.rules.records import dkim_value

ED = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SEED = ED.private_bytes_raw()
PUBLIC = ED.public_key().public_bytes_raw()
PLAIN = serialization.NoEncryption()


@cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def written(
    private: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey,
    encoding: Encoding = Encoding.PEM,
    form: PrivateFormat = PrivateFormat.PKCS8,
    password: bytes = b"",
) -> bytes:
    hidden = serialization.BestAvailableEncryption(password) if password else PLAIN
    return private.private_bytes(encoding, form, hidden)


def certificate(encoding: Encoding = Encoding.PEM) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x.test")])
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    builder = x509.CertificateBuilder(name, name, rsa_key().public_key(), 1, start, start + dt.timedelta(1))
    return builder.sign(rsa_key(), hashes.SHA256()).public_bytes(encoding)


def public(encoding: Encoding = Encoding.PEM) -> bytes:
    return rsa_key().public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)


PKCS1 = PrivateFormat.TraditionalOpenSSL
RSA_FORMS = {
    "PEM of PKCS#8": lambda: written(rsa_key()),
    "PEM of PKCS#1": lambda: written(rsa_key(), form=PKCS1),
    "DER of PKCS#8": lambda: written(rsa_key(), Encoding.DER),
    "DER of PKCS#1": lambda: written(rsa_key(), Encoding.DER, PKCS1),
    "base64 of PKCS#8": lambda: b64encode(written(rsa_key(), Encoding.DER)),
    "base64 in lines": lambda: b"\r\n".join(written(rsa_key()).splitlines()[1:-1]),
    "base64 for URLs, without its ends": lambda: (
        urlsafe_b64encode(written(rsa_key(), Encoding.DER, PKCS1)).rstrip(b"=") + b"\n"
    ),
    "lines of Windows": lambda: written(rsa_key()).replace(b"\n", b"\r\n"),
    "line breaks written out": lambda: written(rsa_key()).strip().replace(b"\n", b"\\n"),
    "text around it": lambda: b"Bag Attributes\n  x: y\n" + written(rsa_key()) + b"\nbye\n",
    "beside its certificate": lambda: certificate() + written(rsa_key()) + public(),
}


@pytest.mark.parametrize("form", RSA_FORMS)
def test_D_03_an_rsa_key_is_read(form: str) -> None:
    made = import_key(RSA_FORMS[form]())
    assert (made.algorithm, made.public, made.warning) == ("rsa-sha256", public_of(rsa_key()), "")
    assert made.der == written(rsa_key(), Encoding.DER)


ED_FORMS = {
    "PEM": written(ED),
    "DER": written(ED, Encoding.DER),
    "the 32 octets": b64encode(SEED) + b"\n",
    "with the public half behind": b64encode(SEED + PUBLIC),
}


@pytest.mark.parametrize("data", ED_FORMS.values(), ids=ED_FORMS)
def test_D_03_an_ed25519_key_is_read(data: bytes) -> None:
    made = import_key(data)
    assert (made.algorithm, made.public, made.warning) == ("ed25519-sha256", public_of(ED), "")
    assert made.der == written(ED, Encoding.DER)


@pytest.mark.parametrize("bits", [1024, 1536])
def test_a_short_rsa_key_is_taken_with_a_warning(bits: int) -> None:
    assert import_key(written(rsa_key(bits))).warning == f"the key has only {bits} bits; 2048 are advised"


SSH = b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"
OLD_ENCRYPTED = (
    b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n"
    b"-----END RSA PRIVATE KEY-----\n"
)
WRONG = {
    "nothing": (lambda: b" \n", "there is nothing in the key file"),
    "text": (lambda: b"hello", "not a readable private key"),
    "broken PEM": (
        lambda: b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        "not a readable",
    ),
    "broken DER": (lambda: b"\x30\x82\xff\xff", "not a readable"),
    "UTF-16": (lambda: written(ED).decode().encode("utf-16"), "not a readable"),
    "cut off": (lambda: written(rsa_key())[:800], "last lines are missing"),
    "huge": (lambda: b"x" * 70_000, "the key file is too large"),
    "another kind": (lambda: written(ec.generate_private_key(ec.SECP256R1())), "only RSA and Ed25519 keys"),
    "another old kind": (
        lambda: written(ec.generate_private_key(ec.SECP256R1()), form=PKCS1),
        "only RSA and Ed25519 keys",
    ),
    "encrypted": (
        lambda: written(ED, password=b"secret"),
        "the key is encrypted; give it without a passphrase",
    ),
    "encrypted DER": (lambda: written(ED, Encoding.DER, password=b"secret"), "the key is encrypted"),
    "encrypted in the old way": (lambda: OLD_ENCRYPTED, "the key is encrypted"),
    "for SSH": (lambda: SSH, "this is a key for SSH"),
    "public": (public, "this is a public key; the private key is needed"),
    "public DER": (lambda: public(Encoding.DER), "this is a public key"),
    "public in base64": (lambda: b64encode(public(Encoding.DER)), "this is a public key"),
    "certificate": (certificate, "this is a certificate; the private key is needed"),
    "certificate in DER": (lambda: certificate(Encoding.DER), "this is a certificate"),
    "DNS record": (
        lambda: f'"{dkim_value(public_of(ED), "ed25519-sha256")}"'.encode(),
        "this is the key's DNS record",
    ),
    "two keys": (lambda: written(ED) + written(rsa_key()), "there are 2 private keys in the file"),
    "64 octets of something": (lambda: b64encode(SEED + SEED), "not an Ed25519 key and its public half"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_key_is_named(case: str) -> None:
    data, part = WRONG[case]
    with pytest.raises(BadKey) as raised:
        import_key(data())
    assert part in str(raised.value)


def test_the_sentence_holds_nothing_of_the_key() -> None:
    text = b64encode(written(rsa_key(), Encoding.DER))[:-40]
    with pytest.raises(BadKey) as raised:
        import_key(text)
    assert text[200:220].decode() not in str(raised.value)
