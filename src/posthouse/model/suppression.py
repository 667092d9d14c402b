"""Addresses that must not get mail, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SuppressionKind(StrEnum):
    """Which list."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    UNSUBSCRIBE = "unsubscribe"
    INVALID = "invalid"


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
