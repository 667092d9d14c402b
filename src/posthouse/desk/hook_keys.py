"""Keys that sign our posts to a customer's receiver: made, or brought along so that it stays as it is.

Each dialect signs in its service's way: Mailgun's and our own with a secret that both sides know, which is
shown once, when it is made; SendGrid's and MailPace's with a private key, whose public half is shown at any
time. MailPace's keys belong to a domain, the others to the account. Private halves are sealed. Which key
signs when is for `hook_rotation` to say.

Public: WAYS, OF_DOMAIN, Made, way_of, make, bring, store, seal, missing, place_of.
"""

from __future__ import annotations

import binascii
import re
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from posthouse.desk import domains
from posthouse.desk.hook_signing import ECDSA, ED25519, MAC, STANDARD
from posthouse.desk.installation import Installation
from posthouse.mail.dkim import ED25519_SHA256, BadKey, new_key
from posthouse.mail.key_import import import_key
from posthouse.model.clock import Ids
from posthouse.model.errors import Refused
from posthouse.model.hook import HookKey
from posthouse.store import hook_keys
from posthouse.store.engine import Connection
from posthouse.store.hook_keys import SealedHookKey

WAYS = {"mailgun": MAC, "sendgrid": ECDSA, "mailpace": ED25519, "native": STANDARD}
OF_DOMAIN = frozenset({"mailpace"})
_MOST = 64 * 1024
_TEXT = re.compile(r"[\x21-\x7e]{16,256}\Z")
_PREFIX = "whsec_"
_SECRET_LEAST, _SECRET_MOST = 24, 64  # Standard Webhooks, "Signing secret"


@dataclass(frozen=True, slots=True)
class Made:
    """A key that is not stored yet. `text`: what the customer copies to his receiver, shown now only; "" for
    a key with a public half."""

    key: HookKey
    text: str = field(default="", repr=False)


def way_of(dialect: str) -> str:
    """The algorithm of a dialect. Raises Refused."""
    if dialect not in WAYS:
        text = f"{dialect[:40]!r} is no dialect that signs; allowed: {', '.join(WAYS)}"
        raise Refused(501, "5.5.4", text, reason="bad-dialect")
    return WAYS[dialect]


def make(dialect: str) -> Made:
    """A fresh key in the dialect's way. Raises Refused."""
    way = way_of(dialect)
    if way == MAC:
        text = secrets.token_hex(16)
        return Made(HookKey(MAC, text.encode(), ""), text)
    if way == STANDARD:
        secret = secrets.token_bytes(32)
        return Made(HookKey(STANDARD, secret, ""), _PREFIX + b64encode(secret).decode())
    if way == ECDSA:
        return Made(_ecdsa_key(ec.generate_private_key(ec.SECP256R1())))
    der, public = new_key(ED25519_SHA256)
    return Made(HookKey(ED25519, der, public))


def bring(dialect: str, data: bytes) -> Made:
    """A key from elsewhere. Raises Refused, with what is wrong and nothing of the key."""
    read: dict[str, Callable[[bytes], HookKey]] = {
        MAC: _read_text,
        STANDARD: _read_standard,
        ECDSA: _read_ecdsa,
        ED25519: _read_ed25519,
    }
    way = way_of(dialect)
    try:
        if len(data) > _MOST:
            raise BadKey("the file is too large")
        if not data.strip():
            raise BadKey("there is nothing in the file")
        return Made(read[way](data))
    except BadKey as error:
        raise Refused(501, "5.7.0", f"Not a key for {dialect}: {error}", reason="bad-key") from error


def _read_text(data: bytes) -> HookKey:
    text = data.decode("ascii", "replace").strip()
    if not _TEXT.match(text):
        raise BadKey("the secret is one word of 16 to 256 letters, digits and signs")
    return HookKey(MAC, text.encode(), "")


def _read_standard(data: bytes) -> HookKey:
    text = "".join(data.decode("ascii", "replace").split()).removeprefix(_PREFIX)
    try:
        secret = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadKey(f"the secret is {_PREFIX} and base64") from None
    if not _SECRET_LEAST <= len(secret) <= _SECRET_MOST:
        text = f"the secret has {_SECRET_LEAST} to {_SECRET_MOST} octets, this one has {len(secret)}"
        raise BadKey(text)
    return HookKey(STANDARD, secret, "")


def _read_ed25519(data: bytes) -> HookKey:
    found = import_key(data)
    if found.algorithm != ED25519_SHA256:
        raise BadKey("this is an RSA key; an Ed25519 key is needed")
    return HookKey(ED25519, found.der, found.public)


def _read_ecdsa(data: bytes) -> HookKey:
    if b"PUBLIC KEY" in data:
        raise BadKey("this is a public key; the private key is needed")
    is_pem = b"-----BEGIN" in data
    try:
        plain = data if is_pem else _bare(data)
        load = serialization.load_pem_private_key if is_pem else serialization.load_der_private_key
        private = load(plain, None)
    except TypeError:
        raise BadKey("the key is encrypted; give it without a passphrase") from None
    except (ValueError, UnsupportedAlgorithm):
        raise BadKey(
            "this is not a readable private key (PEM, DER or base64); a public key does not sign"
        ) from None
    if not isinstance(private, ec.EllipticCurvePrivateKey) or not isinstance(private.curve, ec.SECP256R1):
        raise BadKey("an ECDSA key on the curve P-256 is needed, this is another kind")
    return _ecdsa_key(private)


def _bare(data: bytes) -> bytes:
    """DER, or the DER that base64 holds."""
    try:
        return b64decode(b"".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        return data


def _ecdsa_key(private: ec.EllipticCurvePrivateKey) -> HookKey:
    der = private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return HookKey(ECDSA, der, b64encode(public).decode())


def store(
    conn: Connection,
    installation: Installation,
    ids: Ids,
    now: float,
    made: Made,
    *,
    account_id: str,
    dialect: str,
    domain: str = "",
    replaces: bool = False,
) -> SealedHookKey:
    """Store a key, inside the caller's transaction; `replaces`: older ones end now. Raises Refused."""
    place = place_of(conn, account_id, dialect, domain)
    if replaces:
        hook_keys.remove_hook_key(conn, account_id, place, dialect)
    elif hook_keys.find_hook_key(conn, account_id, place, dialect):
        text = f"There is a {dialect} hook key already; once it is replaced, receivers need the new one"
        raise Refused(550, "5.5.0", text, reason="hook-key-exists")
    new = seal(installation, ids, now, made, account_id, place, dialect)
    hook_keys.add_hook_key(conn, new)
    return new


def seal(
    installation: Installation,
    ids: Ids,
    now: float,
    made: Made,
    account_id: str,
    place: str,
    dialect: str,
) -> SealedHookKey:
    """A key as the store takes it; `place` as `place_of` says."""
    key_id, key = ids.new(), made.key
    sealed = installation.seal(key.secret, key_id)
    return SealedHookKey(key_id, account_id, place, dialect, key.algorithm, sealed, key.public, now)


def missing(dialect: str) -> Refused:
    """There is no key of that dialect."""
    text = f"There is no {dialect} hook key here: make one first"
    return Refused(550, "5.5.0", text, reason="no-hook-key")


def place_of(conn: Connection, account_id: str, dialect: str, domain: str) -> str:
    """The domain that the key is for, "" for the account. Raises Refused."""
    if dialect not in OF_DOMAIN:
        if domain:
            text = f"A {dialect} hook key is for the whole account; name no domain"
            raise Refused(501, "5.5.4", text, reason="bad-domain")
        return ""
    if not domain:
        text = f"A {dialect} hook key is for one domain: name it"
        raise Refused(501, "5.5.4", text, reason="bad-domain")
    return domains.load(conn, account_id, domain)[0].name
