"""Two verifiers that share no code with ours: dkimpy (RSA only here) and a small one of the tests' own.

The small one is written from RFC 6376 octet by octet, slow and plain, and also knows Ed25519 (RFC 8463) and
white space before a field's colon, which dkimpy does not take.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache

import dkim
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from posthouse.mail.dkim import SigningKey, load_key, new_key
from posthouse.rules.records import dkim_value

DOMAIN = "example.com"


@cache
def key_and_record(algorithm: str) -> tuple[SigningKey, str]:
    """One key per algorithm for the whole run, with its DNS record."""
    der, public = new_key(algorithm)
    selector = algorithm.partition("-")[0]
    return SigningKey(DOMAIN, selector, algorithm, load_key(der)), dkim_value(public, algorithm)


def rsa_key() -> SigningKey:
    return key_and_record("rsa-sha256")[0]


def ed_key() -> SigningKey:
    return key_and_record("ed25519-sha256")[0]


def our_records() -> dict[str, str]:
    pairs = [key_and_record(name) for name in ("rsa-sha256", "ed25519-sha256")]
    return {f"{key.selector}._domainkey.{key.domain}": record for key, record in pairs}


def dkimpy_accepts(message: bytes, records: dict[str, str] | None = None) -> bool:
    """Does dkimpy accept the topmost signature? Its reason for a refusal is raised."""
    known = our_records() if records is None else records
    verifier = dkim.DKIM(message, timeout=1)
    return bool(verifier.verify(dnsfunc=lambda name, timeout=5: known[name.decode().rstrip(".")].encode()))


def verified_signatures(message: bytes, records: dict[str, str] | None = None) -> list[str]:
    """The selectors of all DKIM-Signature fields by these keys that verify, from the top."""
    known = our_records() if records is None else records
    fields, body = split(message)
    good: list[str] = []
    for name, value in fields:
        if name == b"dkim-signature":
            tags = tags_of(value)
            record = known.get(f"{tags.get('s')}._domainkey.{tags.get('d')}", "")
            if record and _holds(value, tags, fields, body, tags_of(record.encode())):
                good.append(tags["s"])
    return good


def split(message: bytes) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Fields as (lower-case name, raw value with CRLF) and the body."""
    fields: list[tuple[bytes, bytes]] = []
    at = 0
    while not message.startswith(b"\r\n", at):
        end = message.index(b"\r\n", at) + 2
        line = message[at:end]
        if line[0] in b" \t":
            fields[-1] = (fields[-1][0], fields[-1][1] + line)
        else:
            name, colon, value = line.partition(b":")
            assert colon, f"not a field: {line!r}"
            fields.append((name.rstrip(b" \t").lower(), value))
        at = end
    return fields, message[at + 2 :]


def tags_of(value: bytes) -> dict[str, str]:
    tags: dict[str, str] = {}
    for part in value.decode().split(";"):
        if part.strip():
            name, _, text = part.partition("=")
            assert name.strip() not in tags, f"tag {name} twice"
            tags[name.strip()] = re.sub(r"\s+", "", text)
    return tags


def relaxed_line(name: bytes, value: bytes) -> bytes:
    text = value.replace(b"\r\n", b"")
    while b"\t" in text or b"  " in text:
        text = text.replace(b"\t", b" ").replace(b"  ", b" ")
    return name + b":" + text.strip(b" ") + b"\r\n"


def slow_relaxed_body(body: bytes) -> bytes:
    lines = body.split(b"\r\n")
    if lines[-1] == b"":
        lines.pop()
    lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in lines]
    while lines and lines[-1] == b"":
        lines.pop()
    return b"".join([line + b"\r\n" for line in lines])


def _holds(
    value: bytes, tags: dict[str, str], fields: list[tuple[bytes, bytes]], body: bytes, record: dict[str, str]
) -> bool:
    assert tags["c"] == "relaxed/relaxed"
    if base64.b64encode(hashlib.sha256(slow_relaxed_body(body)).digest()).decode() != tags["bh"]:
        return False
    left = list(fields)
    text = b""
    for name in tags["h"].lower().encode().split(b":"):
        places = [place for place, one in enumerate(left) if one is not None and one[0] == name]
        if places:
            text += relaxed_line(*left[places[-1]])
            left[places[-1]] = (b"", b"")
    unsigned = re.sub(rb"([;\s]b\s*=)[^;]*", rb"\1", value)
    text += relaxed_line(b"dkim-signature", unsigned)[:-2]
    signature = base64.b64decode(tags["b"], validate=True)
    published = base64.b64decode(record["p"], validate=True)
    try:
        if tags["a"] == "ed25519-sha256":
            assert record["k"] == "ed25519"
            public = ed25519.Ed25519PublicKey.from_public_bytes(published)
            public.verify(signature, hashlib.sha256(text).digest())
        else:
            assert (tags["a"], record["k"]) == ("rsa-sha256", "rsa")
            key = serialization.load_der_public_key(published)
            assert isinstance(key, rsa.RSAPublicKey)
            key.verify(signature, text, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True
