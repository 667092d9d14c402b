"""Who is who: accounts, domains, credentials, and the principal that a sign-in yields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec


class CredentialKind(StrEnum):
    """How a credential is recognised: `login@domain` with a password, a key that belongs to the account
    (the user is a fixed word), a token that belongs to a domain (it is the user and the password)."""

    SMTP_USER = "smtp_user"
    API_KEY = "api_key"
    DOMAIN_TOKEN = "domain_token"  # noqa: S105 (a word, not a secret)


MAIL_SEND = "mail.send"


class AccountSettings(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What holds for all mail of an account. Stored as JSON.

    `minute_messages`, `daily_messages`, `monthly_messages`: most recipients in a minute, day and month (UTC),
    0 for no limit. `starts_at`: recipients a day that a new account begins with; from there its own daily cap
    grows with its reputation up to `daily_messages` (0: the cap does not grow, it is `daily_messages`).
    `over_limit`: "refuse" or "queue" what is over a limit, "" for the installation's choice. `is_suspended`:
    nobody of it may sign in or send. `purge_hard_days`, `purge_soft_days`: after so many days bounced
    addresses may get mail again (hard: dead addresses; soft: blocks, and addresses that failed softly again
    and again), 0 for never.
    """

    minute_messages: int = 0
    daily_messages: int = 0
    monthly_messages: int = 0
    starts_at: int = 0
    over_limit: str = ""
    is_suspended: bool = False
    purge_hard_days: int = 0
    purge_soft_days: int = 0
    track_opens: bool | None = None
    track_clicks: str = ""
    require_tls: bool = False
    skip_verification: bool = False
    footer: bool = False
    footer_html: str = ""
    footer_text: str = ""
    frame: bool = False
    frame_html: str = ""
    unsubscribe: bool = False
    unsubscribe_html: str = ""
    unsubscribe_text: str = ""
    unsubscribe_tag: str = ""
    utm: bool = False
    utm_source: str = ""
    utm_medium: str = ""
    utm_term: str = ""
    utm_content: str = ""
    utm_campaign: str = ""
    forward_complaints: bool = False
    forward_complaints_to: str = ""


ACCOUNT_DEFAULTS = AccountSettings()


@dataclass(frozen=True, slots=True)
class Account:
    id: str
    name: str
    created_at: float = 0.0
    settings: AccountSettings = ACCOUNT_DEFAULTS


class DomainSettings(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What holds for a domain's mail where a message does not say otherwise. Stored as JSON.

    `track_opens`, `track_clicks` (as in `SendOptions`) unset: the credential's dialect decides.
    `tracking_url`: base of our links, "" for the installation's or `https://email.<domain>`. `unsubscribe`:
    add an unsubscribe text and field to mail that has none; `unsubscribe_html` and `unsubscribe_text` are
    that text, "" for ours. `schedule_days`: how far ahead mail may be scheduled. `track_privacy`: how much
    of a visitor is kept (`rules.privacy`). `page_name`, `page_colour` (#rrggbb), `page_text`: what the
    pages for recipients call the sender, how they look, and a line about whom to ask. `is_sandbox`: only
    the `authorised` addresses get mail. `hourly_messages`, `daily_messages`: most recipients in an hour or
    day, 0 for no limit. `keeps_fields`: mail of a rebuilding dialect keeps its header. `from_policy`: whose
    From its credentials may write, "account", "domain" (it and what stands below it) or "any"; "" for the
    installation's choice. `return_path`: "keep" leaves mail the envelope senders that its authors give;
    "own" or "" takes ours, which bring bounces back to us. `attachment_types`: which
    files a service with a list of its own takes: extensions, "all" or "safe", () for its list. `remembered`:
    `name=value` of what a service's clients said and what has no effect here: they get it back.
    """

    track_opens: bool | None = None
    track_clicks: str = ""
    pixel_at_top: bool = False
    tracking_url: str = ""
    unsubscribe: bool = False
    unsubscribe_html: str = ""
    unsubscribe_text: str = ""
    schedule_days: float = 7.0
    require_tls: bool = False
    skip_verification: bool = False
    archive_url: str = ""
    ip_pool: str = ""
    is_sandbox: bool = False
    authorised: tuple[str, ...] = ()
    hourly_messages: int = 0
    daily_messages: int = 0
    keeps_fields: bool = False
    from_policy: str = ""
    return_path: str = ""
    track_privacy: str = "full"
    page_name: str = ""
    page_colour: str = ""
    page_text: str = ""
    attachment_types: tuple[str, ...] = ()
    remembered: tuple[str, ...] = ()


DEFAULTS = DomainSettings()


@dataclass(frozen=True, slots=True)
class Domain:
    """A sending domain. `name` is the lower-case A-label form; `verified_at` is None until DNS agrees."""

    id: str
    account_id: str
    name: str
    region: str
    verified_at: float | None
    created_at: float
    settings: DomainSettings = DEFAULTS


class KeyState(StrEnum):
    """A standby key is published and signs nothing yet; the active ones sign; a retiring one signs nothing
    any more, but its record must stay until mail that it signed has been delivered."""

    STANDBY = "standby"
    ACTIVE = "active"
    RETIRING = "retiring"


@dataclass(frozen=True, slots=True)
class DomainKey:
    """A DKIM key of a domain. `algorithm` is rsa-sha256 or ed25519-sha256; `private` is PKCS#8 DER, sealed
    with the installation's key; `public` is the value of the p= tag (base64). `since`: of its state."""

    id: str
    domain_id: str
    selector: str
    algorithm: str
    private: bytes
    public: str
    state: KeyState
    since: float

    @property
    def is_active(self) -> bool:
        return self.state is KeyState.ACTIVE


class CredentialLimits(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Session limits of one credential; None: those of its dialect. 0 for no limit. Stored as JSON."""

    messages_per_connection: int | None = None
    connections_per_address: int | None = None


NO_LIMITS = CredentialLimits()


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential as stored: never the secret, only its keyed hash.

    `login` is unique among the valid ones: `name@domain` of a user, the public id of a key or token.
    `domain_id` is "" for a key of the whole account. `dialect` is whose words it hears ("mailgun", …),
    `permissions` words such as `mail.send`, `name` what people call it. `ranges`: networks in CIDR form from
    which it may be used, empty for any. From `expires_at` on it is valid no more; None: it does not expire.
    """

    id: str
    account_id: str
    domain_id: str
    kind: CredentialKind
    login: str
    secret_hash: bytes
    created_at: float
    revoked_at: float | None = None
    dialect: str = "mailgun"
    permissions: tuple[str, ...] = (MAIL_SEND,)
    name: str = ""
    ranges: tuple[str, ...] = ()
    limits: CredentialLimits = NO_LIMITS
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is speaking after a sign-in: the account, the domain it may send for, and the credential used.

    A key of the whole account has `domain_id`, `domain` and `region` "" and counts as verified: the From
    field decides, letter by letter (`rules.policy.judge_from`).
    """

    account_id: str
    domain_id: str
    domain: str
    region: str
    verified: bool
    credential_id: str
    login: str
    kind: CredentialKind = CredentialKind.SMTP_USER
    dialect: str = "mailgun"
    permissions: tuple[str, ...] = (MAIL_SEND,)
    ranges: tuple[str, ...] = ()
    limits: CredentialLimits = NO_LIMITS


class Role(StrEnum):
    """What a person may do with an account: everything; everything but people, limits and the account itself;
    look."""

    OWNER = "owner"
    DEVELOPER = "developer"
    VIEWER = "viewer"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signs in to look and to change things. `email` is lower case. `password_hash` is argon2's
    text; `totp` a sealed `desk.second_step.Enrolment`, b"" for none; `must_change`: the password was given,
    not chosen; `password_at`: when. `roles` by account id."""

    id: str
    email: str
    name: str
    password_hash: str
    totp: bytes
    must_change: bool
    password_at: float
    created_at: float
    seen_at: float | None = None
    roles: Mapping[str, Role] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Session:
    """A person's sign-in in one browser. `id` is a keyed hash of the token that the browser keeps; `address`
    and `agent` are those of the sign-in."""

    id: str
    person_id: str
    created_at: float
    seen_at: float
    expires_at: float
    address: str
    agent: str
