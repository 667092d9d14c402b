"""The installation key: 32 random bytes in one file, from which everything that is sealed or hashed depends.

From it come keys by HMAC (one use, one key): one seals the private DKIM keys with AES-256-GCM, one hashes
passwords, one signs return paths, and each domain has one that signs the links in its mail. Passwords that we
make carry 192 random bits and chosen ones must be long (docs/decisions/021), so a keyed hash is enough and
quick; whoever steals the store without this file can test no guess. All machines of one installation share
the file; who loses it must make the domains' keys and all passwords anew.
"""

from __future__ import annotations

import hmac
import os
import secrets
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from posthouse.desk.secrets_file import read_or_make
from posthouse.model.errors import SettingsError

FILE_NAME = "installation.key"
_KEY_BYTES = 32
_NONCE_BYTES = 12
_FORM = b"\x01"  # AES-256-GCM, 12-byte nonce first


class SealBroken(SettingsError):
    """A sealed value cannot be opened: another installation's key, another owner, or damage."""


@dataclass(frozen=True)
class Installation:
    """Seals, opens and hashes. The key never shows in a repr."""

    key: bytes = field(repr=False)

    @classmethod
    def load_or_make(cls, state_dir: Path) -> Installation:
        """The installation of this state directory; its key is made if absent. Raises SettingsError."""
        path = state_dir / FILE_NAME
        text = read_or_make(path, lambda: secrets.token_hex(_KEY_BYTES).encode() + b"\n")
        try:
            key = bytes.fromhex(text.decode("ascii"))
        except ValueError:
            key = b""
        if len(key) != _KEY_BYTES:
            raise SettingsError(f"{path}: not an installation key; allowed: {2 * _KEY_BYTES} hex digits")
        return cls(key)

    @cached_property
    def _seal_key(self) -> bytes:
        return hmac.digest(self.key, b"posthouse seal 1", "sha256")

    @cached_property
    def _hash_key(self) -> bytes:
        return hmac.digest(self.key, b"posthouse credential 1", "sha256")

    @cached_property
    def _link_key(self) -> bytes:
        return hmac.digest(self.key, b"posthouse links 1", "sha256")

    @cached_property
    def return_key(self) -> bytes:
        """32 bytes that sign return paths (`mail.return_path`), the same for all domains: the answer to one
        tells no customer anything about it."""
        return hmac.digest(self.key, b"posthouse return paths 1", "sha256")

    def claim_token(self, account_id: str, domain: str) -> str:
        """What an account publishes in DNS to show that a domain is its own: 40 hex digits."""
        key = hmac.digest(self.key, b"posthouse claim 1", "sha256")
        return hmac.digest(key, f"{account_id} {domain}".encode(), "sha256").hex()[:40]

    def link_key(self, domain: str) -> bytes:
        """32 bytes that sign the links in mail of a domain (its A-label name): one domain's links say
        nothing about another's."""
        return hmac.digest(self._link_key, domain.encode(), "sha256")

    def keyed_hash(self, use: str, text: str) -> bytes:
        """32 bytes that stand for a text, under a key of its own for each use (such as "session")."""
        key = hmac.digest(self.key, f"posthouse {use} 1".encode(), "sha256")
        return hmac.digest(key, text.encode("utf-8", "surrogatepass"), "sha256")

    def seal(self, plain: bytes, owner: str) -> bytes:
        """Encrypt for `owner`, an id: the sealed bytes open for no other owner."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # 30 ms that sign-in need not pay

        nonce = os.urandom(_NONCE_BYTES)
        return _FORM + nonce + AESGCM(self._seal_key).encrypt(nonce, plain, owner.encode())

    def open(self, sealed: bytes, owner: str) -> bytes:
        """The plain bytes again. Raises SealBroken."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce, ciphertext = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            if sealed[:1] == _FORM and len(nonce) == _NONCE_BYTES:
                return AESGCM(self._seal_key).decrypt(nonce, ciphertext, owner.encode())
        except InvalidTag:
            pass
        raise SealBroken(
            "a sealed key in the store does not open with this installation key; "
            "put back the installation.key it was made with"
        )

    @cached_property
    def _hash(self) -> hmac.HMAC:
        return hmac.new(self._hash_key, digestmod="sha256")

    def secret_hash(self, secret: str) -> bytes:
        """32 bytes by which a password is recognised; about 2 us, whatever the secret's length is worth."""
        # not hmac.digest: that gives up the interpreter's lock, and gets it back when the writer lets go
        hash = self._hash.copy()
        hash.update(secret.encode("utf-8", "surrogatepass"))
        return hash.digest()
