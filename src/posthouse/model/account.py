"""Who is who: accounts, domains, credentials, and the principal that a sign-in yields."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CredentialKind(StrEnum):
    """What a credential opens; later kinds (API key, domain token) join here."""

    SMTP_USER = "smtp_user"


@dataclass(frozen=True, slots=True)
class Account:
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Domain:
    """A sending domain. `name` is the lower-case A-label form; `verified_at` is None until DNS agrees."""

    id: str
    account_id: str
    name: str
    region: str
    verified_at: float | None
    created_at: float


@dataclass(frozen=True, slots=True)
class DomainKey:
    """A DKIM key of a domain. `algorithm` is rsa-sha256 or ed25519-sha256; `private` is PKCS#8 DER, sealed
    with the installation's key; `public` is the value of the p= tag (base64)."""

    id: str
    domain_id: str
    selector: str
    algorithm: str
    private: bytes
    public: str
    active: bool


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential as stored: never the secret, only its keyed hash."""

    id: str
    account_id: str
    domain_id: str
    kind: CredentialKind
    login: str
    secret_hash: bytes
    created_at: float
    revoked_at: float | None = None


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is speaking after a sign-in: the account, the domain it may send for, and the credential used."""

    account_id: str
    domain_id: str
    domain: str
    region: str
    verified: bool
    credential_id: str
    login: str
