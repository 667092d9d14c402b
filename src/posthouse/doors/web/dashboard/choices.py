"""What fields of choice offer: domains, groups, accounts. Where there are too many to choose from, their
names are typed (`_forms.pick`).

Public: Choices, MOST, domain_choices, group_choices, account_choices.
"""

from __future__ import annotations

from posthouse.store import groups, identity
from posthouse.store.connection import Connection
from posthouse.store.parts import Part

Choices = list[tuple[str, str]] | None
"""Pairs (value, text); None: too many."""

MOST = 200


def domain_choices(conn: Connection, account_id: str) -> Choices:
    """The account's domains."""
    return _offered(
        [(domain.name, domain.name) for domain in identity.list_domains(conn, account_id, _some())]
    )


def group_choices(conn: Connection, account_id: str) -> Choices:
    """The account's unsubscribe groups, by number."""
    return _offered([(str(each.number), each.name) for each in groups.list_groups(conn, account_id, _some())])


def account_choices(conn: Connection) -> Choices:
    """All accounts of the machine."""
    return _offered([(account.name, account.name) for account in identity.list_accounts(conn, _some())])


def _some() -> Part:
    return Part(most=MOST + 1)


def _offered(found: list[tuple[str, str]]) -> Choices:
    return found if len(found) <= MOST else None
