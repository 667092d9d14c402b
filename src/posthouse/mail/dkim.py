"""DKIM signatures (RFC 6376, 8301, 8463): keys and the DKIM-Signature fields of a letter.

Always relaxed/relaxed; never l= (8.2), no x= (a retry on day four must still verify), no i= (then it is the
signing domain itself). A domain with an RSA and an Ed25519 key gets two signatures that share one body hash
and one canonical header. `signature_fields` is pure and may run in any thread; nearly all of its time is the
RSA operation, which runs outside the interpreter's lock.

Public names: SigningKey, signature_fields, new_key, load_key, public_of, der_of, algorithm_of, judge_size,
published_key, BadKey. Keys from elsewhere: `key_import`.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256

from posthouse.mail.canon import OVERSIGNED, body_hash, signed_header
from posthouse.mail.letter import Field

RSA_SHA256 = "rsa-sha256"
ED25519_SHA256 = "ed25519-sha256"
PrivateKey = RSAPrivateKey | Ed25519PrivateKey

_RSA_BITS_NEW = 2048
_RSA_BITS_MIN = 1024  # RFC 8301 3.2: verifiers refuse less
_RSA_BITS_MAX = 4096  # and need not understand more
_LINE_MAX = 78
_BLANKS = re.compile(r"[ \t\r\n]+")
_CACHED_NAMES_MAX = 64

_PADDING = PKCS1v15()
_DIGEST = Prehashed(SHA256())
_is_name = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*\Z").match


class BadKey(ValueError):
    """The key, selector or domain cannot be used; the text says why and holds nothing of the key."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key ready for use: `domain` and `selector` in lower-case A-label form, `private` a loaded key object.

    Raises BadKey for a name that does not fit into a tag, a weak key, or a key of another algorithm.
    """

    domain: str
    selector: str
    algorithm: str
    private: PrivateKey = field(repr=False)
    opening: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in (self.domain, self.selector):
            if len(name) > 253 or not _is_name(name):
                raise BadKey("domain and selector must be lower-case host names")
        if algorithm_of(self.private) != self.algorithm:
            raise BadKey(f"this is not a key for {self.algorithm}")
        judge_size(self.private)
        opening = f"DKIM-Signature: v=1; a={self.algorithm}; c=relaxed/relaxed;"
        for tag in (f" d={self.domain};", f" s={self.selector};"):
            is_full = len(opening) - opening.rfind("\n") - 1 + len(tag) > _LINE_MAX
            opening += "\r\n" + tag if is_full else tag
        object.__setattr__(self, "opening", opening.encode())

    def signature(self, digest: bytes) -> bytes:
        """Sign a SHA-256 digest: PKCS #1 v1.5, or PureEdDSA over the digest (RFC 8463 section 3)."""
        if isinstance(self.private, RSAPrivateKey):
            return self.private.sign(digest, _PADDING, _DIGEST)
        return self.private.sign(digest)


def signature_fields(
    keys: Sequence[SigningKey],
    head: bytes,
    fields: Sequence[Field],
    body: bytes,
    now: int,
    ready_hash: bytes = b"",
) -> bytes:
    """One DKIM-Signature field per key, each with CRLF and lines of at most 78 columns.

    `fields` are the header fields within `head`, `body` the octets after the empty line, both exactly as they
    will leave before dot-stuffing (RFC 6376 5.3); `now` is seconds since the epoch. `ready_hash`: what
    `canon.body_hash` says about the body, if that is known; then `body` is not looked at.
    """
    names, text = signed_header(head, fields)
    tag = _names_tag(names) if len(names) <= _CACHED_NAMES_MAX else _names_tag.__wrapped__(names)
    rest = b"%b\r\n t=%d; bh=%b;\r\n b=" % (tag, now, ready_hash or body_hash(body))
    header_hash = sha256(text)
    written: list[bytes] = []
    for key in keys:
        unsigned = key.opening + rest
        own_hash = header_hash.copy()
        own_hash.update(b"dkim-signature:" + unsigned[16:].replace(b"\r\n ", b" "))
        written.append(unsigned + _broken(b64encode(key.signature(own_hash.digest()))))
    return b"".join(written)


def new_key(algorithm: str) -> tuple[bytes, str]:
    """A fresh key: (PKCS#8 DER, value of the p= tag). RSA keys have 2048 bits (RFC 8301 3.2)."""
    private: PrivateKey
    if algorithm == RSA_SHA256:
        private = generate_private_key(public_exponent=65537, key_size=_RSA_BITS_NEW)
    elif algorithm == ED25519_SHA256:
        private = Ed25519PrivateKey.generate()
    else:
        raise BadKey(f"the algorithm must be {RSA_SHA256} or {ED25519_SHA256}")
    return der_of(private), public_of(private)


def load_key(der: bytes) -> PrivateKey:
    """A stored key of ours, without the RSA consistency check (36 ms): it was made when the key came in."""
    try:
        private = serialization.load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadKey("the stored key cannot be read") from error
    if not isinstance(private, RSAPrivateKey | Ed25519PrivateKey):
        raise BadKey("the stored key is neither RSA nor Ed25519")
    return private


def algorithm_of(private: PrivateKey) -> str:
    """Its a= value."""
    return RSA_SHA256 if isinstance(private, RSAPrivateKey) else ED25519_SHA256


def public_of(private: PrivateKey) -> str:
    """The p= tag: base64 of SubjectPublicKeyInfo (RSA) or of the raw 32 octets (RFC 8463 4.2)."""
    public = private.public_key()
    if isinstance(private, RSAPrivateKey):
        form, encoding = serialization.PublicFormat.SubjectPublicKeyInfo, serialization.Encoding.DER
    else:
        form, encoding = serialization.PublicFormat.Raw, serialization.Encoding.Raw
    return b64encode(public.public_bytes(encoding, form)).decode("ascii")


def published_key(record: str) -> str:
    """The p= value of a key record (RFC 6376 3.6.1), "" if it has none or is no such record."""
    tags = [tag.partition("=") for tag in record.split(";")]
    named = {name.strip(): _BLANKS.sub("", value) for name, _, value in tags}
    return named.get("p", "") if named.get("v", "DKIM1") == "DKIM1" else ""


def judge_size(private: PrivateKey) -> str:
    """ "" or a warning about a weak RSA key; BadKey for one that receivers would not accept (DK-1)."""
    if not isinstance(private, RSAPrivateKey) or private.key_size == _RSA_BITS_NEW:
        return ""
    bits = private.key_size
    if not _RSA_BITS_MIN <= bits <= _RSA_BITS_MAX:
        raise BadKey(f"RSA keys must have {_RSA_BITS_MIN} to {_RSA_BITS_MAX} bits, this one has {bits}")
    return f"the key has only {bits} bits; {_RSA_BITS_NEW} are advised" if bits < _RSA_BITS_NEW else ""


def der_of(private: PrivateKey) -> bytes:
    """PKCS#8, not encrypted."""
    return private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@lru_cache(maxsize=256)
def _names_tag(names: tuple[bytes, ...]) -> bytes:
    """The folded h= tag: `names`, then each over-signed name once more. Letters of one sender share it."""
    lines: list[bytes] = []
    line = b" h="
    for name in (*names, *OVERSIGNED[:-1]):
        if len(line) + len(name) + 1 > _LINE_MAX:
            lines.append(line)
            line = b" "
        line += name + b":"
    if len(line) + len(OVERSIGNED[-1]) + 1 > _LINE_MAX:
        lines.append(line)
        line = b" "
    lines.append(line + OVERSIGNED[-1] + b";")
    return b"\r\n" + b"\r\n".join(lines)


def _broken(signature: bytes) -> bytes:
    """The base64 of the b= tag in lines of 78 columns; the first shares its line with ` b=`."""
    lines = [signature[:75]]
    lines += [signature[at : at + 77] for at in range(75, len(signature), 77)]
    return b"\r\n ".join(lines) + b"\r\n"
