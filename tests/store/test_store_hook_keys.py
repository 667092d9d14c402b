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


def test_keys_go_with_their_domain_and_account(known: Connection) -> None:
    with known.transaction():
        hook_keys.add_hook_key(known, replace(KEY, id="h3", domain="x.test"))
        hook_keys.remove_hook_keys_of(known, "a1", "x.test")
    assert hook_keys.list_hook_keys(known, "a1") == [KEY]
    with known.transaction():
        identity.remove_account(known, "a1")
    assert hook_keys.list_hook_keys(known, "a1") == []
