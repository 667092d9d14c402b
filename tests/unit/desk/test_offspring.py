"""A key makes no credential that is wider than itself or outlives it; people may (S21)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from blank_store import make_store
from posthouse.desk import accounts, credentials, domains, keys
from posthouse.desk.expiry import NEVER
from posthouse.desk.installation import Installation
from posthouse.desk.terms import ANY, Terms
from posthouse.model.account import MAIL_SEND, CredentialKind
from posthouse.model.clock import FakeClock, Ids
from posthouse.model.errors import Refused
from posthouse.rules.permissions import FULL
from posthouse.store import identity
from posthouse.store.engine import Connection, connect

CLOCK = FakeClock()
IDS = Ids(CLOCK)
INSTALLATION = Installation(b"k" * 32)
KEY, TOKEN = CredentialKind.API_KEY, CredentialKind.DOMAIN_TOKEN
NOW = CLOCK.now()
ENDS = NOW + 86400.0
MAKER = Terms(ranges=["192.0.2.0/24", "2001:db8::/32"], expires_at=ENDS)
FORM = {"opening": "ph_", "dialect": "native"}
LOGIN = "app@mine.test"


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    url = f"sqlite:///{tmp_path}/store.db"
    make_store(url)
    with connect(url) as opened:
        new = domains.draft(
            INSTALLATION, IDS, NOW, name="mine.test", region="us", algorithms=("ed25519-sha256",)
        )
        with opened.transaction():
            identity.ensure_account(opened, "default", id=IDS.new(), now=NOW)
            domains.create(opened, IDS, new, "default")
        yield opened


def make(conn: Connection, verb: Callable[..., Any], **more: Any) -> Any:
    with conn.transaction():
        account_id = accounts.own_account(conn)
        return verb(conn, INSTALLATION, IDS, NOW, account_id=account_id, **more)


def maker_of(conn: Connection, terms: Terms = MAKER, permissions: tuple[str, ...] = FULL) -> str:
    return str(make(conn, keys.issue_key, permissions=permissions, terms=terms, **FORM).id)


BORN: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "key": (keys.issue_key, FORM),
    "token": (keys.issue_token, {"domain": "mine.test", "dialect": "mailpace"}),
    "user": (credentials.issue, {"login": LOGIN}),
}
WIDER = {
    "for ever": (Terms(expires_at=NEVER), "it expires before that"),
    "longer": (Terms(expires_at=ENDS + 1), "it expires before that"),
    "from anywhere": (Terms(ranges=[ANY]), "it is for 192.0.2.0/24, 2001:db8::/32 alone"),
    "from a wider network": (Terms(ranges=["192.0.0.0/16"]), "it is for 192.0.2.0/24, 2001:db8::/32 alone"),
    "from elsewhere too": (
        Terms(ranges=["192.0.2.1/32", "198.51.100.1/32"]),
        "it is for 192.0.2.0/24, 2001:db8::/32 alone",
    ),
}


@pytest.mark.parametrize(("verb", "form"), BORN.values(), ids=BORN)
@pytest.mark.parametrize(("terms", "why"), WIDER.values(), ids=WIDER)
def test_S21_a_key_makes_nothing_that_is_wider_or_lives_longer(
    conn: Connection, verb: Callable[..., Any], form: dict[str, Any], terms: Terms, why: str
) -> None:
    maker = maker_of(conn)
    with pytest.raises(Refused) as caught:
        make(conn, verb, terms=terms, maker=maker, **form)
    assert caught.value.text == f"A key cannot give what it does not have: {why}"
    assert caught.value.reason == "beyond-key"
    make(conn, verb, terms=terms, **form)  # people may


@pytest.mark.parametrize(("verb", "form"), BORN.values(), ids=BORN)
def test_S21_what_a_key_makes_inherits_what_is_not_said(
    conn: Connection, verb: Callable[..., Any], form: dict[str, Any]
) -> None:
    made = make(conn, verb, maker=maker_of(conn), **form)
    found = identity.find_credential(conn, getattr(made, "id", LOGIN))
    assert found is not None
    assert (found.ranges, found.expires_at) == (("192.0.2.0/24", "2001:db8::/32"), ENDS)


def test_S21_narrower_and_shorter_is_fine(conn: Connection) -> None:
    terms = Terms(ranges=["192.0.2.8/29", "2001:db8:1::/48"], expires_at=NOW + 60)
    made = make(conn, keys.issue_key, maker=maker_of(conn), terms=terms, **FORM)
    found = identity.find_credential(conn, made.id)
    assert found is not None and found.expires_at == NOW + 60


def test_S21_a_key_without_bounds_gives_any(conn: Connection) -> None:
    maker = maker_of(conn, Terms())
    for terms, _ in WIDER.values():
        make(conn, keys.issue_key, maker=maker, terms=terms, **FORM)


@pytest.mark.parametrize(("verb", "form"), BORN.values(), ids=BORN)
def test_S21_a_key_that_may_not_send_makes_nobody_who_does(
    conn: Connection, verb: Callable[..., Any], form: dict[str, Any]
) -> None:
    maker = maker_of(conn, Terms(), ("keys.write",))
    with pytest.raises(Refused, match=f"it lacks the permission {MAIL_SEND}"):
        make(conn, verb, maker=maker, **form)


def test_S21_a_key_of_one_domain_makes_none_of_the_whole_account(conn: Connection) -> None:
    maker = make(conn, keys.issue_key, permissions=FULL, domain="mine.test", **FORM).id
    with pytest.raises(Refused, match="it is for one domain"):
        make(conn, keys.issue_key, maker=maker, **FORM)
    make(conn, keys.issue_key, maker=maker, domain="mine.test", **FORM)


def test_S21_a_key_widens_none_not_even_itself(conn: Connection) -> None:
    maker = maker_of(conn)
    account_id = accounts.own_account(conn)

    def change(id: str, terms: Terms = Terms(), **more: Any) -> None:
        keys.change(conn, account_id=account_id, kind=KEY, id=id, terms=terms, maker=maker, **more)

    for terms, why in WIDER.values():
        with pytest.raises(Refused, match=why):
            change(maker, terms)
    other = make(conn, keys.issue_key, **FORM).id
    change(other, name="Shop")  # it is wider than the key that asks, and stays as it is
    with pytest.raises(Refused, match="it is for"):
        change(other, Terms(ranges=["198.51.100.0/24"]))
    change(other, Terms(ranges=["192.0.2.0/28"], expires_at=ENDS))
    few = maker_of(conn, Terms(), ("keys.write",))
    with pytest.raises(Refused, match=r"it lacks the permission queue\.read"):
        keys.change(conn, account_id=account_id, kind=KEY, id=other, permissions=["queue.read"], maker=few)


def test_S21_a_key_learns_no_new_password_of_a_user_that_it_could_not_make(conn: Connection) -> None:
    make(conn, credentials.issue, login=LOGIN)
    maker = maker_of(conn)
    with pytest.raises(Refused, match="A key cannot give what it does not have"):
        make(conn, credentials.reset, login=LOGIN, maker=maker)
    account_id = accounts.own_account(conn)
    with pytest.raises(Refused, match="it expires before that"):
        credentials.change(
            conn, account_id=account_id, login=LOGIN, terms=Terms(expires_at=ENDS + 9), maker=maker
        )
    credentials.change(
        conn,
        account_id=account_id,
        login=LOGIN,
        terms=Terms(ranges=["192.0.2.7"], expires_at=ENDS),
        maker=maker,
    )
    assert make(conn, credentials.reset, login=LOGIN, maker=maker).password


def test_S21_a_key_that_was_ended_meanwhile_makes_nothing(conn: Connection) -> None:
    maker = maker_of(conn)
    keys.revoke(conn, NOW, account_id=accounts.own_account(conn), kind=KEY, id=maker)
    with pytest.raises(Refused, match="not valid any more"):
        make(conn, keys.issue_key, maker=maker, **FORM)
