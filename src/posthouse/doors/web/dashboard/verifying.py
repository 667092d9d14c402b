"""How a receiver checks that a post is ours: a function of Python for each service's way, tried by a test.

`headers` has the names in lower case, `body` the octets as they came.

Public: SNIPPETS.
"""

from __future__ import annotations

_MAILGUN = """import hashlib, hmac, json

def is_ours(secret: str, headers: dict, body: bytes) -> bool:
    signed = json.loads(body)["signature"]
    text = signed["timestamp"] + signed["token"]
    expected = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, signed["signature"])
"""

_SENDGRID = """from base64 import b64decode
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

def is_ours(public_key: str, headers: dict, body: bytes) -> bool:
    signature = b64decode(headers["x-twilio-email-event-webhook-signature"])
    timestamp = headers["x-twilio-email-event-webhook-timestamp"].encode()
    try:
        load_der_public_key(b64decode(public_key)).verify(signature, timestamp + body, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True
"""

_MAILPACE = """from base64 import b64decode
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

def is_ours(public_key: str, headers: dict, body: bytes) -> bool:
    signature = b64decode(headers["x-mailpace-signature"])
    try:
        Ed25519PublicKey.from_public_bytes(b64decode(public_key)).verify(signature, body)
    except InvalidSignature:
        return False
    return True
"""

_NATIVE = """import hmac
from base64 import b64decode, b64encode

def is_ours(secret: str, headers: dict, body: bytes) -> bool:
    key = b64decode(secret.removeprefix("whsec_"))
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = "v1," + b64encode(hmac.digest(key, text, "sha256")).decode()
    given = headers["webhook-signature"].split()
    return any(hmac.compare_digest(expected, each) for each in given)
"""

SNIPPETS = {"native": _NATIVE, "mailgun": _MAILGUN, "sendgrid": _SENDGRID, "mailpace": _MAILPACE}
