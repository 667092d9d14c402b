"""What a role may do: one table of role and action word.

The words are those of API keys' permissions (`X.read` to look at X, `X.write` to change it) and a few that
only people have: `people` are an account's members, `account` is the account itself with its limits.

Public: AREAS, ACTIONS, may, actions_of.
"""

from __future__ import annotations

from types import MappingProxyType

from posthouse.model.account import MAIL_SEND, Role

AREAS = MappingProxyType(
    {
        "queue": "what waits",
        "events": "what happened, and message content",
        "stats": "counts",
        "domains": "domains and their DNS records and keys",
        "suppressions": "suppressed addresses and unsubscribe groups",
        "templates": "templates",
        "contacts": "contacts",
        "keys": "SMTP users, API keys and tokens, never their secrets",
        "hooks": "receivers of events and of mail",
        "ips": "addresses to send from, and pools",
        "settings": "what holds for all mail of the account",
        "people": "the people of the account, their roles and sessions",
        "account": "the account itself: its name and its limits",
    }
)
"""What there is to look at and to change, in words for people."""

ACTIONS = frozenset({MAIL_SEND} | {f"{area}.{verb}" for area in AREAS for verb in ("read", "write")})

_OWNERS_ONLY = frozenset({"people.write", "account.write"})
_TABLE = MappingProxyType(
    {
        Role.OWNER: ACTIONS,
        Role.DEVELOPER: ACTIONS - _OWNERS_ONLY,
        Role.VIEWER: frozenset(word for word in ACTIONS if word.endswith(".read")),
    }
)


def may(role: Role | None, action: str) -> bool:
    """Is this action allowed to the role? None (no role in that account) may do nothing. Raises ValueError
    for a word that is no action: a typing error must not open or close a door."""
    if action not in ACTIONS:
        raise ValueError(f"no such action: {action}")
    return role is not None and action in _TABLE[role]


def actions_of(role: Role) -> tuple[str, ...]:
    """Everything the role may do, sorted."""
    return tuple(sorted(_TABLE[role]))
