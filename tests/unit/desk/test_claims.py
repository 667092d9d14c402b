"""A domain that another account has: refused, and given to whoever DNS says it belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from blank_store import make_store
from posthouse.desk import claims, credentials, domains
from posthouse.desk.installation import Installation
from posthouse.model.clock import FakeClock, Ids
from posthouse.model.errors import Refused
from posthouse.store import domain_keys, identity
from posthouse.store.engine import Connection, connect

CLOCK = FakeClock()
IDS = Ids(CLOCK)
INSTALLATION = Installation(b"k" * 32)


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    url = f"sqlite:///{tmp_path}/store.db"
    make_store(url)
    with connect(url) as opened:
        with opened.transaction():
            identity.ensure_account(opened, "first", id="a1", now=0.0)
            identity.ensure_account(opened, "second", id="a2", now=0.0)
        yield opened


def add(conn: Connection, name: str, account: str, *, verified: bool = False, is_proven: bool = False) -> str:
    new = domains.draft(
        INSTALLATION,
        IDS,
        CLOCK.now(),
        name=name,
        region="us",
        is_verified=verified,
        algorithms=("ed25519-sha256",),
    )
    with conn.transaction():
        return domains.create(conn, IDS, new, account, is_proven=is_proven).id


# (the other account's domain, whether it is verified, the wanted name, the sentence's beginning)
CASES = {
    "the same": ("shop.test", False, "shop.test", "Another account here has shop.test"),
    "above a verified one": (
        "a.shop.test",
        True,
        "shop.test",
        "Another account here has a domain above or below",
    ),
    "below a verified one": (
        "shop.test",
        True,
        "b.shop.test",
        "Another account here has a domain above or below",
    ),
    "above one that is not verified": ("a.shop.test", False, "shop.test", ""),
    "below one that is not verified": ("shop.test", False, "a.shop.test", ""),
    "beside": ("a.shop.test", True, "b.shop.test", ""),
    "with the same ending": ("shop.test", True, "myshop.test", ""),
}


@pytest.mark.parametrize("case", CASES)
def test_a_name_of_another_account_is_refused(conn: Connection, case: str) -> None:
    theirs, verified, wanted, text = CASES[case]
    add(conn, theirs, "first", verified=verified)
    add(conn, "own.test", "second", verified=True)
    if not text:
        assert add(conn, wanted, "second")
        return
    with pytest.raises(Refused) as raised:
        add(conn, wanted, "second")
    assert raised.value.text.startswith(text) and raised.value.reason == claims.TAKEN
    assert add(conn, wanted, "second", is_proven=True)


def test_names_of_one_account_stand_beside_each_other(conn: Connection) -> None:
    for name in ("shop.test", "a.shop.test", "test.example", "b.a.shop.test"):
        add(conn, name, "first", verified=True)
    with pytest.raises(Refused, match=r"There is a domain shop\.test already"):
        add(conn, "shop.test", "first")
    with pytest.raises(Refused, match=r"There is a domain shop\.test already"):
        add(conn, "shop.test", "first", is_proven=True)


def test_the_sentence_says_what_to_publish(conn: Connection) -> None:
    add(conn, "shop.test", "first")
    value = claims.record_value(INSTALLATION, "a2", "shop.test")
    with pytest.raises(Refused) as raised:
        claims.refuse_foreign(conn, "a2", "shop.test", INSTALLATION)
    assert raised.value.text == (
        "Another account here has shop.test; to show that it is yours, publish the TXT record "
        f"_posthouse-claim.shop.test with the text {value} and add the domain again, as a claim"
    )


def test_a_token_is_for_one_account_and_one_domain() -> None:
    others = [
        claims.record_value(Installation(b"x" * 32), "a2", "shop.test"),
        claims.record_value(INSTALLATION, "a1", "shop.test"),
        claims.record_value(INSTALLATION, "a2", "shop2.test"),
    ]
    own = claims.record_value(INSTALLATION, "a2", "shop.test")
    assert own not in others and own == claims.record_value(INSTALLATION, "a2", "shop.test")
    claims.prove(["v=spf1 -all", f" {own} "], INSTALLATION, "a2", "shop.test")
    with pytest.raises(Refused, match="DNS has nothing there"):
        claims.prove([], INSTALLATION, "a2", "shop.test")
    with pytest.raises(Refused, match="DNS has 'posthouse-claim="):
        claims.prove(others, INSTALLATION, "a2", "shop.test")


def test_a_domain_moves_without_its_old_keys_and_users(conn: Connection) -> None:
    old = add(conn, "shop.test", "first", verified=True)
    with conn.transaction():
        credentials.issue(conn, INSTALLATION, IDS, CLOCK.now(), account_id="a1", login="app@shop.test")
    new = add(conn, "shop.test", "second", is_proven=True)
    assert [found.account_id for found in identity.list_domains(conn)] == ["a2"]
    assert domain_keys.keys_of(conn, old) == []
    assert len(domain_keys.keys_of(conn, new)) == 1
    assert identity.list_credentials(conn) == []
    with pytest.raises(Refused, match=r"There is no domain shop\.test here"):
        domains.load(conn, "a1", "shop.test")
