"""What users, keys and tokens share: from where and how much, how one is issued, and that it ended.

A key cannot give what it does not have: what it issues has at most its own permissions.

Public: NewTerms, TermsRow, terms_of, Form, Secret, Revoked, ended, OfDomain, issue, must_have.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from posthouse.desk.expiry import NEVER, judge_expiry
from posthouse.desk.terms import ANY, DEFAULT, Terms
from posthouse.doors.api.answers import Answer, Problem
from posthouse.doors.api.call import Call
from posthouse.doors.api.native.endpoint import one
from posthouse.doors.api.native.listing import Listing
from posthouse.rules.permissions import PERMISSIONS, beyond, may

Form = Literal["mailgun", "sendgrid", "mailpace", "native"]
Ranges = Annotated[
    list[Annotated[str, Meta(max_length=60)]],
    Meta(max_length=100, description="Networks from which it may be used; none: from anywhere."),
]
Number = Annotated[int, Meta(ge=0, le=1_000_000)]
Expiry = Annotated[
    dt.datetime, Meta(tz=True, description="It is refused from then on; null: it does not expire.")
]
Secret = Annotated[str, Meta(min_length=8, max_length=500)]


class NewTerms(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From where it may be used, when it expires (null: never), and limits of its SMTP sessions (null: the
    usual ones, 0: none)."""

    ranges: Ranges | UnsetType = UNSET
    connection_messages: Number | UnsetType | None = UNSET
    address_connections: Number | UnsetType | None = UNSET
    expires_at: Expiry | UnsetType | None = UNSET


class TermsRow(Struct, frozen=True, kw_only=True):
    """What holds for a user, key or token. `expires_at` and `used_at`: null: never. What has expired is
    refused, and stays in the list until it is ended."""

    ranges: list[str]
    connection_messages: int | None
    address_connections: int | None
    expires_at: dt.datetime | None
    used_at: dt.datetime | None
    used_from: str | None


class OfDomain(Listing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which of them, in their order."""

    domain: Annotated[str, Meta(max_length=255, description="Of this domain.")] = ""


class Revoked(Struct, frozen=True, kw_only=True):
    """It is no longer valid; open sessions end within a second."""

    revoked: str


def terms_of(asked: NewTerms, now: float) -> Terms:
    """Raises Refused for an expiry that is over."""
    return Terms(
        None if asked.ranges is UNSET else (asked.ranges or [ANY]),
        _limit(asked.connection_messages),
        _limit(asked.address_connections),
        _expiry(asked.expires_at, now),
    )


def _expiry(at: dt.datetime | UnsetType | None, now: float) -> float | None:
    if at is UNSET:
        return None
    return NEVER if at is None else judge_expiry(at.timestamp(), now)


def _limit(number: int | UnsetType | None) -> str | None:
    if number is UNSET:
        return None
    return DEFAULT if number is None else str(number)


async def issue(
    call: Call, gives: type[Struct], secret: str, fn: Callable[..., Any], *, status: int = 201, **named: Any
) -> Answer:
    """The answer shows what `fn` issued. `secret`: the field of it that is shown this once."""
    return await call.issue_once(
        one(gives, status),
        lambda made: one(gives, status)(replace(made, **{secret: ""})),
        fn,
        call.parts.installation,
        call.parts.ids,
        call.now,
        account_id=call.account_id,
        maker=call.principal.login,
        **named,
    )


def ended(name: str) -> Answer:
    return one(Revoked)({"revoked": name})


def must_have(call: Call, permissions: Sequence[str]) -> None:
    """Raises Problem (403) for a permission of ours that the caller's key lacks."""
    missing = beyond(permissions, call.principal.permissions)
    for word in PERMISSIONS:
        if may(missing, word):
            text = f"A key cannot give what it does not have: this one lacks the permission {word}"
            raise Problem(403, "no-permission", text, field="permissions")
