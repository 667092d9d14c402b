"""S20: what one account does with another's users, keys and tokens is answered as if they were not there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from blank_store import make_store
from posthouse.desk import accounts, credentials, domains, keys
from posthouse.desk.installation import Installation
from posthouse.model.account import CredentialKind
from posthouse.model.clock import FakeClock, Ids
from posthouse.model.errors import Refused
from posthouse.store import identity
from posthouse.store.engine import Connection, connect

CLOCK = FakeClock()
IDS = Ids(CLOCK)
INSTALLATION = Installation(b"k" * 32)
KEY, TOKEN = CredentialKind.API_KEY, CredentialKind.DOMAIN_TOKEN


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    url = f"sqlite:///{tmp_path}/store.db"
    make_store(url)
    with connect(url) as opened:
        for account, name in [("default", "mine.test"), ("other", "theirs.test")]:
            new = domains.draft(
                INSTALLATION, IDS, CLOCK.now(), name=name, region="us", algorithms=("ed25519-sha256",)
            )
            with opened.transaction():
                identity.ensure_account(opened, account, id=IDS.new(), now=CLOCK.now())
                domains.create(opened, IDS, new, account)
        yield opened


def make(conn: Connection, verb: Callable[..., Any], account: str, **more: Any) -> Any:
    with conn.transaction():
        account_id = accounts.own_account(conn, account)
        return verb(conn, INSTALLATION, IDS, CLOCK.now(), account_id=account_id, **more)


def refused(work: Callable[[], Any], *names: str) -> tuple[int, str, str, str]:
    """The refusal in full, with the names that were asked for taken out."""
    with pytest.raises(Refused) as caught:
        work()
    text = caught.value.text
    for name in names:
        text = text.replace(name, "NAME")
    return caught.value.code, caught.value.enhanced, caught.value.reason, text


def test_s20_a_user_of_another_account_is_as_one_that_is_not_there(conn: Connection) -> None:
    make(conn, credentials.issue, "other", login="joe@theirs.test")
    usual = accounts.own_account(conn)

    def reset(login: str) -> Any:
        return make(conn, credentials.reset, "", login=login)

    def revoke(login: str) -> Any:
        return credentials.revoke(conn, CLOCK.now(), account_id=usual, login=login)

    for verb in (reset, revoke):
        found = [
            refused(lambda verb=verb, login=login: verb(login), login)  # type: ignore[misc]
            for login in ("joe@theirs.test", "joe@nobody.test", "joe@mine.test")
        ]
        assert found[0] == found[1] == found[2]
    assert credentials.listing(conn, usual) == []
    assert credentials.listing(conn, usual, "theirs.test") == credentials.listing(conn, usual, "no.test")
    assert [row["login"] for row in credentials.listing(conn, accounts.own_account(conn, "other"))] == [
        "joe@theirs.test"
    ]


@pytest.mark.parametrize("taken", ["joe@theirs.test", "ann@theirs.test"], ids=["there", "not there"])
def test_s20_nobody_adds_a_user_to_anothers_domain_nor_learns_of_its_users(
    conn: Connection, taken: str
) -> None:
    make(conn, credentials.issue, "other", login="joe@theirs.test")
    theirs = refused(lambda: make(conn, credentials.issue, "", login=taken), "theirs.test")
    assert theirs == refused(lambda: make(conn, credentials.issue, "", login="a@no.test"), "no.test")


@pytest.mark.parametrize("kind", [KEY, TOKEN], ids=str)
def test_s20_a_key_or_token_of_another_account_cannot_be_seen_or_ended(
    conn: Connection, kind: CredentialKind
) -> None:
    if kind is KEY:
        issued = make(conn, keys.issue_key, "other", opening="SG.", dialect="sendgrid")
    else:
        issued = make(conn, keys.issue_token, "other", domain="theirs.test", dialect="mailpace")
    usual = accounts.own_account(conn)
    found = [
        refused(lambda id=id: keys.revoke(conn, CLOCK.now(), account_id=usual, kind=kind, id=id), id)  # type: ignore[misc]
        for id in (issued.id, "nothing")
    ]
    assert found[0] == found[1]
    assert keys.listing(conn, usual, kind) == []
    assert [row["id"] for row in keys.listing(conn, accounts.own_account(conn, "other"), kind)] == [issued.id]


def test_s20_no_key_or_token_is_made_for_anothers_domain(conn: Connection) -> None:
    def key(domain: str) -> Any:
        return make(conn, keys.issue_key, "", opening="SG.", dialect="sendgrid", domain=domain)

    def token(domain: str) -> Any:
        return make(conn, keys.issue_token, "", dialect="mailpace", domain=domain)

    for verb in (key, token):
        theirs = refused(lambda verb=verb: verb("theirs.test"), "theirs.test")  # type: ignore[misc]
        assert theirs == refused(lambda verb=verb: verb("no.test"), "no.test")  # type: ignore[misc]


def test_a_key_of_the_whole_account_belongs_to_the_account_that_was_named(conn: Connection) -> None:
    issued = make(conn, keys.issue_key, "other", opening="SG.", dialect="sendgrid")
    found = keys.load(conn, accounts.own_account(conn, "other"), KEY, issued.id)
    assert found.account_id == accounts.own_account(conn, "other")
