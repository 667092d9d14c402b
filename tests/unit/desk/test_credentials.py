"""SMTP users: issue, recognise, reset, revoke (C-03, C-06, C-07, C-14, S21, S22) on a real SQLite file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import pytest

from blank_store import make_store
from posthouse.desk import accounts, credentials, domains, sign_in
from posthouse.desk.identity import Identity, load_identity
from posthouse.desk.identity_view import IdentityView
from posthouse.desk.installation import Installation
from posthouse.desk.terms import Terms
from posthouse.model.clock import FakeClock, Ids
from posthouse.model.errors import Refused
from posthouse.store import identity
from posthouse.store.engine import Connection, connect

CLOCK = FakeClock()
IDS = Ids(CLOCK)
INSTALLATION = Installation(b"k" * 32)
OWN = accounts.own_account
ED25519 = ("ed25519-sha256",)  # made in microseconds, an RSA key takes a second


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    url = f"sqlite:///{tmp_path}/store.db"
    make_store(url)
    with connect(url) as opened:
        add_domain(opened, "example.com")
        yield opened


def add_domain(conn: Connection, name: str, region: str = "us") -> None:
    new = domains.draft(INSTALLATION, IDS, CLOCK.now(), name=name, region=region, algorithms=ED25519)
    with conn.transaction():
        domains.create(conn, IDS, new)


def issue(conn: Connection, login: str) -> credentials.Issued:
    with conn.transaction():
        return credentials.issue(conn, INSTALLATION, IDS, CLOCK.now(), account_id=OWN(conn), login=login)


class OneConnection:
    """Reads as the store would, from one connection."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn

    async def read(self, fn: Callable[..., Any], *args: Any) -> Any:
        return fn(self.conn, *args)


async def viewed(conn: Connection, region: str = "us") -> IdentityView:
    view = IdentityView(INSTALLATION, region)
    await view.refresh(OneConnection(conn))
    return view


def test_a_password_has_the_form_that_users_know() -> None:
    seen = {credentials.new_password() for _ in range(100)}
    assert len(seen) == 100
    assert all(re.fullmatch(r"[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}", password) for password in seen)


async def test_c03_each_user_has_their_own_password(conn: Connection) -> None:
    joe, ann = issue(conn, "joe@example.com"), issue(conn, "Ann.B+c@EXAMPLE.com")
    view = await viewed(conn)
    assert ann.login == "ann.b+c@example.com"
    principal = view.recognise("joe@example.com", joe.password)
    assert principal is not None
    assert (principal.login, principal.domain, principal.verified) == (
        "joe@example.com",
        "example.com",
        False,
    )
    assert view.recognise("JOE@Example.COM", joe.password) == principal
    assert view.recognise("joe@example.com", ann.password) is None


@pytest.mark.parametrize(
    ("login", "password"),
    [
        ("joe@example.com", ""),
        ("joe@example.com", "wrong"),
        ("joe@example.com", "\udcff\x00" * 1000),
        ("nobody@example.com", "wrong"),
        ("joe", "wrong"),
        ("", ""),
        ("joe@bücher.example", "x"),
        ("ü" * 500, "x"),
    ],
    ids=repr,
)
async def test_c06_wrong_sign_ins_get_nothing(conn: Connection, login: str, password: str) -> None:
    issue(conn, "joe@example.com")
    assert (await viewed(conn)).recognise(login, password) is None


async def test_c06_old_password_after_reset_and_revoked_user(conn: Connection) -> None:
    old = issue(conn, "joe@example.com")
    ann = issue(conn, "ann@example.com")
    view = await viewed(conn)
    before = view.recognise("joe@example.com", old.password)
    assert before is not None
    assert view.current(before) == before
    with conn.transaction():
        new = credentials.reset(
            conn, INSTALLATION, IDS, CLOCK.now(), account_id=OWN(conn), login="joe@example.com"
        )
    assert await view.refresh(OneConnection(conn))
    assert view.recognise("joe@example.com", old.password) is None
    assert view.recognise("joe@example.com", new.password) is not None
    assert view.current(before) is None, "a session of the old password must end"
    with conn.transaction():
        credentials.revoke(conn, CLOCK.now(), account_id=OWN(conn), login="joe@example.com")
    assert await view.refresh(OneConnection(conn))
    assert view.recognise("joe@example.com", new.password) is None
    assert view.recognise("ann@example.com", ann.password) is not None, "revoked alone"
    assert [row["login"] for row in credentials.listing(conn, OWN(conn))] == ["ann@example.com"]


async def test_c14_another_regions_user_is_unknown_here(conn: Connection) -> None:
    add_domain(conn, "europe.test", region="eu")
    issued = issue(conn, "joe@europe.test")
    assert (await viewed(conn, "us")).recognise("joe@europe.test", issued.password) is None
    assert (await viewed(conn, "eu")).recognise("joe@europe.test", issued.password) is not None


async def test_a_removed_domains_users_are_gone(conn: Connection) -> None:
    issued = issue(conn, "joe@example.com")
    view = await viewed(conn)
    with conn.transaction():
        domains.remove(conn, accounts.own_account(conn), "Example.COM")
    assert await view.refresh(OneConnection(conn))
    assert view.recognise("joe@example.com", issued.password) is None
    assert view.domain("example.com") is None


def test_c06_an_api_key_is_named_as_such() -> None:
    told = sign_in.refusal("joe@example.com", "key-" + "0123456789abcdef" * 2)
    assert (told.code, told.enhanced) == (535, "5.7.8")
    assert told.text == "Authentication failed: this is an API key; use the SMTP password of this user"
    assert sign_in.refusal("joe@example.com", "anything else").text == "Authentication failed"


def test_c07_the_store_holds_no_password(conn: Connection, tmp_path: Path) -> None:
    issued = issue(conn, "joe@example.com")
    assert issued.password not in repr(issued)
    for file in tmp_path.iterdir():
        assert issued.password.encode() not in file.read_bytes()
    found = identity.find_credential(conn, "joe@example.com")
    assert found is not None
    assert found.secret_hash != Installation(b"x" * 32).secret_hash(issued.password), (
        "keyed by the installation"
    )


REFUSED = [
    ("joe", "A login is name@domain"),
    ("@example.com", "A login is name@domain"),
    ('"a b"@example.com', "A login is name@domain"),
    ("-joe@example.com", "A login is name@domain"),
    ("j" * 65 + "@example.com", "A login is name@domain"),
    ("joe@exa mple", "domain is not valid"),
    ("joe@other.test", "There is no domain other.test here"),
    ("taken@example.com", "There is a user taken@example.com already"),
]


@pytest.mark.parametrize(("login", "part"), REFUSED, ids=[row[0][:20] for row in REFUSED])
def test_wrong_logins_are_refused(conn: Connection, login: str, part: str) -> None:
    issue(conn, "taken@example.com")
    with pytest.raises(Refused, match=re.escape(part)):
        issue(conn, login)


@pytest.mark.parametrize("verb", [credentials.revoke, "reset"], ids=["revoke", "reset"])
def test_nobody_can_be_revoked_or_reset(conn: Connection, verb: Any) -> None:
    with pytest.raises(Refused, match=r"There is no user who@example\.com here"), conn.transaction():
        if verb == "reset":
            credentials.reset(
                conn, INSTALLATION, IDS, CLOCK.now(), account_id=OWN(conn), login="who@example.com"
            )
        else:
            verb(conn, CLOCK.now(), account_id=OWN(conn), login="who@example.com")


def test_c07_a_chosen_password_must_be_strong_and_is_not_shown(conn: Connection) -> None:
    def chosen(password: str) -> credentials.Issued:
        with conn.transaction():
            return credentials.issue(
                conn,
                INSTALLATION,
                IDS,
                CLOCK.now(),
                account_id=OWN(conn),
                login="joe@example.com",
                chosen=password,
            )

    for weak in ("", "short", "secretsecretsecret", "joe@example.com!!"):
        with pytest.raises(Refused) as caught:
            chosen(weak)
        assert caught.value.reason == "weak-password"
        assert not weak or weak not in caught.value.text
    assert chosen("correct horse battery staple") == credentials.Issued("joe@example.com", "")


async def test_c07_a_reset_keeps_ranges_and_limits(conn: Connection) -> None:
    own, login = OWN(conn), "joe@example.com"
    issue(conn, login)
    with conn.transaction():
        terms = Terms(ranges=("192.0.2.7",), messages="5")
        before = credentials.change(conn, account_id=own, login=login, terms=terms)
        chosen = "correct horse battery staple"
        credentials.reset(conn, INSTALLATION, IDS, CLOCK.now(), account_id=own, login=login, chosen=chosen)
    after = credentials.load(conn, own, login)
    assert (after.ranges, after.limits) == (before.ranges, before.limits)
    assert after.id != before.id
    assert (await viewed(conn)).recognise(login, chosen) is not None


def test_a_login_can_come_back_after_it_was_revoked(conn: Connection) -> None:
    first = issue(conn, "joe@example.com")
    with conn.transaction():
        credentials.revoke(conn, CLOCK.now(), account_id=OWN(conn), login="joe@example.com")
    assert issue(conn, "joe@example.com").password != first.password


def test_an_unchanged_version_loads_nothing(conn: Connection) -> None:
    first = load_identity(conn, "us", -1, CLOCK.now())
    assert isinstance(first, Identity)
    assert load_identity(conn, "us", first.version, CLOCK.now()) is None
    issue(conn, "joe@example.com")
    assert load_identity(conn, "us", first.version, CLOCK.now()) is not None


async def test_s21_unknown_and_known_logins_cost_the_same(conn: Connection) -> None:
    issue(conn, "joe@example.com")
    view = await viewed(conn)
    cost: dict[str, list[float]] = {"joe@example.com": [], "eve@example.com": []}
    for _ in range(2000):
        for login, spans in cost.items():
            start = perf_counter()
            view.recognise(login, "wrong")
            spans.append(perf_counter() - start)
    known, unknown = (median(spans) for spans in cost.values())
    assert abs(known - unknown) < 0.5 * max(known, unknown), (known, unknown)
    assert known < 100e-6


async def test_follow_outlives_a_store_that_is_away(
    conn: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    class Away(OneConnection):
        asked = 0

        async def read(self, fn: Callable[..., Any], *args: Any) -> Any:
            self.asked += 1
            if self.asked in (2, 3):
                raise OSError("gone")
            return await super().read(fn, *args)

    class Enough(Exception):
        pass

    store, waits = Away(conn), 0

    async def sleep(seconds: float) -> None:
        nonlocal waits
        assert seconds == 0.5
        waits += 1
        if waits == 3:
            issue(conn, "late@example.com")
        if waits > 4:
            raise Enough

    view = IdentityView(INSTALLATION, "us")
    with pytest.raises(Enough):
        await view.follow(store, sleep)
    assert view.current is not None
    assert view.version == identity.identity_version(conn)
    assert [record.message for record in caplog.records] == ["the identity view cannot be refreshed: gone"]
