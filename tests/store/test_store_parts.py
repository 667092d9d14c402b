"""Lists in parts, on both engines: every row once, in one order, whatever comes and goes meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from posthouse.model.account import Credential, CredentialKind, Domain, Person, Role
from posthouse.store import credentials, groups, identity, people, templates
from posthouse.store.connection import Connection
from posthouse.store.parts import EVERYTHING, Part
from store.letters import NOW

USER, KEY, TOKEN = CredentialKind.SMTP_USER, CredentialKind.API_KEY, CredentialKind.DOMAIN_TOKEN
NAMES = ("b", "A", "c", "a_b", "a%b", "d.e", "d")


@pytest.fixture
def filled(conn: Connection) -> Connection:
    """Two accounts with much the same in them."""
    with conn.transaction():
        for account in ("one", "two"):
            identity.ensure_account(conn, account, id=account, now=NOW)
            fill(conn, account)
    return conn


def fill(conn: Connection, account: str) -> None:
    for number, name in enumerate(NAMES):
        id = f"{account}-{number}"
        domain = f"d{number}.{account}.test"
        identity.add_domain(conn, Domain(id, account, domain, "us", None, NOW), [])
        for kind in (USER, KEY, TOKEN):
            login = f"{name}@{kind}.{account}"
            new = Credential(f"{kind}-{id}", account, id, kind, login, b"x", NOW, name=f"Key {name}")
            identity.add_credential(conn, new)
        email = f"{name.lower()}@{account}.test"
        roles = {account: Role.VIEWER}
        people.add_person(conn, Person(id, email, f"Ann {name}", "", b"", False, NOW, NOW, None, roles))
        groups.add_group(conn, account, f"Group {name}")
        for place in ("", domain):
            about = templates.Template(f"t{place}{id}", account, place, f"letter {name}", "", NOW)
            templates.add_template(conn, about)


@dataclass
class List:
    read: Callable[[Connection, Part], Sequence[Any]]
    name_of: Callable[[Any], str]
    count: int = len(NAMES)


LISTS = {
    "accounts": List(identity.list_accounts, lambda row: row.name, 2),
    "every domain": List(lambda c, part: identity.list_domains(c, None, part), lambda row: row.name, 14),
    "domains": List(lambda c, part: identity.list_domains(c, "one", part), lambda row: row.name),
    "everybody": List(lambda c, part: people.list_people(c, "", part), lambda row: row.email, 14),
    "people": List(lambda c, part: people.list_people(c, "one", part), lambda row: row.email),
    "users": List(lambda c, part: credentials.of_account(c, "one", USER, part=part), lambda row: row.login),
    "keys and tokens": List(
        lambda c, part: credentials.of_account(c, "one", KEY, TOKEN, part=part), lambda row: row.login, 14
    ),
    "tokens of a domain": List(
        lambda c, part: credentials.of_account(c, "one", TOKEN, domain_id="one-2", part=part),
        lambda row: row.login,
        1,
    ),
    "groups": List(lambda c, part: groups.list_groups(c, "one", part), lambda row: str(row.number)),
    "templates": List(
        lambda c, part: templates.list_templates(c, "one", None, part),
        lambda row: templates.place_of(row.domain, row.name),
        14,
    ),
    "templates of all mail": List(
        lambda c, part: templates.list_templates(c, "one", "", part),
        lambda row: templates.place_of(row.domain, row.name),
    ),
}


@pytest.mark.parametrize("which", LISTS)
@pytest.mark.parametrize("most", [1, 3, 50])
def test_parts_make_the_whole_list(filled: Connection, which: str, most: int) -> None:
    chosen = LISTS[which]
    whole = chosen.read(filled, EVERYTHING)
    assert len(whole) == chosen.count
    found: list[Any] = []
    while part := chosen.read(filled, Part(chosen.name_of(found[-1]) if found else "", most=most)):
        assert len(part) <= most
        found += part
    assert found == whole


@pytest.mark.parametrize("which", [name for name in LISTS if name not in ("accounts", "tokens of a domain")])
@pytest.mark.parametrize("after", ["", "\0", "\ud800", "zzz", "9" * 40, "-1"])
def test_a_place_that_nobody_has_is_no_trouble(filled: Connection, which: str, after: str) -> None:
    LISTS[which].read(filled, Part(after, most=3))


@pytest.mark.parametrize(
    ("which", "text", "count"),
    [
        ("domains", "D3.ONE", 1),
        ("domains", "two", 0),
        ("accounts", "ON", 1),
        ("people", "a_b", 1),
        ("people", "ann A", 3),
        ("keys and tokens", "key a%", 2),
        ("users", "d.e@", 1),
        ("groups", "GROUP D", 2),
        ("templates", "letter c", 2),
        ("templates", "%", 2),
        ("templates", "\0\ud800!", 0),
    ],
)
def test_a_text_is_looked_for_as_it_stands_in_any_case(
    filled: Connection, which: str, text: str, count: int
) -> None:
    assert len(LISTS[which].read(filled, Part(text=text))) == count


def test_what_goes_meanwhile_moves_nothing_from_one_part_to_another(filled: Connection) -> None:
    first = identity.list_domains(filled, "one", Part(most=3))
    with filled.transaction():
        for domain in first:
            identity.remove_domain(filled, domain.name)
        identity.add_domain(filled, Domain("new", "one", "a-new.one.test", "us", None, NOW), [])
    following = identity.list_domains(filled, "one", Part(first[-1].name, most=3))
    assert [each.name for each in following] == [f"d{number}.one.test" for number in (3, 4, 5)]
