"""Recognising: wrong places told (C-06), ranges (C-04), one shared look for a flood of strangers (S21)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from blank_store import make_store
from posthouse.desk import accounts, credentials, domains, keys, sign_in
from posthouse.desk.identity_view import IdentityView
from posthouse.desk.installation import Installation
from posthouse.desk.terms import Terms
from posthouse.model.account import CredentialKind
from posthouse.model.clock import FakeClock, Ids
from posthouse.store.engine import Connection, connect

CLOCK = FakeClock()
IDS = Ids(CLOCK)
INSTALLATION = Installation(b"k" * 32)
KEY, TOKEN = CredentialKind.API_KEY, CredentialKind.DOMAIN_TOKEN
SG = f"SG.{'a' * 22}.{'B' * 43}"
UUID = "3f2b8c1e-0000-4000-8000-123456789abc"
MAILGUN_KEY = "key-0123456789abcdef0123456789abcdef"
NEWER_KEY = "5859d0b7c1f0a6c4e2d39b8471f6a0ce-3af5b7d1-046d19ec"

IS_KEY = "Authentication failed: this is an API key; use the SMTP password of this user"
IS_TOKEN = "Authentication failed: this is a domain's token; give it as the user and as the password"
IS_USER = "Authentication failed: the user is the word apikey, and the key is the password"
NO = "Authentication failed"


@pytest.mark.parametrize(
    ("user", "password", "kind", "text"),
    [
        ("joe@example.com", MAILGUN_KEY, None, IS_KEY),
        ("joe@example.com", SG, None, IS_KEY),
        ("joe@example.com", "ph_aaaa.bbbb", None, IS_KEY),
        ("joe@example.com", NEWER_KEY, None, NO),
        ("joe@example.com", NEWER_KEY, KEY, IS_KEY),
        ("joe@example.com", UUID, None, NO),
        ("joe@example.com", UUID, TOKEN, IS_TOKEN),
        ("postmaster@elsewhere.test", "any password", None, NO),
        ("joe@example.com", "", None, NO),
        (SG, SG, None, IS_USER),
        (SG, "", None, IS_USER),
        (SG, "apikey", None, IS_USER),
        (f" {SG}\n", SG, None, IS_USER),
        ("ph_aaaa.bbbb", "ph_aaaa.bbbb", None, IS_USER),
        (MAILGUN_KEY, MAILGUN_KEY, None, IS_USER),
        ("api", MAILGUN_KEY, None, NO),
        ("apikey", SG, None, NO),
        ("apikey", "an SMTP password", None, NO),
        ("apikey", UUID, TOKEN, NO),
        (UUID, UUID, None, NO),
        ("", "", None, NO),
    ],
)
def test_c06_who_puts_a_secret_into_the_wrong_place_is_told_where_it_belongs(
    user: str, password: str, kind: CredentialKind | None, text: str
) -> None:
    refused = sign_in.refusal(user, password, kind)
    assert (refused.code, refused.enhanced, refused.text) == (535, "5.7.8", text)


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    url = f"sqlite:///{tmp_path}/store.db"
    make_store(url)
    with connect(url) as opened:
        new = domains.draft(
            INSTALLATION, IDS, CLOCK.now(), name="example.com", region="us", algorithms=("ed25519-sha256",)
        )
        with opened.transaction():
            domains.create(opened, IDS, new)
        yield opened


def issue(conn: Connection, login: str, **more: Any) -> credentials.Issued:
    with conn.transaction():
        own = accounts.own_account(conn)
        return credentials.issue(conn, INSTALLATION, IDS, CLOCK.now(), account_id=own, login=login, **more)


class CountedReads:
    """Reads as the store would, one after the other, and counts."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        self.reads = self.at_once = self.most_at_once = 0
        self.error: Exception | None = None

    async def read(self, fn: Callable[..., Any], *args: Any) -> Any:
        self.reads += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        if self.error:
            raise self.error
        return fn(self.conn, *args)


async def test_c04_a_credential_is_admitted_from_its_ranges_only(conn: Connection) -> None:
    joe = issue(conn, "joe@example.com", terms=Terms(ranges=("192.0.2.0/24", "2001:db8::/32")))
    ann = issue(conn, "ann@example.com")
    view = IdentityView(INSTALLATION, "us")
    await view.refresh(CountedReads(conn))
    inside = view.recognise("joe@example.com", joe.password)
    anywhere = view.recognise("ann@example.com", ann.password)
    assert inside and anywhere
    seen = {
        address: (view.admits(inside, address), view.admits(anywhere, address))
        for address in ("192.0.2.9", "::ffff:192.0.2.9", "192.0.3.1", "2001:db8::5", "local")
    }
    assert seen == {
        "192.0.2.9": (True, True),
        "::ffff:192.0.2.9": (True, True),
        "192.0.3.1": (False, True),
        "2001:db8::5": (True, True),
        "local": (False, True),
    }


async def test_s21_a_flood_of_strangers_shares_a_few_looks(conn: Connection) -> None:
    view, store = IdentityView(INSTALLATION, "us"), CountedReads(conn)
    await asyncio.gather(*[view.look(store) for _ in range(500)])
    assert (store.reads, store.most_at_once) == (1, 1)
    first = asyncio.ensure_future(view.look(store))
    await asyncio.sleep(0)
    await asyncio.gather(first, *[view.look(store) for _ in range(500)])
    assert store.reads <= 3 and store.most_at_once == 1


async def test_who_was_added_before_the_look_is_found_by_it(conn: Connection) -> None:
    view, store = IdentityView(INSTALLATION, "us"), CountedReads(conn)
    await view.look(store)
    early = asyncio.ensure_future(view.look(store))  # waits, for the last look was a moment ago
    await asyncio.sleep(0)
    issued = issue(conn, "joe@example.com")
    await view.look(store)
    assert view.recognise("joe@example.com", issued.password) is not None
    await early


async def test_a_look_that_fails_is_told_and_the_next_one_works(conn: Connection) -> None:
    view, store = IdentityView(INSTALLATION, "us"), CountedReads(conn)
    store.error = OSError("gone")
    with pytest.raises(OSError, match="gone"):
        await view.look(store)
    store.error = None
    await view.look(store)
    assert view.version >= 0


async def test_c07_a_change_reaches_whoever_signed_in_earlier(conn: Connection) -> None:
    issued = issue(conn, "joe@example.com")
    view, store = IdentityView(INSTALLATION, "us"), CountedReads(conn)
    await view.refresh(store)
    before = view.recognise("joe@example.com", issued.password)
    assert before and view.admits(before, "198.51.100.1")
    with conn.transaction():
        credentials.change(
            conn,
            account_id=accounts.own_account(conn),
            login="joe@example.com",
            terms=Terms(ranges=("192.0.2.7",), messages="5"),
        )
    await view.refresh(store)
    now = view.current(before)
    assert now and not view.admits(now, "198.51.100.1") and view.admits(now, "192.0.2.7")
    assert now.limits.messages_per_connection == 5


async def test_a_secret_taken_over_is_recognised(conn: Connection) -> None:
    own = accounts.own_account(conn)
    chosen = "correct horse battery staple"
    assert issue(conn, "joe@example.com", chosen=chosen).password == ""
    with conn.transaction():
        key = keys.issue_key(
            conn, INSTALLATION, IDS, CLOCK.now(), account_id=own, opening="SG.", dialect="sendgrid", given=SG
        )
        token = keys.issue_token(
            conn,
            INSTALLATION,
            IDS,
            CLOCK.now(),
            account_id=own,
            domain="example.com",
            dialect="mailpace",
            given=UUID,
        )
    assert (key.id, key.secret, token.secret) == ("a" * 22, "", "")
    view = IdentityView(INSTALLATION, "us")
    await view.refresh(CountedReads(conn))
    assert view.recognise("joe@example.com", chosen + "\r\n") is not None
    assert view.recognise("apikey", SG) is not None
    assert view.recognise(UUID, UUID) is not None
