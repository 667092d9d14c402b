"""From where a credential may be used, until when, and how much in a session: what a command says, and what
a list shows.

Public: Terms, ANY, DEFAULT, under, warnings, shown, shown_with_use.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from posthouse.desk.expiry import NEVER
from posthouse.model.account import Credential, CredentialLimits
from posthouse.model.errors import Refused
from posthouse.rules import ranges
from posthouse.store.credentials import Use

ANY, DEFAULT = "any", "default"
_MOST_RANGES = 100
_MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class Terms:
    """As written by somebody; None: not said, what was stays.

    `ranges`: networks, or `any` alone. `messages` of one connection and `connections` of one client address:
    a number, 0 for no limit, or `default` for what the dialect and the settings say. `expires_at`: an instant
    that `desk.expiry` has judged, or NEVER.
    """

    ranges: Sequence[str] | None = None
    messages: str | None = None
    connections: str | None = None
    expires_at: float | None = None


def under(terms: Terms, credential: Credential) -> Credential:
    """The credential with what the terms say. Raises Refused."""
    limits = credential.limits
    return replace(
        credential,
        ranges=credential.ranges if terms.ranges is None else _ranges(terms.ranges),
        limits=CredentialLimits(
            messages_per_connection=_number(terms.messages, limits.messages_per_connection),
            connections_per_address=_number(terms.connections, limits.connections_per_address),
        ),
        expires_at=_expiry(terms.expires_at, credential.expires_at),
    )


def _ranges(texts: Sequence[str]) -> tuple[str, ...]:
    if [text.strip().lower() for text in texts] == [ANY]:
        return ()
    if len(texts) > _MOST_RANGES:
        raise _refused(f"A credential has at most {_MOST_RANGES} address ranges; these are {len(texts)}")
    try:
        return tuple(dict.fromkeys(str(network) for network in ranges.compile_ranges(texts)))
    except ranges.BadRange as error:
        raise _refused(str(error)) from None


def _number(text: str | None, before: int | None) -> int | None:
    if text is None:
        return before
    if text.strip().lower() == DEFAULT:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 7 and int(text) <= _MOST):
        raise _refused(
            f"A limit is a number from 0 to {_MOST} (0: no limit) or `{DEFAULT}`, not {text[:20]!r}"
        )
    return int(text)


def _expiry(said: float | None, before: float | None) -> float | None:
    if said is None:
        return before
    return None if said == NEVER else said


def _refused(text: str) -> Refused:
    return Refused(501, "5.5.4", text, reason="bad-terms")


def warnings(credential: Credential) -> list[str]:
    """What somebody may not have meant."""
    return [
        f"{text} shuts nobody out; `{ANY}` says the same"
        for text in credential.ranges
        if ranges.is_everything(ranges.parse_range(text))
    ]


def shown(credential: Credential) -> dict[str, Any]:
    """Its ranges (none: from anywhere), limits of its own (None: the usual ones) and end (None: never)."""
    return {
        "ranges": list(credential.ranges),
        "connection_messages": credential.limits.messages_per_connection,
        "address_connections": credential.limits.connections_per_address,
        "expires_at": credential.expires_at,
    }


def shown_with_use(credential: Credential, uses: Mapping[str, Use]) -> dict[str, Any]:
    """The same with the last use; None: never."""
    use = uses.get(credential.id)
    return shown(credential) | {
        "used_at": use.at if use else None,
        "used_from": use.address if use else None,
    }
