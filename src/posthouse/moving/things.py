"""What can come along from another service, in our words, and what a reader tells beside it.

A reader of a service yields these one by one, what others hang on first (domains, groups); nothing is
gathered, so a million addresses pass through in bounded memory.

Public: Kind, Thing, NewDomain, NewKeyFile, NewSettings, NewGroup, NewVersion, NewWebhook, NewSigningKey,
NewUser, NewApiKey, NewListed, NewAllowed, Begun, LeftOut, StaysBehind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from posthouse.model.suppression import SuppressionKind


class Kind(StrEnum):
    """What the report counts."""

    DOMAIN = "domains"
    DKIM_KEY = "dkim_keys"
    GROUP = "groups"
    TEMPLATE = "template_versions"
    WEBHOOK = "webhooks"
    SIGNING_KEY = "signing_keys"
    USER = "users"
    API_KEY = "api_keys"
    SUPPRESSION = "suppressions"
    ALLOWED = "allowed"
    SETTING = "settings"
    OTHER = "others"


@dataclass(frozen=True, slots=True)
class NewDomain:
    """`settings`: `key=value` pairs as `desk.domain_settings` reads them."""

    name: str
    settings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NewKeyFile:
    """A private DKIM key in any usual form."""

    domain: str
    selector: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class NewSettings:
    """Of the whole account, by the names of `model.account.AccountSettings`."""

    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NewGroup:
    """`number`: the service's."""

    number: int
    name: str
    description: str = ""
    is_default: bool = False


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version of a template. `id`: what programs of the service call the template by, "" where that is its
    name. `more`, `about_template`: what the service's own API keeps beyond our nouns."""

    name: str
    tag: str
    html: str
    text: str = ""
    domain: str = ""
    id: str = ""
    description: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    is_active: bool = False
    engine: str = "handlebars"
    more: Mapping[str, Any] = field(default_factory=dict)
    about_template: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """`events` by the service's names, () for all."""

    url: str
    events: tuple[str, ...] = ()
    domain: str = ""
    name: str = ""
    is_enabled: bool = True


@dataclass(frozen=True, slots=True)
class NewSigningKey:
    """What signs the service's posts to receivers."""

    content: bytes = field(repr=False)
    domain: str = ""


@dataclass(frozen=True, slots=True)
class NewUser:
    """An SMTP user; nobody can read the password."""

    login: str


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key's name and what it may do. `secret`: its owner gave it, "" for unknown; `domain`: of a token."""

    id: str
    name: str = ""
    permissions: tuple[str, ...] = ()
    secret: str = field(default="", repr=False)
    domain: str = ""


@dataclass(frozen=True, slots=True)
class NewListed:
    """An address on a list. `tags`: of the mail that it does not want, () for all; `group`: the service's
    number of a group, 0 for none."""

    address: str
    kind: SuppressionKind
    domain: str = ""
    tags: tuple[str, ...] = ()
    group: int = 0
    at: float | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class NewAllowed:
    """An entry of the allow list: an address, or the name of a recipient domain."""

    value: str
    domain: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Begun:
    """From here on it is about this: for whoever watches."""

    what: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Could have come and did not. `do`: what helps."""

    kind: Kind
    what: str
    why: str
    do: str = ""


@dataclass(frozen=True, slots=True)
class StaysBehind:
    """Cannot come along by its nature. `do`: what to do instead."""

    kind: Kind
    what: str
    why: str
    do: str = ""


Thing = (
    NewDomain
    | NewKeyFile
    | NewSettings
    | NewGroup
    | NewVersion
    | NewWebhook
    | NewSigningKey
    | NewUser
    | NewApiKey
    | NewListed
    | NewAllowed
    | Begun
    | LeftOut
    | StaysBehind
)
