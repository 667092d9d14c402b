"""Addresses that must not get mail, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SuppressionKind(StrEnum):
    """Which list. BLOCK is a record for people only: the letter, not the address, was refused, so it stops
    nothing."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    UNSUBSCRIBE = "unsubscribe"
    INVALID = "invalid"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Suppression:
    """One row of the lists. `address` is lower case. `domain`: the sending domain it holds for, "" for all of
    the account. `scope`: "" for all mail, `tag:NAME` (lower case), `group:NUMBER`."""

    account_id: str
    address: str
    kind: SuppressionKind
    domain: str
    scope: str
    at: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What no automatism puts on a list: an address, or `@domain` for all of a recipient domain, lower case.
    `domain`: the sending domain it holds for, "" for all of the account."""

    account_id: str
    domain: str
    value: str
    at: float
    detail: str = ""
