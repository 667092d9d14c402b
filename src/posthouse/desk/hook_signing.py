"""How a post to a customer's receiver is signed, in four ways that services use; receivers verify the same.

Public: MAC, ECDSA, ED25519, STANDARD, mac, ecdsa, ed25519, standard.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from functools import lru_cache
from typing import cast

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA as EcdsaWith
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from posthouse.model.hook import HookKey

MAC, ECDSA, ED25519, STANDARD = "hmac-sha256", "ecdsa-p256-sha256", "ed25519", "standard-webhooks"
_MOST_KEYS = 256  # kept ready: reading one costs more than half of a signature


def mac(key: HookKey, timestamp: str, token: str) -> str:
    """Hex of HMAC-SHA256 over the timestamp and a random token, joined (Mailgun, Securing Webhooks)."""
    return _digest(key.secret, (timestamp + token).encode()).hex()


def ecdsa(key: HookKey, timestamp: str, body: bytes) -> str:
    """Base64 of an ECDSA P-256 signature in DER over timestamp and body (SendGrid, signed event webhook)."""
    private = cast(EllipticCurvePrivateKey, _read(key.secret))
    return b64encode(private.sign(timestamp.encode() + body, EcdsaWith(hashes.SHA256()))).decode()


def ed25519(key: HookKey, body: bytes) -> str:
    """Base64 of an Ed25519 signature over the body (MailPace, webhook verification)."""
    private = cast(Ed25519PrivateKey, _read(key.secret))
    return b64encode(private.sign(body)).decode()


def standard(key: HookKey, message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,` and base64 of HMAC-SHA256 over id, timestamp and body with dots between (Standard Webhooks); one
    with each secret that is valid, behind spaces."""
    signed = b"%b.%d.%b" % (message_id.encode(), timestamp, body)
    return " ".join(
        [f"v1,{b64encode(_digest(secret, signed)).decode()}" for secret in (key.secret, *key.older)]
    )


def _digest(secret: bytes, signed: bytes) -> bytes:
    # not hmac.digest: that gives up the interpreter's lock, and gets it back when the store lets go
    return hmac.new(secret, signed, "sha256").digest()


@lru_cache(maxsize=_MOST_KEYS)
def _read(der: bytes) -> object:
    return serialization.load_der_private_key(der, None)
