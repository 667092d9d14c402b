"""What a dialect is: words for the SMTP session and a reader of option headers.

A dialect is data with one function: `read` turns the header fields it knows into `Wishes`, in our own terms
(`model.options`). It never touches sockets, the store or delivery rows. `dialects.reading` asks every dialect
and joins what they say.

Public: Dialect, Words, SessionLimits, Refusal, Header, Wishes, Person, TemplateUse,
Rejection, Context, Unwrapped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from posthouse.mail.letter import Letter
from posthouse.model.account import ACCOUNT_DEFAULTS, AccountSettings
from posthouse.model.errors import Refused
from posthouse.model.options import RecipientOptions, Seen
from posthouse.smtp.replies import Reply


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a service phrases one of our refusals. `text` may hold `{text}` (ours) and `{domain}`.
    `code` 0 and `enhanced` None keep ours."""

    text: str = "{text}"
    code: int = 0
    enhanced: str | None = None


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """C-09, defaults of a dialect; 0 for no limit (of `recipients` of one letter: the door's)."""

    messages_per_connection: int = 0
    connections_per_address: int = 0
    recipients: int = 0


@dataclass(frozen=True, slots=True)
class Words:
    """What the service says to a client. `queued` gets the message's id. `refusals` by the `reason` of a
    `PosthouseError`; those not named keep our words. `bad_login(user, password)`: the reply to a failed
    sign-in. `has_enhanced_codes`: False strips RFC 3463 codes from every reply of the session's own."""

    signed_in: Reply
    sender_ok: Reply
    recipient_ok: Reply
    go_on: Reply
    queued: Callable[[str], Reply]
    bad_login: Callable[[str, str], Reply]
    too_many_messages: Reply
    too_many_connections: Callable[[str], Reply]
    refusals: Mapping[str, Refusal] = field(default_factory=dict)
    has_enhanced_codes: bool = True
    limits: SessionLimits = SessionLimits()


class Header(msgspec.Struct, frozen=True, gc=False):
    """One field of the letter's top header: `name` in lower case, `title` as written, `raw` the octets behind
    the colon with their folding (CRLF + white space) still in them. `is_parameter`: it stood beside the
    letter, in an HTTP call; `title` is the parameter's name."""

    name: str
    title: str
    raw: bytes
    is_parameter: bool = False


@dataclass(frozen=True, slots=True)
class Person:
    """A recipient that a header names: `written` is the entry as given, address not judged yet."""

    written: str
    options: RecipientOptions
    deliver_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Rejection:
    """The letter is answered with 250 and then dropped for everybody, with a notice to the sender."""

    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class TemplateUse:
    """A stored template to use as body: by name or id, with a version ("" for the active one).

    `trouble(sentence)` phrases "there is no such template" or "it cannot be rendered": a `Refused` to raise,
    or a `Rejection`. `wants_text`: make the plain part from it too.
    `keeps_subject` False: a subject of its own goes before the letter's.
    """

    name: str
    trouble: Callable[[str], Refused | Rejection]
    version: str = ""
    wants_text: bool = False
    keeps_subject: bool = True


@dataclass(slots=True)
class Wishes:
    """What one dialect read. `values`: SendOptions field -> value; `sources`: field -> header that said so.

    `people`: recipients that take the place of (some of) the envelope's, in order. `people_by_place` and
    `variables`: for the envelope's own recipients, by place and by lower-case address; not None means
    batch mode.
    `template`: to be looked up.
    `drop`: lower-case names of fields to leave out of the delivered mail, beyond the dialect's prefixes.
    `keep`: names under the prefixes that stay. `decided`: words of `account_wide` for which the account's
    texts stay out. `shows_author`: the author's picture stands at the end of the HTML part. A read that must
    refuse raises `model.errors.Refused`.
    """

    values: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    people: list[Person] | None = None
    people_by_place: list[RecipientOptions] | None = None
    variables: dict[str, dict[str, Any]] | None = None
    template: TemplateUse | None = None
    drop: set[str] = field(default_factory=set)
    keep: set[str] = field(default_factory=set)
    decided: set[str] = field(default_factory=set)
    shows_author: bool = False
    rejection: Rejection | None = None


class Context(msgspec.Struct, frozen=True):
    """What a reader may know and ask: the time, the envelope's recipients in wire form, the sending domain,
    whether the credential is this dialect's own, settings of the domain, what the account has.

    `account`: its settings. `groups`: numbers of the account's unsubscribe groups. `owns_pool` takes a pool's
    name or id, `owns_key` a domain and a selector of an active DKIM key. `scans`: there is a spam scanner.
    """

    now: float
    recipients: Sequence[str]
    domain: str
    is_own: bool
    schedule_days: float = 7.0
    groups: frozenset[int] = frozenset()
    owns_ip: Callable[[str], bool] = bool
    owns_pool: Callable[[str], bool] = bool
    owns_key: Callable[[str, str], bool] = lambda domain, selector: False
    account: AccountSettings = ACCOUNT_DEFAULTS
    scans: bool = False


@dataclass(frozen=True, slots=True)
class Unwrapped:
    """A letter found inside a container of a service's own: its octets, and fields that the container adds
    to its option headers."""

    content: bytes
    headers: tuple[Header, ...]


@dataclass(frozen=True, slots=True)
class Dialect:
    """`prefixes`: lower-case beginnings of header names that belong to the service: read, and removed from
    delivered mail. `read(headers, context)` gets the fields under these prefixes, in order. `defaults`:
    SendOptions values of mail of this service's own credentials where nothing else is said.
    `rebuilds`: for own credentials, the only fields (lower case) that survive; empty for all. `needs_to`: own
    letters must have a To field. `takes_file(name, setting)`: may a file of that name be attached to own
    letters? `setting` is the domain's `attachment_types`. `unwrap(letter)`: see `Unwrapped`; raises Refused.
    """

    name: str
    words: Words
    prefixes: tuple[str, ...]
    read: Callable[[Sequence[Header], Context], Wishes]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    rebuilds: frozenset[str] = frozenset()
    needs_to: bool = False
    takes_file: Callable[[str, Sequence[str]], bool] | None = None
    unwrap: Callable[[Letter], Unwrapped | None] | None = None
