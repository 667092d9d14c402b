"""Accounts: names, suspending, removing, on a real SQLite file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from blank_store import make_store
from posthouse.desk import accounts, domains
from posthouse.desk.identity_view import IdentityView
from posthouse.desk.installation import Installation
from posthouse.model.account import ACCOUNT_DEFAULTS, AccountSettings
from posthouse.model.clock import FakeClock, Ids
from posthouse.model.errors import Refused
from posthouse.model.message import DeliveryState
from posthouse.store import identity, queue
from posthouse.store.engine import Connection, connect
from posthouse.store.messages import add_accepted
from store.letters import letter

CLOCK = FakeClock()
IDS = Ids(CLOCK)
NOW = CLOCK.now()
INSTALLATION = Installation(b"k" * 32)


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    url = f"sqlite:///{tmp_path}/store.db"
    make_store(url)
    with connect(url) as opened:
        yield opened


def add(conn: Connection, name: str) -> str:
    with conn.transaction():
        return accounts.add(conn, IDS, NOW, name).id


NAMES = {
    "acme": "acme",
    " Acme ": "acme",
    "a": "a",
    "7-eleven_2.x": "7-eleven_2.x",
    "a" * 64: "a" * 64,
    "default": "default",
    "allied": "allied",
    "": "",
    " ": "",
    "all": "",
    "ALL": "",
    "a" * 65: "",
    "-a": "",
    ".a": "",
    "a b": "",
    "a/b": "",
    "müller": "",
    "a\n": "a",
    "a\0": "",
}


@pytest.mark.parametrize(("text", "name"), NAMES.items(), ids=map(repr, NAMES))
def test_a_name_is_taken_or_explained(text: str, name: str) -> None:
    if name:
        assert accounts.account_name(text) == name
    else:
        with pytest.raises(Refused, match="1 to 64 letters"):
            accounts.account_name(text)


def test_a_name_is_given_once(conn: Connection) -> None:
    made = add(conn, "Acme")
    assert accounts.load(conn, "ACME").id == made
    with pytest.raises(Refused, match="There is an account acme already"):
        add(conn, "acme")
    with pytest.raises(Refused, match="There is no account other here"):
        accounts.load(conn, "other")


def test_settings_are_changed_and_survive_a_suspension(conn: Connection) -> None:
    add(conn, "acme")
    with conn.transaction():
        accounts.change_settings(conn, "acme", ["daily_messages=10", "over_limit=queue"])
        assert accounts.suspend(conn, "acme").settings.is_suspended
    wanted = AccountSettings(daily_messages=10, over_limit="queue", is_suspended=True)
    assert accounts.load(conn, "acme").settings == wanted
    with conn.transaction():
        accounts.resume(conn, "acme")
    assert accounts.load(conn, "acme").settings == AccountSettings(daily_messages=10, over_limit="queue")


def test_what_changes_nothing_wakes_nobody(conn: Connection) -> None:
    add(conn, "acme")
    before = identity.identity_version(conn)
    with conn.transaction():
        accounts.resume(conn, "acme")
        accounts.change_settings(conn, "acme", ["daily_messages=0"])
    assert identity.identity_version(conn) == before
    with conn.transaction():
        accounts.suspend(conn, "acme")
        accounts.suspend(conn, "acme")
    assert identity.identity_version(conn) == before + 1


class OneConnection:
    """Reads as the store would, from one connection."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn

    async def read(self, fn: Callable[..., Any], *args: Any) -> Any:
        return fn(self.conn, *args)


async def test_workers_know_who_is_suspended(conn: Connection) -> None:
    acme, other = add(conn, "acme"), add(conn, "other")
    view = IdentityView(INSTALLATION, "us")
    await view.refresh(OneConnection(conn))
    assert view.suspended == frozenset()
    with conn.transaction():
        accounts.suspend(conn, "acme")
        accounts.change_settings(conn, "other", ["daily_messages=10"])
    assert await view.refresh(OneConnection(conn))
    assert view.suspended == {acme}
    assert view.account_settings(other).daily_messages == 10
    assert view.account_settings("unknown") == ACCOUNT_DEFAULTS


def furnished(conn: Connection, name: str, domain: str) -> str:
    """An account with a domain and two letters, one of them held."""
    account_id = add(conn, name)
    new = domains.draft(INSTALLATION, IDS, NOW, name=domain, region="us", algorithms=("ed25519-sha256",))
    with conn.transaction():
        domains.create(conn, IDS, new, name)
        add_accepted(
            conn,
            [
                letter("ann@one.test", account=account_id),
                letter("bob@two.test", account=account_id, state=DeliveryState.HELD),
            ],
        )
    return account_id


def test_an_account_goes_with_what_it_has_when_its_mail_has_gone(conn: Connection) -> None:
    furnished(conn, "acme", "acme.test")
    other = furnished(conn, "other", "other.test")
    assert accounts.contents(conn, accounts.load(conn, "acme")) == {"domains": 1, "queued": 2}
    with pytest.raises(Refused, match=r"has 2 deliveries in the queue; let them go out"):
        accounts.remove(conn, IDS, NOW, "acme")
    assert accounts.load(conn, "acme").settings == ACCOUNT_DEFAULTS, "a refusal changes nothing"
    assert accounts.remove(conn, IDS, NOW, "Acme", gives_up_mail=True).name == "acme"
    assert identity.find_domain(conn, "acme.test") is None
    with pytest.raises(Refused, match="There is no account acme here"):
        accounts.load(conn, "acme")
    counts = queue.counts(conn)
    assert (counts[DeliveryState.CANCELLED], counts[DeliveryState.WAITING]) == (2, 1)
    assert accounts.contents(conn, accounts.load(conn, "other")) == {"domains": 1, "queued": 2}
    assert identity.find_domain(conn, "other.test").account_id == other  # type: ignore[union-attr]


def test_the_usual_account_stays(conn: Connection) -> None:
    add(conn, "default")
    with pytest.raises(Refused, match="The account default cannot be removed"):
        accounts.remove(conn, IDS, NOW, "default", gives_up_mail=True)
