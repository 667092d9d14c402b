"""Sending domains: keys, records, verification (C-07, D-01, D-03)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from blank_store import make_store
from posthouse.desk import accounts, domain_keys, domains
from posthouse.desk.identity_view import IdentityView
from posthouse.desk.installation import Installation, SealBroken
from posthouse.mail.dkim import ED25519_SHA256, RSA_SHA256, public_of
from posthouse.model.clock import FakeClock, Ids
from posthouse.model.errors import Refused
from posthouse.store import identity
from posthouse.store.engine import Connection, connect

CLOCK = FakeClock()
IDS = Ids(CLOCK)
INSTALLATION = Installation(b"k" * 32)


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    url = f"sqlite:///{tmp_path}/store.db"
    make_store(url)
    with connect(url) as opened:
        yield opened


@pytest.fixture(scope="module")
def drafted() -> domains.Draft:
    return domains.draft(
        INSTALLATION,
        IDS,
        CLOCK.now(),
        name="Bücher.example",
        region="us",
        algorithms=(RSA_SHA256, ED25519_SHA256),
    )


def test_a_draft_has_sealed_keys(drafted: domains.Draft) -> None:
    assert drafted.domain.name == "xn--bcher-kva.example"
    assert [(key.selector, key.state.value) for key in drafted.keys] == [
        ("ph1", "active"),
        ("ph1ed", "active"),
        ("ph2", "standby"),
    ]
    opened = domain_keys.load_signing_keys(INSTALLATION, drafted.domain.name, drafted.keys[::-1])
    assert [key.algorithm for key in opened] == [RSA_SHA256, ED25519_SHA256]
    assert [public_of(key.private) for key in opened] == [key.public for key in drafted.keys if key.is_active]


def test_another_installation_cannot_open_them(drafted: domains.Draft) -> None:
    with pytest.raises(SealBroken, match=r"put back the installation\.key"):
        domain_keys.load_signing_keys(Installation(b"x" * 32), drafted.domain.name, drafted.keys)


def test_create_load_remove(conn: Connection, drafted: domains.Draft) -> None:
    with conn.transaction():
        made = domains.create(conn, IDS, drafted)
    assert made.account_id
    domain, keys = domains.load(conn, made.account_id, "BÜCHER.example")
    assert domain == made
    assert tuple(keys) == drafted.keys
    with pytest.raises(Refused, match="There is a domain xn--bcher"), conn.transaction():
        domains.create(conn, IDS, drafted)
    with conn.transaction():
        assert domains.remove(conn, made.account_id, "bücher.example") == "xn--bcher-kva.example"
    with pytest.raises(Refused, match="There is no domain"):
        domains.load(conn, made.account_id, "bücher.example")


def test_s20_a_domain_of_another_account_is_as_none(conn: Connection, drafted: domains.Draft) -> None:
    with conn.transaction():
        identity.ensure_account(conn, "second", id="a2", now=CLOCK.now())
        name = domains.create(conn, IDS, drafted).name
    uses = (
        lambda owner, name: domains.load(conn, owner, name),
        lambda owner, name: domains.remove(conn, owner, name),
        lambda owner, name: domains.change_settings(conn, owner, name, lambda settings: settings),
    )
    for use in uses:
        with pytest.raises(Refused) as foreign, conn.transaction():
            use("a2", name)
        with pytest.raises(Refused) as absent, conn.transaction():
            use("a2", "none.example")
        assert str(foreign.value).replace(name, "none.example") == str(absent.value)
        assert (foreign.value.code, foreign.value.reason) == (absent.value.code, absent.value.reason)
    assert domains.load(conn, accounts.own_account(conn), name)


def test_a_domain_is_made_in_the_account_that_is_named(conn: Connection, drafted: domains.Draft) -> None:
    with pytest.raises(Refused, match="There is no account second here"), conn.transaction():
        domains.create(conn, IDS, drafted, "second")
    with conn.transaction():
        identity.ensure_account(conn, "second", id="a2", now=CLOCK.now())
        assert domains.create(conn, IDS, drafted, "second").account_id == "a2"
    assert [found.name for found in identity.list_accounts(conn)] == ["second"]


async def test_a_verified_domain_and_its_keys_are_seen(conn: Connection, drafted: domains.Draft) -> None:
    with conn.transaction():
        made = domains.create(conn, IDS, drafted)
        identity.set_verified(conn, made.name, 5.0)
    domain, _ = domains.load(conn, made.account_id, made.name)
    assert domain.verified_at == 5.0

    class Direct:
        async def read(self, fn, *args):  # type: ignore[no-untyped-def]
            return fn(conn, *args)

    view = IdentityView(INSTALLATION, "us")
    assert view.signing_keys(made.name, made.account_id) == []
    await view.refresh(Direct())
    keys = view.signing_keys(made.name, made.account_id)
    assert [key.selector for key in keys] == ["ph1", "ph1ed"]
    assert view.signing_keys(made.name, made.account_id) is keys, "opened once"
    assert view.domains_of(made.account_id) == [domain]
