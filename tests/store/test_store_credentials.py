"""Credentials of one account: listing, changes, secrets in use, and last uses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from posthouse.model.account import Credential, CredentialKind, CredentialLimits, Domain
from posthouse.store import credentials, identity
from posthouse.store.connection import Connection
from posthouse.store.credentials import Use
from store.letters import NOW

USER, KEY = CredentialKind.SMTP_USER, CredentialKind.API_KEY
ANN = Credential("c1", "a1", "d1", USER, "ann@one.test", b"\xffann", NOW)
JOE = Credential("c2", "a1", "d1", USER, "joe@one.test", b"\xffjoe", NOW)
WIDE = Credential("c3", "a1", "", KEY, "k1", b"\xffkey", NOW, dialect="sendgrid")
OTHER = Credential("c4", "a2", "d2", USER, "eve@two.test", b"\xffeve", NOW)


@pytest.fixture
def known(conn: Connection) -> Connection:
    with conn.transaction():
        for account, name in (("a1", "one"), ("a2", "two")):
            identity.ensure_account(conn, name, id=account, now=NOW)
            identity.add_domain(conn, Domain(f"d{account[1]}", account, f"{name}.test", "us", None, NOW), [])
        for item in (ANN, JOE, WIDE, OTHER):
            identity.add_credential(conn, item)
    return conn


def test_an_account_lists_its_own_valid_ones_of_a_kind(known: Connection) -> None:
    assert credentials.of_account(known, "a1", USER) == [ANN, JOE]
    assert credentials.of_account(known, "a1", KEY) == [WIDE]
    assert credentials.of_account(known, "a2", USER) == [OTHER]
    with known.transaction():
        identity.revoke_credential(known, "ann@one.test", NOW)
    assert credentials.of_account(known, "a1", USER) == [JOE]


def test_a_secret_is_in_use_until_it_is_revoked_and_within_its_kind(known: Connection) -> None:
    assert credentials.is_secret_in_use(known, KEY, b"\xffkey")
    assert not credentials.is_secret_in_use(known, USER, b"\xffkey")
    assert not credentials.is_secret_in_use(known, KEY, b"other")
    with known.transaction():
        identity.revoke_credential(known, "k1", NOW)
    assert not credentials.is_secret_in_use(known, KEY, b"\xffkey")


def test_changes_are_kept_and_raise_the_version(known: Connection) -> None:
    before = identity.identity_version(known)
    new = replace(
        WIDE,
        name="nightly",
        permissions=("mail.send", "stats.read"),
        ranges=("192.0.2.0/24", "2001:db8::/32"),
        limits=CredentialLimits(messages_per_connection=5, connections_per_address=0),
        expires_at=NOW + 5.5,
    )
    with known.transaction():
        assert credentials.change_credential(known, new)
    assert identity.find_credential(known, "k1") == new
    assert identity.identity_version(known) == before + 1
    with known.transaction():
        assert credentials.change_credential(known, replace(WIDE, permissions=new.permissions))
        assert not credentials.change_credential(known, replace(WIDE, id="none"))
    assert identity.find_credential(known, "k1") == replace(WIDE, permissions=new.permissions)
    assert identity.identity_version(known) == before + 2


def test_the_latest_use_stays_and_no_version_rises(known: Connection) -> None:
    before = identity.identity_version(known)
    with known.transaction():
        credentials.note_uses(known, [Use("c2", NOW, "192.0.2.1"), Use("c1", NOW, "2001:db8::1")])
        credentials.note_uses(known, [Use("c2", NOW + 5, "192.0.2.2"), Use("c1", NOW - 5, "192.0.2.9")])
    assert credentials.last_uses(known, ["c1", "c2", "c3", "none"]) == {
        "c1": Use("c1", NOW, "2001:db8::1"),
        "c2": Use("c2", NOW + 5, "192.0.2.2"),
    }
    assert credentials.last_uses(known, ["c4"]) == credentials.last_uses(known, []) == {}
    assert identity.identity_version(known) == before


def test_uses_of_what_is_gone_are_dropped(known: Connection) -> None:
    with known.transaction():
        identity.remove_domain(known, "two.test")
        credentials.note_uses(known, [Use("c4", NOW, "192.0.2.1"), Use("c1", NOW, "192.0.2.1")])
    assert set(credentials.last_uses(known, ["c1", "c4"])) == {"c1"}


def test_the_latest_uses_of_an_account_come_first(known: Connection) -> None:
    uses = [Use("c1", NOW, "192.0.2.1"), Use("c3", NOW + 9, "192.0.2.3"), Use("c4", NOW + 5, "192.0.2.4")]
    with known.transaction():
        credentials.note_uses(known, uses)
        identity.revoke_credential(known, "ann@one.test", NOW)
    assert credentials.latest_uses(known, "a1", 5) == [(KEY, uses[1]), (USER, uses[0])]
    assert credentials.latest_uses(known, "a1", 1) == [(KEY, uses[1])]
    assert credentials.latest_uses(known, "none", 5) == []
