"""Keys and tokens: made, recognised, revoked (C-04, C-05, C-06, C-07, C-14) on a real SQLite file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from blank_store import make_store
from posthouse.desk import accounts, credentials, domains, keys, sign_in
from posthouse.desk.identity_view import IdentityView
from posthouse.desk.installation import Installation
from posthouse.desk.terms import Terms
from posthouse.model.account import MAIL_SEND, Credential, CredentialKind, CredentialLimits, Domain
from posthouse.model.clock import FakeClock, Ids
from posthouse.model.errors import Refused
from posthouse.store import credentials as stored
from posthouse.store.engine import Connection, connect

CLOCK = FakeClock()
IDS = Ids(CLOCK)
INSTALLATION = Installation(b"k" * 32)
OWN = accounts.own_account
KEY, TOKEN = CredentialKind.API_KEY, CredentialKind.DOMAIN_TOKEN


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    url = f"sqlite:///{tmp_path}/store.db"
    make_store(url)
    with connect(url) as opened:
        add_domain(opened, "example.com")
        yield opened


def add_domain(conn: Connection, name: str, region: str = "us") -> Domain:
    new = domains.draft(
        INSTALLATION, IDS, CLOCK.now(), name=name, region=region, algorithms=("ed25519-sha256",)
    )
    with conn.transaction():
        return domains.create(conn, IDS, new)


def make_key(conn: Connection, **more: Any) -> keys.IssuedKey:
    values: dict[str, Any] = {"account_id": OWN(conn), "opening": "SG.", "dialect": "sendgrid"} | more
    with conn.transaction():
        return keys.issue_key(conn, INSTALLATION, IDS, CLOCK.now(), **values)


def make_token(conn: Connection, domain: str = "example.com", dialect: str = "mailpace") -> keys.IssuedKey:
    with conn.transaction():
        return keys.issue_token(
            conn,
            INSTALLATION,
            IDS,
            CLOCK.now(),
            account_id=OWN(conn),
            domain=domain,
            dialect=dialect,
        )


class OneConnection:
    def __init__(self, conn: Connection) -> None:
        self.conn = conn

    async def read(self, fn: Callable[..., Any], *args: Any) -> Any:
        return fn(self.conn, *args)


async def viewed(conn: Connection, region: str = "us") -> IdentityView:
    view = IdentityView(INSTALLATION, region)
    await view.refresh(OneConnection(conn))
    return view


def test_c04_a_key_has_the_form_that_sdks_expect(conn: Connection) -> None:
    made = [make_key(conn) for _ in range(30)]
    assert len({key.secret for key in made}) == 30
    for key in made:
        assert re.fullmatch(r"SG\.[\w-]{22}\.[\w-]{43}", key.secret, re.ASCII)
        assert key.secret.split(".")[1] == key.id
        assert not key.id.startswith("-")
        assert key.secret not in repr(key)


async def test_c04_a_key_speaks_for_the_account(conn: Connection) -> None:
    key = make_key(conn)
    principal = (await viewed(conn)).recognise("apikey", key.secret)
    assert principal is not None
    assert (principal.domain, principal.domain_id, principal.region) == ("", "", "")
    assert (principal.kind, principal.dialect, principal.verified) == (KEY, "sendgrid", True)
    assert principal.permissions == (MAIL_SEND,)
    assert principal.login == key.id
    assert principal.account_id == domains.load(conn, OWN(conn), "example.com")[0].account_id


@pytest.mark.parametrize("user", ["apikey", "APIKEY", "ApiKey", " apikey\n"], ids=repr)
@pytest.mark.parametrize("ending", ["", "\n", "\r\n"], ids=repr)
async def test_c04_the_user_is_a_word_and_a_line_break_is_forgiven(
    conn: Connection, user: str, ending: str
) -> None:
    key = make_key(conn)
    assert (await viewed(conn)).recognise(user, key.secret + ending) is not None


async def test_c04_a_key_without_permission_is_known_for_what_it_may(conn: Connection) -> None:
    key = make_key(conn, permissions=["stats.read", "stats.read", "mail.batch.create"])
    principal = (await viewed(conn)).recognise("apikey", key.secret)
    assert principal is not None
    assert principal.permissions == ("stats.read", "mail.batch.create")


@pytest.mark.parametrize("word", ["", "a b", "mail.send\n", "ü", "x" * 101], ids=repr)
def test_c04_a_permission_is_one_word(conn: Connection, word: str) -> None:
    with pytest.raises(Refused, match="is no permission"):
        make_key(conn, permissions=[word])


async def test_c04_a_key_of_a_domain_speaks_for_it(conn: Connection) -> None:
    add_domain(conn, "europe.test", "eu")
    key = make_key(conn, domain="Europe.test", name="  nightly ")
    principal = (await viewed(conn, "eu")).recognise("apikey", key.secret)
    assert principal is not None
    assert (principal.domain, principal.region, principal.verified) == ("europe.test", "eu", False)
    assert (await viewed(conn, "us")).recognise("apikey", key.secret) is None, "C-14"
    assert keys.listing(conn, OWN(conn), KEY)[0]["name"] == "nightly"
    assert keys.listing(conn, OWN(conn), KEY)[0]["domain"] == "europe.test"


async def test_c05_a_token_is_user_and_password(conn: Connection) -> None:
    token = make_token(conn)
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", token.secret)
    view = await viewed(conn)
    principal = view.recognise(token.secret, token.secret)
    assert principal is not None
    assert (principal.domain, principal.kind, principal.dialect) == ("example.com", TOKEN, "mailpace")
    assert principal.login == token.id, "the secret is nobody's name in a log"
    assert view.recognise(f" {token.secret}\n", f"{token.secret} ") == principal
    for user, password in (
        (token.secret, token.secret + "x"),
        (token.secret, ""),
        ("", token.secret),
        ("apikey", token.secret),
        ("joe@example.com", token.secret),
        (token.secret, make_token(conn).secret),
        (token.id, token.id),
    ):
        assert view.recognise(user, password) is None, (user, password)


async def test_c04_a_key_is_no_token(conn: Connection) -> None:
    key = make_key(conn)
    view = await viewed(conn)
    for user, password in (
        (key.secret, key.secret),
        (key.id, key.secret),
        ("apikey", key.id),
        ("apikey", ""),
    ):
        assert view.recognise(user, password) is None, (user, password)


async def test_native_credentials_are_recognised_in_the_same_ways(conn: Connection) -> None:
    key, token = make_key(conn, opening="ph_", dialect="native"), make_token(conn, dialect="native")
    with conn.transaction():
        user = credentials.issue(
            conn,
            INSTALLATION,
            IDS,
            CLOCK.now(),
            account_id=OWN(conn),
            login="a@example.com",
            dialect="native",
        )
    assert key.secret.startswith("ph_")
    view = await viewed(conn)
    for login, password in (
        ("apikey", key.secret),
        (token.secret, token.secret),
        (user.login, user.password),
    ):
        principal = view.recognise(login, password)
        assert principal is not None
        assert principal.dialect == "native"
    with conn.transaction():
        again = credentials.reset(
            conn, INSTALLATION, IDS, CLOCK.now(), account_id=OWN(conn), login="a@example.com"
        )
    principal = (await viewed(conn)).recognise("a@example.com", again.password)
    assert principal is not None
    assert principal.dialect == "native", "a new password does not change the words"


@pytest.mark.parametrize("kind", [KEY, TOKEN], ids=str)
async def test_revoked_ends_open_sessions_too(conn: Connection, kind: CredentialKind) -> None:
    issued = make_key(conn) if kind is KEY else make_token(conn)
    user = "apikey" if kind is KEY else issued.secret
    view = await viewed(conn)
    principal = view.recognise(user, issued.secret)
    assert principal is not None
    assert view.current(principal) == principal
    with conn.transaction():
        assert keys.revoke(conn, CLOCK.now(), account_id=OWN(conn), kind=kind, id=issued.id) == issued.id
    await view.refresh(OneConnection(conn))
    assert view.current(principal) is None
    assert view.recognise(user, issued.secret) is None
    assert keys.listing(conn, OWN(conn), kind) == []
    with pytest.raises(Refused, match=f"There is no .* {re.escape(issued.id)} here"), conn.transaction():
        keys.revoke(conn, CLOCK.now(), account_id=OWN(conn), kind=kind, id=issued.id)


def test_each_list_shows_its_own_kind_and_no_secret(conn: Connection) -> None:
    key, token = make_key(conn), make_token(conn)
    with conn.transaction():
        credentials.issue(conn, INSTALLATION, IDS, CLOCK.now(), account_id=OWN(conn), login="joe@example.com")
    assert [row["login"] for row in credentials.listing(conn, OWN(conn))] == ["joe@example.com"]
    assert [row["id"] for row in keys.listing(conn, OWN(conn), KEY)] == [key.id]
    assert [row["id"] for row in keys.listing(conn, OWN(conn), TOKEN, "example.com")] == [token.id]
    assert keys.listing(conn, OWN(conn), TOKEN, "other.test") == []
    shown = str(keys.listing(conn, OWN(conn), KEY) + keys.listing(conn, OWN(conn), TOKEN))
    assert key.secret not in shown
    assert token.secret not in shown
    with pytest.raises(Refused, match="There is no token"):
        keys.revoke(conn, CLOCK.now(), account_id=OWN(conn), kind=TOKEN, id=key.id)


def test_c07_the_store_holds_no_secret(conn: Connection, tmp_path: Path) -> None:
    secrets = [make_key(conn).secret, make_token(conn).secret]
    for file in tmp_path.iterdir():
        content = file.read_bytes()
        assert not any(secret.encode() in content for secret in secrets)


@pytest.mark.parametrize(
    ("password", "is_named"),
    [
        ("key-0123456789abcdef", True),
        ("SG.aaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", True),
        ("ph_aaaa.bbbb", True),
        ("SG. is what I chose", False),
        ("secret", False),
        ("", False),
    ],
)
def test_c06_a_key_in_a_users_place_is_named_by_its_form(password: str, is_named: bool) -> None:
    assert (sign_in.refusal("joe@example.com", password).reason == "api-key") is is_named


async def test_c06_or_because_it_is_one(conn: Connection) -> None:
    key, token = make_key(conn, opening="imported:"), make_token(conn)
    view = await viewed(conn)
    assert view.kind_of(key.secret) is KEY
    assert view.kind_of("imported:x") is None
    assert view.kind_of(f"{token.secret}\n") is TOKEN
    assert sign_in.refusal("joe@example.com", key.secret).reason == "bad-credentials"
    assert sign_in.refusal("joe@example.com", key.secret, view.kind_of(key.secret)).reason == "api-key"


def test_a_name_is_one_printable_line(conn: Connection) -> None:
    for name in ("a\nb", "x" * 101):
        with pytest.raises(Refused, match="printable"):
            make_key(conn, name=name)


SG = f"SG.{'a' * 22}.{'B' * 43}"
UUID = "3f2b8c1e-0000-4000-8000-123456789abc"


@pytest.mark.parametrize(
    "text",
    ["", "SG.", "SG.short.short", SG[:-1], SG + "x", SG.replace("SG", "XX"), f"ph_{'a' * 22}.{'B' * 43}"],
    ids=repr,
)
def test_c07_a_key_to_take_over_has_the_form_of_its_kind(conn: Connection, text: str) -> None:
    with pytest.raises(Refused, match=r"This is no such key; one looks like SG\.<22 characters>"):
        make_key(conn, given=text)


@pytest.mark.parametrize("text", ["", UUID[:-1], UUID + "0", UUID.replace("-", ""), "g" + UUID[1:]], ids=repr)
def test_c07_a_token_to_take_over_is_a_uuid(conn: Connection, text: str) -> None:
    with pytest.raises(Refused, match="This is no token; one looks like"), conn.transaction():
        keys.issue_token(
            conn,
            INSTALLATION,
            IDS,
            CLOCK.now(),
            account_id=OWN(conn),
            domain="example.com",
            dialect="mailpace",
            given=text,
        )


def test_c07_what_is_in_use_cannot_be_taken_over_and_whose_it_is_stays_unsaid(conn: Connection) -> None:
    assert make_key(conn, given=f" {SG}\n").secret == ""
    same_id = f"SG.{'a' * 22}.{'C' * 43}"
    for text in (SG, same_id):
        with pytest.raises(Refused) as caught:
            make_key(conn, given=text)
        assert caught.value.text == "This key is in use already; let a new one be made"
    with conn.transaction():
        keys.revoke(conn, CLOCK.now(), account_id=OWN(conn), kind=KEY, id="a" * 22)
    assert make_key(conn, given=SG).id == "a" * 22


def test_c04_words_of_our_own_kind_must_mean_something(conn: Connection) -> None:
    native = {"opening": "ph_", "dialect": "native"}
    made = make_key(conn, permissions=["mail.send", "stats.read"], **native)
    with pytest.raises(Refused, match=r"There is no permission mail\.sent; did you mean mail\.send\?"):
        make_key(conn, permissions=["mail.sent"], **native)
    with pytest.raises(Refused, match="no permission whitelabel"), conn.transaction():
        keys.change(conn, account_id=OWN(conn), kind=KEY, id=made.id, permissions=["whitelabel.read"])
    assert make_key(conn, permissions=["mail.sent"]).id, "of a service's kind it is kept"


def test_a_change_keeps_what_is_not_named(conn: Connection) -> None:
    made = make_key(conn, name="nightly", permissions=["mail.send", "stats.read"])

    def change(**more: Any) -> Credential:
        with conn.transaction():
            return keys.change(conn, account_id=OWN(conn), kind=KEY, id=made.id, **more)

    first = change(terms=Terms(ranges=("192.0.2.7", "192.0.2.7/32"), messages="0", connections="3"))
    assert (first.name, first.permissions, first.ranges) == (
        "nightly",
        ("mail.send", "stats.read"),
        ("192.0.2.7/32",),
    )
    assert first.limits == CredentialLimits(messages_per_connection=0, connections_per_address=3)
    second = change(name="daily", permissions=["mail.send"])
    assert (second.ranges, second.limits) == (first.ranges, first.limits)
    third = change(terms=Terms(ranges=(" ANY",), messages="default"))
    assert (third.name, third.ranges) == ("daily", ())
    assert third.limits == CredentialLimits(connections_per_address=3)
    assert keys.load(conn, OWN(conn), KEY, made.id) == third


@pytest.mark.parametrize(
    ("terms", "part"),
    [
        (Terms(ranges=("192.0.2.7/24",)), "write 192.0.2.0/24 for the range"),
        (Terms(ranges=("any", "192.0.2.7")), "'any' is not an address range"),
        (Terms(ranges=("192.0.2.7",) * 101), "at most 100 address ranges"),
        (Terms(messages="many"), "A limit is a number from 0 to 1000000"),
        (Terms(messages="-1"), "A limit is a number"),
        (Terms(connections="1000001"), "A limit is a number"),
        (Terms(connections="٣"), "A limit is a number"),
    ],
)
def test_terms_that_make_no_sense_are_refused(conn: Connection, terms: Terms, part: str) -> None:
    with pytest.raises(Refused, match=re.escape(part)):
        make_key(conn, terms=terms)


def test_a_list_shows_the_last_use(conn: Connection) -> None:
    made = make_key(conn, terms=Terms(ranges=("192.0.2.0/24",)))
    (row,) = keys.listing(conn, OWN(conn), KEY)
    assert (row["used_at"], row["used_from"], row["ranges"]) == (None, None, ["192.0.2.0/24"])
    key = keys.load(conn, OWN(conn), KEY, made.id)
    with conn.transaction():
        stored.note_uses(conn, [stored.Use(key.id, CLOCK.now(), "192.0.2.7")])
    (row,) = keys.listing(conn, OWN(conn), KEY)
    assert (row["used_at"], row["used_from"]) == (CLOCK.now(), "192.0.2.7")
