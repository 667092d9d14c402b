"""Posts to people who want to be told what happens to their mail: who gets what, and how one service's post
is made.

`HookForm` is what a dialect says about its service's way; the pipeline gets a table of them as values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from posthouse.model.event import Event, EventKind
from posthouse.model.message import Message


@dataclass(frozen=True, slots=True)
class HookKey:
    """A key ready for use. `secret`: the octets that both sides know, or PKCS#8 DER; `public`: base64 of what
    a receiver verifies with, "" for a shared secret. `older`: secrets that still sign as well, while
    receivers change over."""

    algorithm: str
    secret: bytes = field(repr=False)
    public: str
    older: tuple[bytes, ...] = field(default=(), repr=False)


class HookSettings(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What differs from the form's usual way. Stored as JSON.

    `signs`: with the account's or domain's hook key of that dialect. `stops_at_failure`: the first answer
    that is no success switches the receiver off (a service's own way). `only`: the form's own names of what
    is wanted, where they say more than our kinds; empty: all of the kinds.
    """

    signs: bool = True
    stops_at_failure: bool = False
    only: tuple[str, ...] = ()


HOOK_DEFAULTS = HookSettings()


@dataclass(frozen=True, slots=True)
class Hook:
    """Who wants to be told: `url` gets events of these `kinds`, in the form of `dialect`, of mail of `domain`
    ("" for all of the account). `troubled_at`: since when every post has failed (0: the last one was taken),
    `failures` how many in a row; nothing is posted before `rests_until`. `note`: why it was switched off."""

    id: str
    account_id: str
    domain: str
    dialect: str
    url: str
    kinds: frozenset[EventKind]
    name: str = ""
    is_enabled: bool = True
    settings: HookSettings = HOOK_DEFAULTS
    created_at: float = 0.0
    changed_at: float = 0.0
    troubled_at: float = 0.0
    failures: int = 0
    rests_until: float = 0.0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """An event with what a form may need around it. `message` is None when its row is gone (or there never
    was one: REJECTED). `content`: the letter as accepted, b"" unless the form asks for it or it is gone.
    `metadata`, `tags` and everything of the moment are in `event.data`. `api_url`: where the HTTP APIs of the
    domain's region are reached, "" when nobody has said; `region`: its name, "" when that is not known."""

    event: Event
    message: Message | None = None
    content: bytes = field(default=b"", repr=False)
    api_url: str = ""
    region: str = ""


@dataclass(frozen=True, slots=True)
class HookRequest:
    """One POST. `headers` without Content-Type."""

    content: bytes
    content_type: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class HookForm:
    """One service's way to tell.

    `kinds`: its own names of what one can subscribe to, with our kinds. `name_of(told)`: which of them an
    event has ("" none), where two names share a kind. `event_json(told)`: the event as the service writes it;
    None: it has no such event, nothing is posted. `request(bodies, key, now)`: one POST for these
    `event_json` results with the event ids, signed when there is a key (None: unsigned).
    `most_events` 1: a POST each, else up to so many wait `linger_s` for each other, `most_bytes` in all.
    `pauses_s`: between tries, the last one again and again until `life_s` after the event; jittered by the
    sender. `gives_up_on`: statuses after which an event is not tried again; `switches_off_on`: those that
    switch the receiver off. `needs_content`: fill `Told.content`.
    """

    kinds: Mapping[str, frozenset[EventKind]]
    event_json: Callable[[Told], dict[str, Any] | None]
    request: Callable[[Sequence[tuple[str, dict[str, Any]]], HookKey | None, float], HookRequest]
    pauses_s: tuple[float, ...]
    life_s: float
    name_of: Callable[[Told], str] = lambda told: ""
    most_events: int = 1
    most_bytes: int = 768 * 1024
    linger_s: float = 0.0
    timeout_s: float = 10.0
    gives_up_on: frozenset[int] = frozenset()
    switches_off_on: frozenset[int] = frozenset({410})
    needs_content: bool = False
