"""Hook keys in the store: one an account (or domain) and dialect."""

from __future__ import annotations

from dataclasses import replace

import pytest

from posthouse.store import hook_keys, identity
from posthouse.store.connection import Connection
from posthouse.store.engine import Duplicate
from posthouse.store.hook_keys import SealedHookKey
from store.letters import NOW

KEY = SealedHookKey("h1", "a1", "", "mailgun", "hmac-sha256", b"\0\xffsealed", "", NOW)


@pytest.fixture
def known(conn: Connection) -> Connection:
    with conn.transaction():
        for number in (1, 2):
            identity.ensure_account(conn, f"account{number}", id=f"a{number}", now=NOW)
        hook_keys.add_hook_key(conn, KEY)
    return conn


def test_a_key_is_found_by_account_domain_and_dialect(known: Connection) -> None:
    others = [
        replace(KEY, id="h2", account_id="a2"),
        replace(KEY, id="h3", domain="x.test"),
        replace(KEY, id="h4", dialect="native"),
    ]
    with known.transaction():
        for other in others:
            hook_keys.add_hook_key(known, other)
    for key in (KEY, *others):
        assert hook_keys.find_hook_key(known, key.account_id, key.domain, key.dialect) == key
    assert hook_keys.find_hook_key(known, "a2", "", "native") is None
    assert hook_keys.list_hook_keys(known, "a1") == [KEY, others[1], others[2]]
    assert b"sealed" not in repr(KEY).encode()


def test_there_is_one_of_a_kind(known: Connection) -> None:
    with pytest.raises(Duplicate), known.transaction():
        hook_keys.add_hook_key(known, replace(KEY, id="h9"))
    with known.transaction():
        assert hook_keys.remove_hook_key(known, "a1", "", "mailgun")
        assert not hook_keys.remove_hook_key(known, "a1", "", "mailgun")
        hook_keys.add_hook_key(known, replace(KEY, id="h9"))


def test_the_newest_and_those_that_go_on_a_while(known: Connection) -> None:
    def all_of() -> list[tuple[str, float]]:
        return [(key.id, key.ends_at) for key in hook_keys.hook_keys_of(known, "a1", "", "mailgun")]

    with known.transaction():
        for number, until in ((2, 500.0), (3, 900.0)):
            hook_keys.end_hook_keys(known, "a1", "", "mailgun", NOW + until)
            hook_keys.add_hook_key(known, replace(KEY, id=f"h{number}", created_at=NOW + number))
    assert all_of() == [("h1", NOW + 500), ("h2", NOW + 900), ("h3", 0.0)]
    newest = hook_keys.find_hook_key(known, "a1", "", "mailgun")
    assert newest is not None and newest.id == "h3"
    with known.transaction():
        hook_keys.end_hook_keys(known, "a1", "", "mailgun", NOW + 600)
    assert all_of() == [("h1", NOW + 500), ("h2", NOW + 600), ("h3", NOW + 600)], "never put off"
    with known.transaction():
        hook_keys.add_hook_key(known, replace(KEY, id="h4", created_at=NOW + 4))
        assert hook_keys.drop_ended(known, NOW + 499, 9) == 0
        assert [hook_keys.drop_ended(known, NOW + 600, 2) for _ in range(2)] == [2, 1]
    assert all_of() == [("h4", 0.0)]
    with known.transaction():
        hook_keys.end_hook_keys(known, "a1", "", "mailgun", NOW + 700)
        hook_keys.add_hook_key(known, replace(KEY, id="h5", created_at=NOW + 5))
        hook_keys.remove_newest(known, "a1", "", "mailgun")
        hook_keys.add_hook_key(known, replace(KEY, id="h6", created_at=NOW + 6))
    assert all_of() == [("h4", NOW + 700), ("h6", 0.0)]
    with known.transaction():
        assert hook_keys.remove_older(known, "a1", "", "mailgun") == 1
        assert hook_keys.remove_older(known, "a2", "", "mailgun") == 0
    assert all_of() == [("h6", 0.0)]


def test_keys_go_with_their_domain_and_account(known: Connection) -> None:
    with known.transaction():
        for number in (3, 4):
            hook_keys.end_hook_keys(known, "a1", "x.test", "mailgun", NOW + 9)
            hook_keys.add_hook_key(known, replace(KEY, id=f"h{number}", domain="x.test"))
        hook_keys.remove_hook_keys_of(known, "a1", "x.test")
    assert hook_keys.list_hook_keys(known, "a1") == [KEY]
    with known.transaction():
        identity.remove_account(known, "a1")
    assert hook_keys.list_hook_keys(known, "a1") == []
