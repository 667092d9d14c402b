"""What else the view knows: addresses, pools, groups, keys by selector, link keys, domains by tag."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from blank_store import make_store
from posthouse.desk import domain_settings, domains
from posthouse.desk.identity_view import IdentityView
from posthouse.desk.installation import Installation
from posthouse.model.account import Domain
from posthouse.model.clock import FakeClock, Ids
from posthouse.rules.policy import registered
from posthouse.store import egress, groups, identity
from posthouse.store.egress import LocalAddress, Pool
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


def add_domain(conn: Connection, name: str, region: str = "us", account: str = "one") -> Domain:
    new = domains.draft(
        INSTALLATION, IDS, CLOCK.now(), name=name, region=region, algorithms=("ed25519-sha256",)
    )
    with conn.transaction():
        identity.ensure_account(conn, account, id=IDS.new(), now=CLOCK.now())
        return domains.create(conn, IDS, new, account)


class OneConnection:
    def __init__(self, conn: Connection) -> None:
        self.conn = conn

    async def read(self, fn: Callable[..., Any], *args: Any) -> Any:
        return fn(self.conn, *args)


async def viewed(conn: Connection) -> IdentityView:
    view = IdentityView(INSTALLATION, "us")
    await view.refresh(OneConnection(conn))
    return view


async def test_addresses_and_pools_belong_to_accounts(conn: Connection) -> None:
    with conn.transaction():
        for address, account_id, hello in (
            ("192.0.2.1", "", ""),
            ("192.0.2.2", "a1", "out.test"),
            ("192.0.2.3", "a2", ""),
        ):
            egress.add_ip(conn, LocalAddress(address, account_id, hello, 1.0))
        egress.add_pool(conn, Pool("p1", "a1", "news", ("192.0.2.1", "192.0.2.2", "192.0.2.3")))
        egress.add_pool(conn, Pool("p2", "a2", "news", ()))
        egress.add_pool(conn, Pool("news", "a1", "p1", ()))  # named like another one's id, and the reverse
    view = await viewed(conn)
    assert [view.owns_ip("a1", f"192.0.2.{n}") for n in (1, 2, 3, 4)] == [True, True, False, False]
    found = [view.is_anothers("a1", f"192.0.2.{n}") for n in (1, 2, 3, 4)]
    assert found == [False, False, True, False], "an address that nobody added is nobody's"
    assert view.dedicated("a1") == ("192.0.2.2",) and view.dedicated("none") == ()
    assert view.pool_sources("a1", "news") == ("192.0.2.1", "192.0.2.2"), "never another account's address"
    assert view.pool_sources("a1", "p1") == (), "a name goes before an id"
    assert view.pool_sources("a2", "p2") == ()
    assert view.pool_sources("a2", "p1") is None
    assert (view.hello_of("192.0.2.2"), view.hello_of("192.0.2.1")) == ("out.test", "")


async def test_groups_by_account(conn: Connection) -> None:
    with conn.transaction():
        made = [groups.add_group(conn, "a1", name) for name in ("news", "offers")]
        other = groups.add_group(conn, "a2", "news")
    view = await viewed(conn)
    assert view.groups_of("a1") == {group.number for group in made}
    assert view.groups_of("a3") == frozenset()
    assert view.group("a1", made[1].number) == made[1]
    assert view.group("a1", other.number) is None


async def test_a_name_is_spoken_for_by_the_nearest_domain(conn: Connection) -> None:
    add_domain(conn, "example.com")
    add_domain(conn, "shop.example.com")
    add_domain(conn, "europe.test", "eu")
    view = await viewed(conn)
    found = {
        name: getattr(registered(name, view.domain), "name", None)
        for name in (
            "example.com",
            "a.b.shop.example.com",
            "x.example.com",
            "com",
            "",
            "europe.test",
            "[::1]",
        )
    }
    assert found == {
        "example.com": "example.com",
        "a.b.shop.example.com": "shop.example.com",
        "x.example.com": "example.com",
        "com": None,
        "": None,
        "europe.test": None,
        "[::1]": None,
    }


async def test_a_domain_is_found_by_the_tag_of_its_links(conn: Connection) -> None:
    domain = add_domain(conn, "example.com")
    view = await viewed(conn)
    assert view.domain_by_tag(hashlib.sha256(b"example.com").digest()[:8]) == domain
    assert view.domain_by_tag(hashlib.sha256(b"example.com").digest()[:4]) == domain
    assert view.domain_by_tag(b"none") is None
    keys = {view.link_key(name) for name in ("example.com", "example.org", "")}
    assert len(keys) == 3
    assert {len(key) for key in keys} == {32}
    assert Installation(b"x" * 32).link_key("example.com") not in keys


async def test_S17_a_host_below_a_domain_is_its_accounts_alone(conn: Connection) -> None:
    owner = add_domain(conn, "shop.test")
    other = add_domain(conn, "other.test", account="two")
    third = add_domain(conn, "third.test", account="three")
    for domain, url in ((other, "https://email.shop.test"), (third, "https://links.nobodys.test")):
        pair = [f"tracking_url={url}"]
        with conn.transaction():
            domains.change_settings(
                conn,
                domain.account_id,
                domain.name,
                lambda settings, pair=pair: domain_settings.changed(settings, pair),
            )
    view = await viewed(conn)
    assert view.may_use_host(owner, "email.shop.test")
    assert not view.may_use_host(other, "email.shop.test"), "who names a host does not own it"
    assert view.may_use_host(third, "links.nobodys.test")
    assert not view.may_use_host(owner, "links.nobodys.test")


async def test_a_key_by_selector_is_only_for_its_account(conn: Connection) -> None:
    own = add_domain(conn, "example.com")
    other = add_domain(conn, "other.test", account="two")
    view = await viewed(conn)
    key = view.key_of(own.account_id, "example.com", "ph1ed")
    assert key is not None
    assert (key.domain, key.selector) == ("example.com", "ph1ed")
    assert view.key_of(own.account_id, "example.com", "ph1") is None
    assert view.key_of(own.account_id, "other.test", "ph1ed") is None
    assert view.key_of(other.account_id, "other.test", "ph1ed") is not None
    assert view.key_of(own.account_id, "none.test", "ph1ed") is None


async def test_changed_settings_are_seen(conn: Connection) -> None:
    domain = add_domain(conn, "example.com")
    view = await viewed(conn)
    with conn.transaction():
        domains.change_settings(
            conn,
            domain.account_id,
            "example.com",
            lambda settings: domain_settings.changed(settings, ["track_opens=yes"]),
        )
    assert await view.refresh(OneConnection(conn))
    found = view.domain("example.com")
    assert found is not None
    assert found.settings.track_opens is True
