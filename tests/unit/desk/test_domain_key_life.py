"""The life of DKIM keys: standby, active, retiring, gone (D-03)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from blank_store import make_store
from posthouse.desk import domain_keys, domains, key_states, published
from posthouse.desk.identity_view import IdentityView
from posthouse.desk.installation import Installation
from posthouse.desk.key_rounds import KeyRounds
from posthouse.mail.dkim import ED25519_SHA256, RSA_SHA256
from posthouse.model.account import Domain, DomainKey, KeyState
from posthouse.model.clock import FakeClock, Ids
from posthouse.model.errors import Refused
from posthouse.rules.records import dkim_record
from posthouse.store.domain_keys import keys_of
from posthouse.store.engine import Connection, connect

CLOCK = FakeClock()
IDS = Ids(CLOCK)
INSTALLATION = Installation(b"k" * 32)
DAY = 86400.0
EXPIRE_S = 5 * DAY


@pytest.fixture(scope="module")
def drafted() -> domains.Draft:
    return domains.draft(INSTALLATION, IDS, CLOCK.now(), name="shop.test", region="us")


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    url = f"sqlite:///{tmp_path}/store.db"
    make_store(url)
    with connect(url) as opened:
        yield opened


@pytest.fixture
def domain(conn: Connection, drafted: domains.Draft) -> Domain:
    with conn.transaction():
        return domains.create(conn, IDS, drafted)


def made(domain: Domain, selector: str, algorithm: str = ED25519_SHA256) -> DomainKey:
    return domain_keys.make(INSTALLATION, IDS, CLOCK.now(), domain.id, selector=selector, algorithm=algorithm)


def added(conn: Connection, domain: Domain, key: DomainKey) -> DomainKey:
    with conn.transaction():
        domain_keys.add(conn, domain, key)
    return key


def states(conn: Connection, domain: Domain) -> dict[str, str]:
    return {key.selector: key.state.value for key in keys_of(conn, domain.id)}


def upcoming(conn: Connection, domain: Domain) -> list[str]:
    return [key.selector for key in key_states.upcoming(domain, keys_of(conn, domain.id))]


def rotated(conn: Connection, domain: Domain) -> key_states.Rotation:
    with conn.transaction():
        return key_states.rotate(conn, domain, upcoming(conn, domain), CLOCK.now())


def refusal(work: Callable[[], object]) -> str:
    with pytest.raises(Refused) as raised:
        work()
    return raised.value.text


class OneConnection:
    """A store of one connection."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn

    async def read(self, fn: Callable[..., Any], *args: Any) -> Any:
        return fn(self.conn, *args)

    def write(self, fn: Callable[..., Any], item: Any) -> Awaitable[Any]:
        async def written() -> Any:
            with self.conn.transaction():
                return (fn(self.conn, [item]))[0]

        return written()


def test_D_03_a_rotation_lets_the_next_key_sign(conn: Connection, domain: Domain) -> None:
    assert states(conn, domain) == {"ph1": "active", "ph2": "standby"}
    done = rotated(conn, domain)
    assert states(conn, domain) == {"ph1": "retiring", "ph2": "active"}
    assert [key.selector for key in done.active] == ["ph2"]
    assert [key.selector for key in done.retiring] == ["ph1"]
    assert key_states.gone_at(done.retiring[0], EXPIRE_S) == CLOCK.now() + 7 * DAY
    text = refusal(lambda: rotated(conn, domain))
    assert text == "shop.test has no key that stands by: add one and publish its record first"


def test_D_03_each_algorithm_rotates_by_itself(conn: Connection, domain: Domain) -> None:
    added(conn, domain, made(domain, "ph1ed"))
    assert upcoming(conn, domain) == ["ph2"], "no Ed25519 key signs yet"
    with conn.transaction():
        key_states.activate(conn, domain, "ph1ed", CLOCK.now())
    assert states(conn, domain) == {"ph1": "active", "ph2": "standby", "ph1ed": "active"}
    added(conn, domain, made(domain, "ph2ed"))
    assert upcoming(conn, domain) == ["ph2", "ph2ed"]
    rotated(conn, domain)
    assert states(conn, domain) == {
        "ph1": "retiring",
        "ph2": "active",
        "ph1ed": "retiring",
        "ph2ed": "active",
    }


def test_a_rotation_that_somebody_else_has_made_is_not_made_twice(conn: Connection, domain: Domain) -> None:
    added(conn, domain, made(domain, "mine", RSA_SHA256))
    seen = upcoming(conn, domain)
    rotated(conn, domain)
    with conn.transaction():
        text = refusal(lambda: key_states.rotate(conn, domain, seen, CLOCK.now()))
    assert "have just been changed by somebody else" in text
    assert states(conn, domain)["mine"] == "standby"


def test_D_03_a_retired_key_signs_again_when_it_is_wanted_back(conn: Connection, domain: Domain) -> None:
    rotated(conn, domain)
    with conn.transaction():
        key_states.activate(conn, domain, "PH1", CLOCK.now())
    assert states(conn, domain) == {"ph1": "active", "ph2": "retiring"}
    text = refusal(lambda: key_states.activate(conn, domain, "ph1", CLOCK.now()))
    assert text == "The key ph1 of shop.test signs already"


def test_the_last_key_is_not_retired(conn: Connection, domain: Domain) -> None:
    assert "the only one that signs" in refusal(lambda: key_states.retire(conn, domain, "ph1", CLOCK.now()))
    assert "does not sign: it is standby" in refusal(
        lambda: key_states.retire(conn, domain, "ph2", CLOCK.now())
    )
    added(conn, domain, made(domain, "ph1ed"))
    with conn.transaction():
        key_states.activate(conn, domain, "ph1ed", CLOCK.now())
        key_states.retire(conn, domain, "ph1ed", CLOCK.now())
    assert states(conn, domain)["ph1ed"] == "retiring"


def test_only_what_nothing_needs_is_removed(conn: Connection, domain: Domain) -> None:
    def remove(selector: str, at: float, *, is_forced: bool = False) -> DomainKey:
        with conn.transaction():
            return key_states.remove(conn, domain, selector, at, EXPIRE_S, is_forced=is_forced)

    now = CLOCK.now()
    assert "signs mail of shop.test; retire it first" in refusal(lambda: remove("ph1", now, is_forced=True))
    assert refusal(lambda: remove("ph9", now)) == "shop.test has no key at the selector ph9"
    rotated(conn, domain)
    assert "on its way for 7 days more" in refusal(lambda: remove("ph1", now))
    assert "on its way for one day more" in refusal(lambda: remove("ph1", now + 6.5 * DAY))
    assert remove("ph1", now + 7 * DAY).selector == "ph1"
    added(conn, domain, made(domain, "spare"))
    remove("spare", now)
    assert states(conn, domain) == {"ph2": "active"}


def test_keys_are_added_within_limits(conn: Connection, domain: Domain) -> None:
    again = made(domain, "ph1")
    assert refusal(lambda: added(conn, domain, again)) == "shop.test has a key at the selector ph1 already"
    one = added(conn, domain, made(domain, "s1"))
    text = refusal(lambda: added(conn, domain, replace(one, id="other", selector="s2")))
    assert text == "shop.test has this very key already"
    for number in range(3, domain_keys.MOST):
        added(conn, domain, made(domain, f"s{number}"))
    text = refusal(lambda: added(conn, domain, made(domain, "s99")))
    assert text == "shop.test has 10 keys, which is the most; remove one first"
    assert "try again" in refusal(lambda: added(conn, replace(domain, id="x"), made(domain, "s99")))


SELECTORS = {
    "ph3": "ph3",
    " S1 ": "s1",
    "k1.mail": "k1.mail",
    "20261126": "20261126",
    "s1._domainkey.shop.test": "s1",
    "a" * 63: "a" * 63,
}
WRONG_SELECTORS = [
    "",
    "a b",
    "a_b",
    "-a",
    "a-",
    "a..b",
    ".a",
    "ü",
    "a" * 64,
    "x;p=",
    "s1._domainkey",
    "a\n.b",
]


@pytest.mark.parametrize("text", SELECTORS)
def test_a_selector_is_read(text: str) -> None:
    assert domain_keys.selector_name(text, "shop.test") == SELECTORS[text]


@pytest.mark.parametrize("text", WRONG_SELECTORS, ids=ascii)
def test_what_is_no_selector_is_explained(text: str) -> None:
    assert "is no selector: it has letters" in refusal(lambda: domain_keys.selector_name(text, "shop.test"))


def test_a_selector_fits_before_the_domain() -> None:
    long = ".".join(["x" * 60] * 3)
    assert "more than 253 octets" in refusal(
        lambda: domain_keys.selector_name(f"{'y' * 60}.s", long + ".test")
    )


def test_D_03_a_key_from_elsewhere_signs(conn: Connection, domain: Domain) -> None:
    data = b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    key, warning = domain_keys.bring(INSTALLATION, IDS, CLOCK.now(), domain.id, selector="old", data=data)
    assert (key.state, key.algorithm, warning) == (KeyState.STANDBY, ED25519_SHA256, "")
    assert data not in repr(key).encode()
    added(conn, domain, key)
    with conn.transaction():
        key_states.activate(conn, domain, "old", CLOCK.now())
    opened = domain_keys.load_signing_keys(INSTALLATION, domain.name, keys_of(conn, domain.id))
    assert [one.selector for one in opened] == ["ph1", "old"]
    text = refusal(lambda: domain_keys.bring(INSTALLATION, IDS, 0.0, domain.id, selector="x", data=b"hello"))
    assert text.startswith("Not a key that can sign: this is not a readable private key")


def test_D_03_dns_is_asked_before_a_key_signs(drafted: domains.Draft) -> None:
    domain, keys = drafted.domain, drafted.keys
    right = {dkim_record(domain, key).name: [dkim_record(domain, key).value] for key in keys}

    def ask(texts: dict[str, list[str]]) -> None:
        published.refuse_unpublished(domain, keys, lambda name: texts.get(name, []))

    ask(right)
    name = "ph2._domainkey.shop.test"
    assert f"DNS has nothing at {name}: mail signed" in refusal(lambda: ask(right | {name: []}))
    assert f"DNS has 2 records at {name}" in refusal(lambda: ask(right | {name: right[name] * 2}))
    assert f"DNS has another record at {name}" in refusal(lambda: ask(right | {name: ["v=DKIM1; p="]}))


async def test_D_03_a_retired_key_makes_room_for_a_fresh_one(conn: Connection, domain: Domain) -> None:
    clock = FakeClock(CLOCK.now())
    store = OneConnection(conn)
    round_ = KeyRounds(store, clock, IDS, INSTALLATION, EXPIRE_S)
    rotated(conn, domain)
    old = keys_of(conn, domain.id)[0]
    clock.advance(7 * DAY - 1)
    assert await round_.go() == 0
    clock.advance(1)
    assert await round_.go() == 1
    assert await round_.go() == 0
    assert states(conn, domain) == {"ph2": "active", "ph1": "standby"}
    fresh = next(key for key in keys_of(conn, domain.id) if key.selector == "ph1")
    assert (fresh.algorithm, fresh.since, fresh.public != old.public) == (RSA_SHA256, clock.now(), True)
    assert upcoming(conn, domain) == ["ph1"]


async def test_two_workers_replace_a_key_once(conn: Connection, domain: Domain) -> None:
    clock = FakeClock(CLOCK.now())
    rotated(conn, domain)
    clock.advance(8 * DAY)

    class Late(OneConnection):
        """The other worker was here between our look and our writing."""

        def write(self, fn: Callable[..., Any], item: Any) -> Awaitable[Any]:
            async def written() -> Any:
                assert await KeyRounds(OneConnection(conn), clock, IDS, INSTALLATION, EXPIRE_S).go() == 1
                return await OneConnection(conn).write(fn, item)

            return written()

    assert await KeyRounds(Late(conn), clock, IDS, INSTALLATION, EXPIRE_S).go() == 0
    assert states(conn, domain) == {"ph2": "active", "ph1": "standby"}


async def test_a_kind_that_signs_no_more_gets_no_fresh_key(conn: Connection, domain: Domain) -> None:
    clock = FakeClock(CLOCK.now())
    added(conn, domain, made(domain, "ph1ed"))
    with conn.transaction():
        key_states.activate(conn, domain, "ph1ed", CLOCK.now())
        key_states.retire(conn, domain, "ph1ed", CLOCK.now())
    clock.advance(8 * DAY)
    assert await KeyRounds(OneConnection(conn), clock, IDS, INSTALLATION, EXPIRE_S).go() == 1
    assert states(conn, domain) == {"ph1": "active", "ph2": "standby"}


async def test_D_03_workers_sign_with_the_new_key_after_their_next_look(
    conn: Connection, domain: Domain
) -> None:
    view = IdentityView(INSTALLATION, "us")
    await view.refresh(OneConnection(conn))
    assert [key.selector for key in view.signing_keys(domain.name, domain.account_id)] == ["ph1"]
    rotated(conn, domain)
    assert await view.refresh(OneConnection(conn))
    assert [key.selector for key in view.signing_keys(domain.name, domain.account_id)] == ["ph2"]
    assert view.signing_keys(domain.name, "another") == [], "S20"
