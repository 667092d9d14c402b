"""DKIM keys in the store: each change only from the state that was read, selectors once a domain."""

from __future__ import annotations

from dataclasses import replace

import pytest

from posthouse.model.account import Domain, DomainKey, KeyState
from posthouse.store import domain_keys, identity
from posthouse.store.connection import Connection
from posthouse.store.engine import Duplicate
from store.letters import NOW

KEY = DomainKey("k1", "d1", "ph1", "rsa-sha256", b"\0sealed", "MIIB", KeyState.ACTIVE, NOW)
NEXT = replace(KEY, id="k2", selector="ph2", public="MIIC", state=KeyState.STANDBY)


@pytest.fixture
def known(conn: Connection) -> Connection:
    with conn.transaction():
        identity.ensure_account(conn, "main", id="a1", now=NOW)
        for number in (1, 2):
            identity.add_domain(conn, Domain(f"d{number}", "a1", f"{number}.test", "us", None, NOW), [])
        domain_keys.add_key(conn, KEY)
        domain_keys.add_key(conn, NEXT)
    return conn


def test_keys_come_back_as_they_were(known: Connection) -> None:
    other = replace(KEY, id="k3", domain_id="d2")
    with known.transaction():
        domain_keys.add_key(known, other)
    assert domain_keys.keys_of(known, "d1") == [KEY, NEXT]
    assert domain_keys.keys_by_domain(known) == {"d1": (KEY, NEXT), "d2": (other,)}


def test_a_selector_is_given_once_a_domain(known: Connection) -> None:
    with pytest.raises(Duplicate, match="ph1"), known.transaction():
        domain_keys.add_key(known, replace(KEY, id="k9"))
    assert domain_keys.keys_of(known, "d1") == [KEY, NEXT]


def test_a_state_changes_only_from_the_state_that_was_read(known: Connection) -> None:
    with known.transaction():
        assert domain_keys.set_state(known, KEY, KeyState.RETIRING, NOW + 5)
        assert not domain_keys.set_state(known, KEY, KeyState.RETIRING, NOW + 6)
        assert not domain_keys.remove_key(known, KEY)
    retired = replace(KEY, state=KeyState.RETIRING, since=NOW + 5)
    assert domain_keys.keys_of(known, "d1") == [retired, NEXT]
    assert domain_keys.keys_in_state(known, KeyState.RETIRING, NOW + 4) == []
    assert domain_keys.keys_in_state(known, KeyState.RETIRING, NOW + 5) == [retired]
    with known.transaction():
        assert domain_keys.remove_key(known, retired)
        assert not domain_keys.remove_key(known, retired)
    assert domain_keys.keys_of(known, "d1") == [NEXT]


def test_each_change_of_keys_raises_the_version(known: Connection) -> None:
    changes = (
        lambda: domain_keys.add_key(known, replace(KEY, id="k3", selector="ph3")),
        lambda: domain_keys.set_state(known, NEXT, KeyState.ACTIVE, NOW),
        lambda: domain_keys.remove_key(known, KEY),
    )
    for change in changes:
        before = identity.identity_version(known)
        with known.transaction():
            change()
        assert identity.identity_version(known) == before + 1


def test_domains_around_a_name(known: Connection) -> None:
    names = ["a.1.test", "b.a.1.test", "x1.test", "1.test.example"]
    with known.transaction():
        for name in names:
            identity.add_domain(known, Domain(f"d-{name}", "a1", name, "us", None, NOW), [])

    def around(name: str) -> set[str]:
        return {found.name for found in identity.domains_around(known, name)}

    assert around("1.test") == {"1.test", "a.1.test", "b.a.1.test"}
    assert around("a.1.test") == {"1.test", "a.1.test", "b.a.1.test"}
    assert around("c.b.a.1.test") == {"1.test", "a.1.test", "b.a.1.test"}
    assert around("9.test") == set()
