"""Accounts, domains, keys, credentials, and the version that says that they changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from posthouse.model.account import (
    DEFAULTS,
    Account,
    Credential,
    CredentialKind,
    Domain,
    DomainKey,
    DomainSettings,
    KeyState,
)
from posthouse.store import credentials, domain_keys, identity
from posthouse.store.connection import Connection
from posthouse.store.engine import Duplicate
from store.letters import NOW

DOMAIN = Domain("d1", "a1", "example.test", "us", None, NOW)
KEYS = [
    DomainKey("k1", "d1", "rsa1", "rsa-sha256", b"\0\1sealed", "MIIB", KeyState.ACTIVE, 4.0),
    DomainKey("k2", "d1", "ed1", "ed25519-sha256", b"sealed", "11qY", KeyState.STANDBY, 5.0),
]
CREDENTIAL = Credential("c1", "a1", "d1", CredentialKind.SMTP_USER, "app@example.test", b"\xffhash", NOW)


@pytest.fixture
def known(conn: Connection) -> Connection:
    with conn.transaction():
        identity.ensure_account(conn, "main", id="a1", now=NOW)
        identity.add_domain(conn, DOMAIN, KEYS)
        identity.add_credential(conn, CREDENTIAL)
    return conn


def test_everything_comes_back_as_it_was(known: Connection) -> None:
    assert identity.find_account(known, "main") == Account("a1", "main", NOW)
    assert identity.find_domain(known, "example.test") == DOMAIN
    assert domain_keys.keys_of(known, "d1") == KEYS
    assert identity.find_credential(known, "app@example.test") == CREDENTIAL
    assert identity.list_domains(known) == identity.list_domains(known, "a1") == [DOMAIN]
    here, elsewhere = (
        identity.list_domains(known, "a1", region=name) for name in (DOMAIN.region, "elsewhere")
    )
    assert (here, elsewhere) == ([DOMAIN], [])
    assert identity.list_domains(known, "a2") == []
    assert identity.list_credentials(known) == [CREDENTIAL]
    assert identity.list_credentials(known, "example.test") == [CREDENTIAL]
    assert identity.list_credentials(known, "other.test") == []


def test_unknown_names_are_none(known: Connection) -> None:
    assert identity.find_account(known, "x") is None
    assert identity.find_domain(known, "x.test") is None
    assert identity.find_credential(known, "x@example.test") is None
    assert domain_keys.keys_of(known, "x") == []


def test_an_account_is_made_once(known: Connection) -> None:
    with known.transaction():
        assert identity.ensure_account(known, "main", id="a2", now=NOW).id == "a1"


def test_names_are_unique(known: Connection) -> None:
    with pytest.raises(Duplicate, match=r"example\.test"), known.transaction():
        identity.add_domain(known, replace(DOMAIN, id="d2"), [])
    with pytest.raises(Duplicate, match=r"app@example\.test"), known.transaction():
        identity.add_credential(known, replace(CREDENTIAL, id="c2"))


def test_a_revoked_login_is_unknown_and_may_be_given_again(known: Connection) -> None:
    with known.transaction():
        assert identity.revoke_credential(known, "app@example.test", NOW + 1)
        assert not identity.revoke_credential(known, "app@example.test", NOW + 2)
    assert identity.find_credential(known, "app@example.test") is None
    with known.transaction():
        identity.add_credential(known, replace(CREDENTIAL, id="c2"))
    assert [found.revoked_at for found in identity.list_credentials(known)] == [NOW + 1, None]


def test_a_domain_is_verified_and_unverified(known: Connection) -> None:
    for at in (NOW + 5, None):
        with known.transaction():
            assert identity.set_verified(known, "example.test", at)
        assert identity.find_domain(known, "example.test") == replace(DOMAIN, verified_at=at)
    with known.transaction():
        assert not identity.set_verified(known, "x.test", NOW)


def test_a_removed_domain_takes_keys_and_credentials_along(known: Connection) -> None:  # F65
    with known.transaction():
        assert identity.remove_domain(known, "example.test")
        assert not identity.remove_domain(known, "example.test")
    assert identity.find_credential(known, "app@example.test") is None
    assert domain_keys.keys_of(known, "d1") == []


def test_each_change_raises_the_version(known: Connection) -> None:
    changes = (
        lambda: identity.ensure_account(known, "second", id="a9", now=NOW),
        lambda: identity.set_verified(known, "example.test", NOW),
        lambda: credentials.change_credential(known, replace(CREDENTIAL, name="other")),
        lambda: identity.revoke_credential(known, "app@example.test", NOW),
        lambda: identity.remove_domain(known, "example.test"),
    )
    for change in changes:
        before = identity.identity_version(known)
        with known.transaction():
            change()
        assert identity.identity_version(known) == before + 1
    before = identity.identity_version(known)
    with known.transaction():
        identity.remove_domain(known, "nothing.test")
        identity.ensure_account(known, "main", id="a3", now=NOW)
    assert identity.identity_version(known) == before


def test_a_key_of_the_whole_account_outlives_every_domain(known: Connection) -> None:
    key = Credential(
        "c7",
        "a1",
        "",
        CredentialKind.API_KEY,
        "middle-part",
        b"hash",
        NOW,
        dialect="native",
        permissions=("mail.send", "stats.read"),
        name="nightly jobs",
    )
    with known.transaction():
        identity.add_credential(known, key)
        identity.remove_domain(known, "example.test")
    assert identity.find_credential(known, "middle-part") == key
    assert identity.list_credentials(known) == [key]


@pytest.mark.parametrize("permissions", [(), ("mail.send",), ("a", "b.c")], ids=str)
def test_permissions_come_back(known: Connection, permissions: tuple[str, ...]) -> None:
    with known.transaction():
        identity.add_credential(known, replace(CREDENTIAL, id="c3", login="x", permissions=permissions))
    found = identity.find_credential(known, "x")
    assert found is not None
    assert found.permissions == permissions


def test_settings_of_a_domain_are_kept_and_raise_the_version(known: Connection) -> None:
    settings = DomainSettings(track_opens=True, authorised=("a@b.test",), is_sandbox=True, schedule_days=3.0)
    for wanted in (settings, DEFAULTS):
        before = identity.identity_version(known)
        with known.transaction():
            assert identity.set_settings(known, "example.test", wanted)
        assert identity.identity_version(known) == before + 1
        assert identity.list_domains(known) == [replace(DOMAIN, settings=wanted)]
    with known.transaction():
        assert not identity.set_settings(known, "x.test", settings)
    with known.transaction():
        identity.add_domain(known, Domain("d2", "a1", "b.test", "us", None, NOW, settings), [])
    found = identity.find_domain(known, "b.test")
    assert found is not None
    assert found.settings == settings
